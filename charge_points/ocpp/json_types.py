"""Names for parsed JSON."""

from typing import Any, TypeAlias

# Whatever a JSON parser returns: what it is shows only when it is looked at.
Json: TypeAlias = Any

# The payload of a message: always an object.
Payload: TypeAlias = dict[str, Json]
