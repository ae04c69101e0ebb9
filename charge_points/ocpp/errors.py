"""CALLERROR codes: one table per version.

The codes differ in spelling and in number between the versions, so the rest of the
code speaks of a ``Fault`` and asks this table for the code. 1.6 keeps two misspelled
codes on purpose: the errata (5.1 and 5.2) forbid to correct them on the wire.
"""

from enum import StrEnum
from typing import Final

from charge_points.ocpp.versions import V16, V201


class Fault(StrEnum):
    """What is wrong, in words of no version."""

    FRAME = "frame"
    MESSAGE_TYPE = "message_type"
    MALFORMED = "malformed"
    UNKNOWN_ACTION = "unknown_action"
    UNSUPPORTED_ACTION = "unsupported_action"
    MISSING = "missing"
    OCCURRENCE = "occurrence"
    TYPE = "type"
    VALUE = "value"
    SECURITY = "security"
    INTERNAL = "internal"
    GENERIC = "generic"


# OCPP-J 1.6, 4.2.3 table 7. "ProtocolError: Payload for Action is incomplete" is the
# missing field; "FormationViolation: ... not conform the PDU structure" the extra one.
_CODES_V16: Final = {
    Fault.FRAME: "FormationViolation",
    Fault.MESSAGE_TYPE: "FormationViolation",
    Fault.MALFORMED: "FormationViolation",
    Fault.UNKNOWN_ACTION: "NotImplemented",
    Fault.UNSUPPORTED_ACTION: "NotSupported",
    Fault.MISSING: "ProtocolError",
    Fault.OCCURRENCE: "OccurenceConstraintViolation",
    Fault.TYPE: "TypeConstraintViolation",
    Fault.VALUE: "PropertyConstraintViolation",
    Fault.SECURITY: "SecurityError",
    Fault.INTERNAL: "InternalError",
    Fault.GENERIC: "GenericError",
}

# OCPP 2.0.1 part 4, 4.3. A missing field violates its occurrence constraint (1..1).
_CODES_V201: Final = {
    Fault.FRAME: "RpcFrameworkError",
    Fault.MESSAGE_TYPE: "MessageTypeNotSupported",
    Fault.MALFORMED: "FormatViolation",
    Fault.UNKNOWN_ACTION: "NotImplemented",
    Fault.UNSUPPORTED_ACTION: "NotSupported",
    Fault.MISSING: "OccurrenceConstraintViolation",
    Fault.OCCURRENCE: "OccurrenceConstraintViolation",
    Fault.TYPE: "TypeConstraintViolation",
    Fault.VALUE: "PropertyConstraintViolation",
    Fault.SECURITY: "SecurityError",
    Fault.INTERNAL: "InternalError",
    Fault.GENERIC: "GenericError",
}

CODES: Final[dict[str, dict[Fault, str]]] = {V16: _CODES_V16, V201: _CODES_V201}

# Every code that the version's specification lists. ProtocolError exists in 2.0.1
# too, but no fault of ours maps to it.
VALID_CODES: Final[dict[str, frozenset[str]]] = {
    V16: frozenset(_CODES_V16.values()),
    V201: frozenset(_CODES_V201.values()) | {"ProtocolError"},
}


def code_for(version: str, fault: Fault) -> str:
    """Return the CALLERROR code of `fault` as `version` spells it.

    Raises:
        KeyError: `version` is not one of ``versions.VERSIONS``.
    """
    return CODES[version][fault]
