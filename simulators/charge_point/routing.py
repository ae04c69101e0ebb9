"""The `ocpp` package's handler mark, with a type."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from ocpp.routing import on as ocpp_on

Handler = TypeVar("Handler", bound=Callable[..., Any])


def on(action: str) -> Callable[[Handler], Handler]:
    """Mark a method as the handler of an action that the server sends."""
    return cast("Callable[[Handler], Handler]", ocpp_on(action))
