"""Form bodies with nested names (`a[b][0]=x`) and typed reading of them."""

from collections.abc import Collection, Iterator
from urllib.parse import parse_qsl

from simulators.psp.errors import Json, invalid, missing_parameter
from simulators.psp.limits import (
    DEPTH_MAX,
    FIELDS_MAX,
    METADATA_KEY_MAX,
    METADATA_KEYS_MAX,
    METADATA_VALUE_MAX,
)

# Parameters whose inner names are the caller's own.
_OPEN = frozenset({"metadata", "expand"})


def _segments(name: str) -> list[str]:
    head, *rest = name.split("[")
    if not head or any(not part.endswith("]") for part in rest):
        raise invalid(f"Invalid parameter name: {name}", param=name)
    segments = [head, *(part[:-1] for part in rest)]
    if len(segments) > DEPTH_MAX:
        raise invalid(f"Parameter nested too deeply: {name}", param=name)
    return segments


def _insert(tree: Json, name: str, value: str) -> None:
    node = tree
    segments = _segments(name)
    for segment in segments[:-1]:
        child = node.setdefault(segment, {})
        if not isinstance(child, dict):
            raise invalid(f"Parameter given twice: {name}", param=name)
        node = child
    last = segments[-1] or str(len(node))
    if last in node:
        raise invalid(f"Parameter given twice: {name}", param=name)
    node[last] = value


def decode(body: str) -> Json:
    """Read a form body or query into nested dictionaries of strings.

    Lists arrive as `name[0]`, `name[1]` or repeated `name[]` and stay
    dictionaries with numeric keys in arrival order.

    Raises:
        ApiError: too many fields, a broken name, the same name twice.
    """
    try:
        pairs = parse_qsl(
            body,
            keep_blank_values=True,
            strict_parsing=bool(body),
            max_num_fields=FIELDS_MAX,
        )
    except ValueError as error:
        raise invalid(f"The form could not be read: {error}.") from None
    tree: Json = {}
    for name, value in pairs:
        _insert(tree, name, value)
    return tree


def _leaves(node: Json, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in node.items():
        inner = path if name.isdigit() and path else (*path, name)
        if isinstance(value, dict):
            yield from _leaves(value, inner)
        else:
            yield inner


def _is_open(path: tuple[str, ...], accepted: Collection[str]) -> bool:
    return any(
        name in _OPEN and ".".join(path[: depth + 1]) in accepted
        for depth, name in enumerate(path)
    )


def check_known(values: Json, accepted: Collection[str]) -> None:
    """Refuse every parameter that the route does not accept.

    `accepted` holds dotted names such as `card.token`.
    """
    for path in _leaves(values):
        if _is_open(path, accepted):
            continue
        if ".".join(path) not in accepted:
            name = path[0] + "".join(f"[{part}]" for part in path[1:])
            raise invalid(
                f"Received unknown parameter: {name}",
                code="parameter_unknown",
                param=name,
            )


class Params:
    """Typed reading of one request's parameters; names may be dotted."""

    def __init__(self, values: Json) -> None:
        """Wrap decoded values."""
        self.values = values

    def _find(self, name: str) -> object:
        node: object = self.values
        for segment in name.split("."):
            if not isinstance(node, dict) or segment not in node:
                return None
            node = node[segment]
        return node

    def given(self, name: str) -> bool:
        """Tell whether the parameter was sent at all."""
        return self._find(name) is not None

    def text(self, name: str) -> str | None:
        """A string, or None when absent or empty (empty unsets)."""
        value = self._find(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise invalid(f"Invalid string: {name}", param=name)
        return value

    def need_text(self, name: str) -> str:
        """A string that must be there."""
        value = self.text(name)
        if value is None:
            raise missing_parameter(name)
        return value

    def integer(self, name: str) -> int | None:
        """A non-negative integer, or None when absent."""
        value = self.text(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and len(value) <= 18):
            raise invalid(
                f"Invalid integer: {value}",
                code="parameter_invalid_integer",
                param=name,
            )
        return int(value)

    def need_integer(self, name: str) -> int:
        """A non-negative integer that must be there."""
        value = self.integer(name)
        if value is None:
            raise missing_parameter(name)
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A boolean written `true` or `false`."""
        value = self.text(name)
        if value is None:
            return default
        if value not in {"true", "false"}:
            raise invalid(f"Invalid boolean: {value}", param=name)
        return value == "true"

    def choice(
        self, name: str, allowed: Collection[str], default: str | None = None
    ) -> str | None:
        """One of the allowed words."""
        value = self.text(name)
        if value is None:
            return default
        if value not in allowed:
            words = ", ".join(sorted(allowed))
            raise invalid(f"Invalid {name}: must be one of {words}", param=name)
        return value

    def texts(self, name: str) -> list[str]:
        """A list of strings."""
        value = self._find(name)
        if value is None or value == "":
            return []
        if not isinstance(value, dict):
            raise invalid(f"Invalid array: {name}", param=name)
        items = list(value.values())
        if not all(isinstance(item, str) for item in items):
            raise invalid(f"Invalid array: {name}", param=name)
        return items

    def items(self, name: str) -> list["Params"]:
        """A list of nested objects."""
        value = self._find(name)
        if not isinstance(value, dict):
            return []
        return [Params(item) for item in value.values() if isinstance(item, dict)]

    def metadata(self, known: Json | None = None) -> Json:
        """The caller's own key-value pairs merged into the known ones."""
        merged = dict(known or {})
        value = self._find("metadata")
        if value is None:
            return merged
        if value == "":
            return {}
        if not isinstance(value, dict):
            raise invalid("Invalid object: metadata", param="metadata")
        for key, text in value.items():
            if not isinstance(text, str) or len(text) > METADATA_VALUE_MAX:
                raise invalid(f"Invalid metadata value: {key}", param="metadata")
            if len(key) > METADATA_KEY_MAX:
                raise invalid(f"Metadata key too long: {key}", param="metadata")
            merged[key] = text
        merged = {key: text for key, text in merged.items() if text != ""}
        if len(merged) > METADATA_KEYS_MAX:
            raise invalid("Too many metadata keys", param="metadata")
        return merged
