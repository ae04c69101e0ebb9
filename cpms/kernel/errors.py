"""The one base of every error that the domain raises on purpose."""

from typing import Any, ClassVar


class DomainError(Exception):
    """A refusal that the caller can act on.

    Args:
        code: stable snake_case word, part of the public interfaces.
        message: what happened, where, and what to do about it.
        extra: JSON-safe details for machines.
    """

    http_status: ClassVar[int] = 409

    def __init__(self, code: str, message: str, **extra: Any) -> None:
        """Keep the parts apart so that every edge can show them its own way."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.extra = extra

    @property
    def status(self) -> int:
        """HTTP status of this refusal; a class or an instance may override it."""
        value = self.extra.get("http_status", self.http_status)
        return int(value)
