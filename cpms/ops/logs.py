"""Structured logs on standard error: JSON for machines, lines for developers."""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Final

import structlog
from django.conf import settings
from structlog.typing import EventDict, Processor, WrappedLogger

MASK: Final = "***"
SECRET_NAMES: Final = frozenset({"code", "certificate", "proof", "jws"})
SECRET_WORDS: Final = frozenset(
    {"password", "passwd", "token", "secret", "authorization", "cookie"}
)
SECRET_PAIRS: Final = ("api_key", "private_key", "signing_key", "encryption_key")
DEPTH_MAX: Final = 6

_IN_TEXT: Final = (
    # Credentials of the HTTP header, whoever quotes it.
    (re.compile(r"(?i)\b(bearer|basic|api-key)\s+[\w.~+/=-]{8,}"), r"\1 ***"),
    # Passwords in URLs: databases, brokers.
    (re.compile(r"(\w+://[^\s/:@]*):[^\s/@]+@"), r"\1:***@"),
    # Keys of the payment provider.
    (re.compile(r"\b(sk|rk|whsec)_\w{4,}"), r"\1_***"),
    # Addresses that are secrets: charges, receipts, pay links, certificates.
    (re.compile(r"(/(?:live|receipt|pay|c)/)[\w.~:=%-]{8,}"), r"\1***"),
    (re.compile(r"([?&](?:code|token)=)[^&\s\"'>]+"), r"\1***"),
    # Compact JWS: certificates and proofs.
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"), MASK),
)


def _is_secret(name: str) -> bool:
    low = name.lower().replace("-", "_")
    return (
        low in SECRET_NAMES
        or any(pair in low for pair in SECRET_PAIRS)
        or not SECRET_WORDS.isdisjoint(low.split("_"))
    )


def mask_text(text: str) -> str:
    """Replace what looks like a credential inside a text."""
    for pattern, shown in _IN_TEXT:
        text = pattern.sub(shown, text)
    return text


def _masked(value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - anything is logged
    if isinstance(value, str):
        return mask_text(value)
    if depth >= DEPTH_MAX:
        # Too deep to search, so too deep to show: it may hold a secret.
        return MASK if isinstance(value, Mapping | list | tuple) else value
    if isinstance(value, Mapping):
        return {
            key: MASK if _is_secret(str(key)) else _masked(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_masked(item, depth + 1) for item in value]
    return value


def mask_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace values under names of secrets, and credentials inside texts."""
    for key, value in event.items():
        if not key.startswith("_"):
            event[key] = MASK if _is_secret(key) else _masked(value)
    return event


def configure() -> None:
    """Send structlog and the standard library's loggers through one formatter."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
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
                mask_secrets,  # last: traces quote what failed
                renderer,
            ],
        )
    )
    logging.captureWarnings(capture=True)  # Python's own lines are no JSON
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.LOG_LEVEL)
    for name in ("uvicorn", "uvicorn.access", "uvicorn.error"):
        # Its own handlers would print addresses that are secrets.
        own = logging.getLogger(name)
        own.handlers, own.propagate = [], True
    logging.getLogger("websockets").setLevel(logging.WARNING)
    logging.getLogger("stripe").setLevel(logging.WARNING)
