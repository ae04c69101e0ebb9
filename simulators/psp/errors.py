"""Answers that are not 200, in the provider's published shape."""

from typing import Any

Json = dict[str, Any]


class ApiError(Exception):
    """A refusal: HTTP status and the `error` object of the answer.

    `executed` tells whether the endpoint began its work: then what it wrote
    is kept (a declined attempt is a fact) and the answer is remembered under
    the idempotency key, as the provider documents it.
    """

    def __init__(
        self,
        status: int,
        error: Json,
        *,
        executed: bool = False,
        retry_after_s: int = 0,
    ) -> None:
        """Keep only the members that are set; `retry_after_s` 0: no such header."""
        super().__init__(str(error.get("message", "")))
        self.status = status
        self.error = {name: value for name, value in error.items() if value is not None}
        self.executed = executed
        self.retry_after_s = retry_after_s

    @property
    def body(self) -> Json:
        """The answer's body."""
        return {"error": self.error}


def invalid(
    message: str,
    *,
    code: str | None = None,
    param: str | None = None,
    status: int = 400,
) -> ApiError:
    """A request that is wrong and was not begun."""
    error = {
        "type": "invalid_request_error",
        "code": code,
        "message": message,
        "param": param,
    }
    return ApiError(status, error)


def missing_parameter(name: str) -> ApiError:
    """A required parameter that is not there."""
    return invalid(
        f"Missing required param: {name}.", code="parameter_missing", param=name
    )


def no_such(kind: str, reference: str, *, param: str, status: int = 404) -> ApiError:
    """An object that does not exist on the acting account."""
    return invalid(
        f"No such {kind}: '{reference}'. It may exist on another account: "
        "check the Stripe-Account header.",
        code="resource_missing",
        param=param,
        status=status,
    )


def wrong_state(message: str, *, code: str, extra: Json | None = None) -> ApiError:
    """The object's state does not allow this; remembered under the key."""
    error = {"type": "invalid_request_error", "code": code, "message": message}
    return ApiError(400, {**error, **(extra or {})}, executed=True)


def server_error(status: int, message: str) -> ApiError:
    """A failure of the provider itself."""
    return ApiError(status, {"type": "api_error", "message": message})
