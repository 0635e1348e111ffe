"""Everything until a visitor's behaviour is known: collector, durable queue, drain, visits and engaged time."""
