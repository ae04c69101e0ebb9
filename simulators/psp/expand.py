"""`expand[]`: ids in an answer replaced by the objects they name."""

from simulators.psp import ids
from simulators.psp.call import Call
from simulators.psp.errors import ApiError, Json, invalid
from simulators.psp.limits import EXPAND_DEPTH_MAX, EXPAND_MAX, PLATFORM
from simulators.psp.store import public


def _lookup(call: Call, reference: str) -> Json | None:
    kind = ids.kind_of(reference)
    if kind is None:
        return None
    for account in (call.account, PLATFORM):
        thing = call.unit.find(account, kind, reference)
        if thing is not None:
            return public(thing)
    return None


def _refuse(whole: str) -> ApiError:
    return invalid(f"This property cannot be expanded ({whole}).", param="expand")


def _expand_member(call: Call, thing: Json, path: list[str], whole: str) -> None:
    name, *rest = path
    if name not in thing:
        raise _refuse(whole)
    value = thing[name]
    if isinstance(value, str):
        value = _lookup(call, value)
        if value is None:
            raise _refuse(whole)
        thing[name] = value
    _descend(call, value, rest, whole)


def _descend(call: Call, value: object, rest: list[str], whole: str) -> None:
    if isinstance(value, int):
        raise _refuse(whole)
    if not rest:
        return
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            _expand_member(call, item, rest, whole)


def expand(call: Call, answer: Json) -> Json:
    """Replace the ids that the request asked to see as objects.

    Raises:
        ApiError: too many, too deep, or a property that is no reference.
    """
    paths = call.params.texts("expand")
    if len(paths) > EXPAND_MAX:
        raise invalid(f"At most {EXPAND_MAX} properties can be expanded.")
    for path in paths:
        segments = path.split(".")
        if len(segments) > EXPAND_DEPTH_MAX:
            raise invalid(
                f"Properties can be expanded {EXPAND_DEPTH_MAX} levels deep.",
                param="expand",
            )
        _expand_member(call, answer, segments, path)
    return answer
