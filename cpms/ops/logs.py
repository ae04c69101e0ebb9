"""Structured logs on standard error: JSON for machines, lines for developers."""

import logging
import sys
from typing import Final

import structlog
from django.conf import settings
from structlog.typing import EventDict, Processor, WrappedLogger

SECRET_KEYS: Final = frozenset(
    {
        "password",
        "token",
        "secret",
        "authorization",
        "api_key",
        "certificate",
        "code",
        "proof",
        "private_key",
    }
)


def mask_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace values under names of secrets."""
    for key in event.keys() & SECRET_KEYS:
        event[key] = "***"
    return event


def configure() -> None:
    """Send structlog and the standard library's loggers through one formatter."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask_secrets,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if settings.LOG_JSON
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.LOG_LEVEL)
    logging.getLogger("websockets").setLevel(logging.WARNING)
    logging.getLogger("stripe").setLevel(logging.WARNING)
