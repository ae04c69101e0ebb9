import json

import orjson
import pytest
from hypothesis import example, given, settings, strategies as st

from charge_points.ocpp.encoding import UnableToEncode
from charge_points.ocpp.errors import VALID_CODES
from charge_points.ocpp.frames import (
    HARD_LIMIT_BYTES,
    SOFT_LIMIT_BYTES,
    Call,
    CallError,
    CallResult,
    FrameError,
    encode_call,
    encode_error,
    encode_result,
    parse_frame,
)
from charge_points.ocpp.versions import V16, V201, VERSIONS

both = pytest.mark.parametrize("version", VERSIONS)

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
FRAMES = st.lists(st.sampled_from([2, 3, 4, "2", None, 5]) | JSON_VALUES, max_size=6)


def refused(text, version=V16):
    with pytest.raises(FrameError) as caught:
        parse_frame(text, version)
    return caught.value


def parsed_or_refused(text, version):
    try:
        return parse_frame(text, version)
    except FrameError as error:
        return error


@both
@pytest.mark.parametrize("as_bytes", [False, True])
def test_the_three_kinds_of_message(version, as_bytes):
    def parse(text):
        return parse_frame(text.encode() if as_bytes else text, version)

    assert parse('[2,"a","Heartbeat",{}]') == Call("a", "Heartbeat", {}, "a")
    assert parse('[3,"a",{"x":1}]') == CallResult("a", {"x": 1})
    assert parse('[4,"a","GenericError","why",{"x":1}]') == CallError(
        "a", "GenericError", "why", {"x": 1}
    )


@pytest.mark.parametrize(
    ("text", "message_id", "code_v16", "code_v201"),
    [
        ("", "-1", "FormationViolation", "RpcFrameworkError"),
        ("[,{", "-1", "FormationViolation", "RpcFrameworkError"),
        ("{}", "-1", "FormationViolation", "RpcFrameworkError"),
        ("[]", "-1", "FormationViolation", "RpcFrameworkError"),
        ('["2","a","Heartbeat",{}]', "-1", "FormationViolation", "RpcFrameworkError"),
        ('[2,null,"Heartbeat",{}]', "-1", "FormationViolation", "RpcFrameworkError"),
        ('[2,true,"Heartbeat",{}]', "-1", "FormationViolation", "RpcFrameworkError"),
        ("[2]", "-1", "FormationViolation", "RpcFrameworkError"),
        ('[2,"a","Heartbeat"]', "a", "FormationViolation", "RpcFrameworkError"),
        ('[2,"a","Heartbeat",{},1]', "a", "FormationViolation", "RpcFrameworkError"),
        ('[2,"a",7,{}]', "a", "FormationViolation", "RpcFrameworkError"),
        ('[2,"a","Heartbeat",{"b":}', "a", "FormationViolation", "RpcFrameworkError"),
        ('[2,"a","Heartbeat",[]]', "a", "FormationViolation", "FormatViolation"),
        ('[9,"a",{}]', "a", "FormationViolation", "MessageTypeNotSupported"),
        ("[9]", "-1", "FormationViolation", "MessageTypeNotSupported"),
        ("[9,1]", "-1", "FormationViolation", "MessageTypeNotSupported"),
    ],
)
def test_a_bad_frame_gets_the_code_of_the_version_and_the_id_where_one_can_be_read(
    text, message_id, code_v16, code_v201
):
    for version, code in ((V16, code_v16), (V201, code_v201)):
        error = refused(text, version)
        assert (error.code, error.message_id) == (code, message_id)
        assert error.answerable
        assert error.description
        assert refused(text.encode(), version).message_id == message_id


@pytest.mark.parametrize(
    "text",
    [
        '[3,"a"]',
        '[3,"a",7]',
        "[3,null,{}]",
        '[4,null,"GenericError","",{}]',
        '[3,"a",{',
        '[4,"a",{',
    ],
)
def test_a_bad_answer_is_never_answered(text):
    assert not refused(text).answerable


def test_an_id_of_over_255_characters_counts_as_unreadable():
    assert refused(f'[2,"{"x" * 256}","Heartbeat",{{}}]').message_id == "-1"
    assert refused(f'[9,"{"x" * 300}"]', V201).message_id == "x" * 255


@both
def test_an_id_of_over_36_characters_is_tolerated_and_counted(version):
    call = parse_frame(f'[2,"{"x" * 37}","Heartbeat",{{}}]', version)
    assert call.wire_id == call.message_id == "x" * 37
    assert call.quirks == ("long_message_id",)
    assert parse_frame(f'[2,"{"x" * 36}","Heartbeat",{{}}]', version).quirks == ()


@both
def test_a_numeric_id_is_answered_as_a_number(version):
    call = parse_frame('[2,17,"Heartbeat",{}]', version)
    assert (call.message_id, call.wire_id) == ("17", 17)
    assert call.quirks == ("numeric_message_id",)
    assert encode_result(version, call.wire_id, "Heartbeat", {}) == b"[3,17,{}]"


@both
def test_a_null_payload_is_an_empty_one(version):
    call = parse_frame('[2,"a","Heartbeat",null]', version)
    assert (call.payload, call.quirks) == ({}, ("null_payload",))
    result = parse_frame('[3,"a",null]', version)
    assert (result.payload, result.quirks) == ({}, ("null_payload",))


@both
def test_nul_characters_are_taken_out(version):
    text = r'[2,"a","DataTransfer",{"vendor\u0000Id":["x\u0000y",1]}]'
    for frame in (text, text.encode()):
        call = parse_frame(frame, version)
        assert call.payload == {"vendorId": ["xy", 1]}
        assert call.quirks == ("nul_character",)


@both
def test_a_text_that_only_spells_a_nul_escape_stays(version):
    payload = {"vendorId": "\\u0000"}
    written = encode_call(version, "a", "DataTransfer", payload)
    assert parse_frame(written, version) == Call("a", "DataTransfer", payload, "a")


@pytest.mark.parametrize("text", ['[4,"a"]', '[4,"a",1,2,3]', '[4,"a",null,null,null]'])
def test_a_call_error_with_parts_missing_is_still_a_refusal(text):
    error = parse_frame(text, V201)
    assert error == CallError("a", "GenericError", "", {}, ("short_call_error",))


@both
def test_a_frame_over_the_soft_limit_is_refused_with_its_id(version):
    def frame(size):
        head, tail = '[2,"a","DataTransfer",{"vendorId":"', '"}]'
        return head + "x" * (size - len(head) - len(tail)) + tail

    assert parse_frame(frame(SOFT_LIMIT_BYTES), version).message_id == "a"
    error = refused(frame(SOFT_LIMIT_BYTES + 1), version)
    assert error.message_id == "a"
    assert str(SOFT_LIMIT_BYTES) in error.description


def test_the_limit_counts_bytes_not_characters():
    text = '[2,"a","DataTransfer",{"vendorId":"' + "ü" * 40_000 + '"}]'
    assert len(text) < SOFT_LIMIT_BYTES
    assert refused(text).message_id == "a"
    assert refused(text.encode()).message_id == "a"


def test_a_lone_surrogate_is_no_json_whatever_its_length():
    assert refused('[2,"a","\ud800",{}]').message_id == "a"
    assert refused("\ud800" * 40_000).message_id == "-1"


@both
def test_a_deeply_nested_frame_is_refused_and_no_stack_overflows(version):
    def frame(depth):
        return '[2,"a","DataTransfer",' + '{"d":' * depth + "1" + "}" * depth + "]"

    assert parse_frame(frame(31), version).message_id == "a"
    for text in (frame(32), frame(900), frame(5000), frame(900).encode()):
        assert refused(text, version).message_id == "a"


def test_many_brackets_side_by_side_are_not_depth():
    text = json.dumps([2, "a", "X", {"list": [[1]] * 100}])
    assert parse_frame(text, V16).payload["list"] == [[1]] * 100


@both
@given(st.text() | st.binary() | FRAMES.map(json.dumps))
@example("[2]")
@settings(max_examples=400, deadline=None)
def test_no_text_raises_anything_but_a_frame_error(version, text):
    frame = parsed_or_refused(text, version)
    if isinstance(frame, FrameError):
        assert frame.code in VALID_CODES[version]
        assert isinstance(frame.message_id, str)
    else:
        assert isinstance(frame, Call | CallResult | CallError)


PAYLOADS = st.dictionaries(
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    max_size=5,
)
IDS = st.text("abcXYZ-0189", min_size=1, max_size=36)


@both
@given(message_id=IDS, payload=PAYLOADS)
@settings(deadline=None)
def test_parsing_what_was_written_gives_it_back(version, message_id, payload):
    assert parse_frame(
        encode_call(version, message_id, "DataTransfer", payload), version
    ) == Call(message_id, "DataTransfer", payload, message_id)
    assert parse_frame(
        encode_result(version, message_id, "DataTransfer", payload), version
    ) == CallResult(message_id, payload)
    assert parse_frame(
        encode_error(message_id, "GenericError", "why", payload), version
    ) == CallError(message_id, "GenericError", "why", payload)


def test_a_call_error_always_has_five_elements_and_a_short_description():
    assert encode_error("a", "GenericError") == b'[4,"a","GenericError","",{}]'
    written = orjson.loads(encode_error("a", "GenericError", "x" * 300))
    assert len(written[3]) == 255


def test_a_frame_of_ours_over_the_hard_limit_is_not_written():
    with pytest.raises(UnableToEncode, match=str(HARD_LIMIT_BYTES)):
        encode_call(V16, "a", "DataTransfer", {"data": "x" * HARD_LIMIT_BYTES})


def test_an_action_that_the_version_does_not_have_is_not_written():
    with pytest.raises(UnableToEncode, match="no action 'TransactionEvent'"):
        encode_call(V16, "a", "TransactionEvent", {})
    with pytest.raises(UnableToEncode, match="no action 'TransactionEvent'"):
        encode_result(V16, "a", "TransactionEvent", {"x": 1})
