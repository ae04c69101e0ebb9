"""Names for what has no type of its own."""

from typing import Any

# Parsed JSON, or what is to become JSON.
JsonValue = Any

# Dataclasses of the `ocpp` package (`call.…`, `call_result.…`): it has no types.
Message = Any

# An open connection of whichever library made it.
Connection = Any
