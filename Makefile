# Short names for dev.py, which does the work and needs nothing but Python 3.11 or newer.
# Arguments go through ARGS: make demo ARGS="--port 8800", make bench ARGS=drain.

.PHONY: help demo test bench lint

help:
	@python3 dev.py help

demo:
	python3 dev.py run $(ARGS)

test:
	python3 dev.py test $(ARGS)

bench:
	python3 dev.py bench $(ARGS)

lint:
	python3 dev.py lint
