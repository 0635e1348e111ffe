"""Structured logs on stderr.

How to log: ``get_logger("drain").warning("entry_dead_lettered", partition=3, reason="timestamp_invalid")``. The event
is a constant name, everything else a field; identifiers instead of objects. **Never an address, an e-mail or a full URL
of a visitor**: nothing here filters them out, because a filter that misses one is worse than a rule that all know.
Warning: unexpected but handled. Error: somebody should look.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Literal, cast

import structlog
from structlog.typing import FilteringBoundLogger, Processor

LogFormat = Literal["text", "json"]

# Named here because they log every job or request at "info", in words and with arguments.
_CHATTY = ("rq", "rq.worker", "rq.cron", "alembic", "waitress", "granian", "urllib3")


def configure_logging(format: LogFormat = "text", level: str = "info") -> None:
    """Send our logs, and those of the libraries that use ``logging``, to stderr as lines of *format*.

    Call it first thing in every process: until then structlog writes to stdout, where commands put their answers.
    Raises ``ValueError`` for an unknown *level*.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"unknown log level {level!r}")
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Processor
    if format == "json":
        # Local variables would put visitors' names and addresses into the log.
        told = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        shared.append(structlog.processors.ExceptionRenderer(told))
        renderer = structlog.processors.JSONRenderer(default=str)
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback, sort_keys=False
        )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        # One write a line: several processes share this stderr.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    ours = [old for old in root.handlers if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter)]
    root.handlers[:] = [handler, *(other for other in root.handlers if other not in ours)]
    root.setLevel(number)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


def get_logger(part: str, **fields: Any) -> FilteringBoundLogger:
    """Return a logger that adds ``part`` (which part of the service speaks) and *fields* to every line."""
    return cast(FilteringBoundLogger, structlog.get_logger(part=part, **fields))
