"""``python -m scorer.cli`` is ``warmtrail``."""

from scorer.cli import main

main()
