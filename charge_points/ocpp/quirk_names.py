"""The quirks of real charging stations that this room knows, as data.

A quirk is a broken rule whose meaning is still clear. It is repaired and counted; it
is never a reason to refuse a message. Every name here has a test.
"""

from dataclasses import dataclass
from typing import Final

from charge_points.ocpp.versions import V16, VERSIONS


@dataclass(frozen=True, slots=True)
class Quirk:
    """One known quirk.

    Attributes:
        name: Stable name; counted per charge point under it.
        versions: The versions in which it can occur.
        description: What the station does, and what is made of it.
    """

    name: str
    versions: tuple[str, ...]
    description: str


# Frames
NULL_PAYLOAD: Final = "null_payload"
LONG_MESSAGE_ID: Final = "long_message_id"
NUMERIC_MESSAGE_ID: Final = "numeric_message_id"
NUL_CHARACTER: Final = "nul_character"
SHORT_CALL_ERROR: Final = "short_call_error"
CONCURRENT_CALLS: Final = "concurrent_calls"
UNKNOWN_RESPONSE_ID: Final = "unknown_response_id"
LATE_RESPONSE: Final = "late_response"
ERROR_WITHOUT_ID: Final = "error_without_id"
UNREADABLE_FRAME: Final = "unreadable_frame"
# Fields
NULL_FIELD: Final = "null_field"
EMPTY_FIELD: Final = "empty_field"
EMPTY_VENDOR_OR_MODEL: Final = "empty_vendor_or_model"
NUMBER_AS_STRING: Final = "number_as_string"
STRING_AS_NUMBER: Final = "string_as_number"
FRACTION_IN_INTEGER: Final = "fraction_in_integer"
BOOLEAN_AS_OTHER: Final = "boolean_as_other"
OBJECT_FOR_STRING: Final = "object_for_string"
OBJECT_FOR_ARRAY: Final = "object_for_array"
PADDED_VALUE: Final = "padded_value"
DECIMAL_COMMA: Final = "decimal_comma"
BAD_OPTIONAL_VALUE: Final = "bad_optional_value"
ENUM_SPELLING: Final = "enum_spelling"
UNKNOWN_ENUM_VALUE: Final = "unknown_enum_value"
UNKNOWN_ERROR_CODE: Final = "unknown_error_code"
FOREIGN_FIELD: Final = "foreign_field"
STRING_TOO_LONG: Final = "string_too_long"
ID_TAG_TOO_LONG: Final = "id_tag_too_long"
ID_TAG_MISSING: Final = "id_tag_missing"
TRANSACTION_ID_NULL: Final = "transaction_id_null"
TIME_MISSING: Final = "time_missing"
METER_STOP_MISSING: Final = "meter_stop_missing"
ERROR_CODE_MISSING: Final = "error_code_missing"
TOO_MANY_DECIMALS: Final = "too_many_decimals"
# Meter values
UNIT_ALIAS: Final = "unit_alias"
UNKNOWN_CONTEXT: Final = "unknown_context"
UNKNOWN_MEASURAND: Final = "unknown_measurand"
UNKNOWN_SAMPLE_FIELD: Final = "unknown_sample_field"
UNKNOWN_UNIT: Final = "unknown_unit"
SAMPLE_WITHOUT_VALUE: Final = "sample_without_value"
UNREADABLE_NUMBER: Final = "unreadable_number"
MULTIPLIER_OUT_OF_RANGE: Final = "multiplier_out_of_range"
SOC_OUT_OF_RANGE: Final = "soc_out_of_range"
PHASES_WITHOUT_TOTAL: Final = "phases_without_total"
SIGNED_WITHOUT_FORMAT: Final = "signed_without_format"
SIGNED_FIELD_MISSING: Final = "signed_field_missing"
# Times
TIME_UNREADABLE: Final = "time_unreadable"
TIME_WITHOUT_ZONE: Final = "time_without_zone"
TIME_SHORT_ZONE: Final = "time_short_zone"
TIME_SEPARATOR: Final = "time_separator"
TIME_LOWER_CASE: Final = "time_lower_case"
TIME_FRACTION_DIGITS: Final = "time_fraction_digits"
TIME_AS_NUMBER: Final = "time_as_number"
CLOCK_NOT_SET: Final = "clock_not_set"

_BOTH: Final = VERSIONS
_V16: Final = (V16,)

_TABLE: Final = (
    Quirk(NULL_PAYLOAD, _BOTH, "payload null: taken as {}"),
    Quirk(LONG_MESSAGE_ID, _BOTH, "message id over 36 characters: answered as it is"),
    Quirk(NUMERIC_MESSAGE_ID, _BOTH, "message id a number: answered as a number"),
    Quirk(NUL_CHARACTER, _BOTH, "U+0000 inside a text: taken out"),
    Quirk(SHORT_CALL_ERROR, _BOTH, "CALLERROR with parts missing: still a refusal"),
    Quirk(CONCURRENT_CALLS, _BOTH, "next CALL before the answer: queued"),
    Quirk(UNKNOWN_RESPONSE_ID, _BOTH, "answer to nothing that was asked: ignored"),
    Quirk(LATE_RESPONSE, _BOTH, "answer after the time-out: ignored"),
    Quirk(ERROR_WITHOUT_ID, _BOTH, 'CALLERROR with id "-1": refuses the open CALL'),
    Quirk(UNREADABLE_FRAME, _BOTH, "not an OCPP-J message: answered, never guessed"),
    Quirk(NULL_FIELD, _BOTH, "optional field null: dropped"),
    Quirk(EMPTY_FIELD, _BOTH, "optional field empty: dropped"),
    Quirk(EMPTY_VENDOR_OR_MODEL, _BOTH, "vendor or model empty: kept as empty"),
    Quirk(NUMBER_AS_STRING, _BOTH, "number where a text belongs: written as text"),
    Quirk(STRING_AS_NUMBER, _BOTH, "text where a number belongs: read as number"),
    Quirk(FRACTION_IN_INTEGER, _BOTH, "fraction where an integer belongs: cut off"),
    Quirk(BOOLEAN_AS_OTHER, _BOTH, "text or number for a boolean: read as boolean"),
    Quirk(OBJECT_FOR_STRING, _BOTH, "object where a text belongs: its JSON is taken"),
    Quirk(
        OBJECT_FOR_ARRAY, _BOTH, "single object for an array: taken as the only item"
    ),
    Quirk(PADDED_VALUE, _BOTH, "blanks round a value: taken off"),
    Quirk(DECIMAL_COMMA, _BOTH, "comma in a number: taken as the decimal point"),
    Quirk(BAD_OPTIONAL_VALUE, _BOTH, "optional field of the wrong kind: dropped"),
    Quirk(ENUM_SPELLING, _BOTH, "enumeration in other letters: the listed spelling"),
    Quirk(UNKNOWN_ENUM_VALUE, _BOTH, "enumeration unknown: dropped, or Other"),
    Quirk(UNKNOWN_ERROR_CODE, _V16, "errorCode unknown: taken as OtherError"),
    Quirk(FOREIGN_FIELD, _BOTH, "field of another version: dropped"),
    Quirk(STRING_TOO_LONG, _BOTH, "text over its limit: kept"),
    Quirk(ID_TAG_TOO_LONG, _V16, "idTag over 20 characters: kept"),
    Quirk(ID_TAG_MISSING, _V16, "idTag missing or of no use: taken as empty"),
    Quirk(TRANSACTION_ID_NULL, _V16, "transactionId null or of no use: taken as -1"),
    Quirk(TIME_MISSING, _BOTH, "time null or missing: empty, the arrival counts"),
    Quirk(METER_STOP_MISSING, _V16, "meterStop missing or of no use: taken as -1"),
    Quirk(ERROR_CODE_MISSING, _V16, "errorCode null or missing: taken as NoError"),
    Quirk(TOO_MANY_DECIMALS, _V16, "more decimals than allowed: kept"),
    Quirk(UNIT_ALIAS, _BOTH, "unit in other words (Hz, %, KWH): the listed one"),
    Quirk(UNKNOWN_CONTEXT, _BOTH, "context unknown: the sample is dropped"),
    Quirk(UNKNOWN_MEASURAND, _BOTH, "measurand unknown: the sample is dropped"),
    Quirk(UNKNOWN_SAMPLE_FIELD, _BOTH, "phase, location or format unknown: dropped"),
    Quirk(UNKNOWN_UNIT, _BOTH, "unit that does not fit: the value is dropped"),
    Quirk(SAMPLE_WITHOUT_VALUE, _BOTH, "sample without a value: dropped"),
    Quirk(UNREADABLE_NUMBER, _BOTH, "value that is no number: dropped"),
    Quirk(MULTIPLIER_OUT_OF_RANGE, _BOTH[1:], "power of ten absurd: value dropped"),
    Quirk(SOC_OUT_OF_RANGE, _BOTH, "state of charge not in 0 to 100: dropped"),
    Quirk(PHASES_WITHOUT_TOTAL, _BOTH, "energy per phase only: summed"),
    Quirk(SIGNED_WITHOUT_FORMAT, _V16, "OCMF text not marked SignedData: kept as such"),
    Quirk(SIGNED_FIELD_MISSING, _BOTH[1:], "signed value without its key or method"),
    Quirk(TIME_UNREADABLE, _BOTH, "time that cannot be read: the arrival counts"),
    Quirk(TIME_WITHOUT_ZONE, _BOTH, "time without zone: taken as UTC"),
    Quirk(TIME_SHORT_ZONE, _BOTH, "zone of hours only or without colon: understood"),
    Quirk(TIME_SEPARATOR, _BOTH, "blank or t for T: understood"),
    Quirk(TIME_LOWER_CASE, _BOTH, "z for Z: understood"),
    Quirk(TIME_FRACTION_DIGITS, _BOTH, "over six fraction digits: cut off"),
    Quirk(TIME_AS_NUMBER, _BOTH, "seconds or milliseconds since 1970: understood"),
    Quirk(CLOCK_NOT_SET, _BOTH, "time before 2015: the arrival counts"),
)

QUIRKS: Final[dict[str, Quirk]] = {quirk.name: quirk for quirk in _TABLE}
