"""Structured log lines; whatever is named like a secret never reaches them."""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

_SECRET = ("password", "secret", "token", "authorization", "cookie")


def _redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    for name in event:
        if any(word in name.lower() for word in _SECRET) and not name.endswith("_id"):
            event[name] = "…"
    return event


def configure_logs(form: str, level: str) -> None:
    """Send log lines to standard error, for people (``console``) or machines (``json``)."""
    last: Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _redact,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
