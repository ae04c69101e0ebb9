import json

import pytest
from hypothesis import given, settings, strategies as st

from charge_points.ocpp.message_log import WITHHELD, mask

CERTIFICATE = {
    "certificate": "a.b.c",
    "code": "ABCD",
    "uri": "https://x/ABCD",
    "expiresAt": "t",
}
MASKED = {"certificate": "***", "code": "***", "uri": "***", "expiresAt": "t"}


def text(*frame):
    return json.dumps(frame)


def masked(*frame):
    return json.loads(mask(text(*frame)))


@pytest.mark.parametrize(
    "key", ["AuthorizationKey", "authorizationkey", " BasicAuthPassword"]
)
def test_a_password_set_by_change_configuration(key):
    assert masked(2, "1", "ChangeConfiguration", {"key": key, "value": "s3cret"}) == [
        2,
        "1",
        "ChangeConfiguration",
        {"key": key, "value": "***"},
    ]


def test_other_configuration_stays_as_it_was_sent():
    frame = text(
        2, "1", "ChangeConfiguration", {"key": "HeartbeatInterval", "value": "9"}
    )
    assert mask(frame) is frame


def test_a_password_that_a_station_reports():
    keys = [
        {"key": "AuthorizationKey", "readonly": False, "value": "s3cret"},
        {"key": "AuthorizationKey", "readonly": False},
        {"key": "HeartbeatInterval", "readonly": False, "value": "9"},
    ]
    answer = masked(3, "1", {"configurationKey": keys})
    assert [key.get("value") for key in answer[2]["configurationKey"]] == [
        "***",
        None,
        "9",
    ]


def variable(name, **values):
    return {
        "component": {"name": "SecurityCtrlr"},
        "variable": {"name": name},
        **values,
    }


def test_a_password_set_or_read_by_variables():
    data = [
        variable("BasicAuthPassword", attributeValue="s3cret"),
        variable("Identity", attributeValue="CP1"),
    ]
    for frame in (
        (2, "1", "SetVariables", {"setVariableData": data}),
        (3, "1", {"getVariableResult": data}),
    ):
        written = mask(text(*frame))
        assert "s3cret" not in written
        assert "CP1" in written


def test_a_password_in_a_report_or_an_event():
    report = variable(
        "BasicAuthPassword", variableAttribute=[{"value": "s3cret"}, None]
    )
    event = variable("BasicAuthPassword", actualValue="s3cret")
    assert "s3cret" not in mask(text(2, "1", "NotifyReport", {"reportData": [report]}))
    assert "s3cret" not in mask(text(2, "1", "NotifyEvent", {"eventData": [event]}))


def test_the_passwords_of_a_network_profile():
    data = {
        "messageTimeout": 30,
        "apn": {"apn": "net", "apnPassword": "s3cret"},
        "vpn": {"server": "v", "user": "u", "password": "s3cret", "key": "s3cret"},
    }
    profile = {"configurationSlot": 1, "connectionData": data}
    answer = masked(2, "1", "SetNetworkProfile", profile)[3]["connectionData"]
    assert answer["apn"] == {"apn": "net", "apnPassword": "***"}
    assert answer["vpn"] == {
        "server": "v",
        "user": "u",
        "password": "***",
        "key": "***",
    }


@pytest.mark.parametrize("vendor", ["org.cpms.autocharge"])
def test_a_charging_certificate_inside_a_text_or_an_object(vendor):
    for data, expected in ((json.dumps(CERTIFICATE), None), (CERTIFICATE, MASKED)):
        answer = masked(2, "1", "DataTransfer", {"vendorId": vendor, "data": data})
        found = answer[3]["data"]
        assert (found if expected else json.loads(found)) == MASKED


def test_a_charging_certificate_in_an_answer():
    answer = masked(3, "1", {"status": "Accepted", "data": json.dumps(CERTIFICATE)})
    assert json.loads(answer[2]["data"]) == MASKED
    assert (
        masked(3, "1", {"status": "Accepted", "data": CERTIFICATE})[2]["data"] == MASKED
    )


def test_data_of_ours_that_is_no_json_is_masked_whole():
    frame = (
        2,
        "1",
        "DataTransfer",
        {"vendorId": "org.cpms.autocharge", "data": "ABCD"},
    )
    assert masked(*frame)[3]["data"] == "***"


@pytest.mark.parametrize("data", ["code", '{"code":null}', "[1]", 7, {"x": 1}, ""])
def test_data_without_a_secret_stays(data):
    frame = text(3, "1", {"status": "Accepted", "data": data})
    assert mask(frame) is frame


def test_data_of_other_vendors_stays():
    frame = text(2, "1", "DataTransfer", {"vendorId": "acme", "data": {"code": "1"}})
    assert mask(frame) is frame


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("ftp://user:s3cret@host/a", "ftp://user:***@host/a"),
        ("ftp://user:s3c@ret@host/a", "ftp://user:***@host/a"),
        ("sftp://:s3cret@host", "sftp://:***@host"),
        ("https://host/up?x=1&token=s3cret&y=2", "https://host/up?x=1&token=***&y=2"),
        ("https://host/up?SIGNATURE=s3cret#a", "https://host/up?SIGNATURE=***#a"),
        ("https://host:8443/a@b?x=1", "https://host:8443/a@b?x=1"),
        ("https://user@host/a", "https://user@host/a"),
    ],
)
@pytest.mark.parametrize("action", ["GetDiagnostics", "UpdateFirmware", "GetLog"])
def test_passwords_and_tokens_in_addresses(action, address, expected):
    frame = text(2, "1", action, {"location": address})
    assert mask(frame) == text(2, "1", action, {"location": expected})
    escaped = frame.replace("/", "\\/")
    assert json.loads(mask(escaped))[3]["location"] == expected


def test_the_usual_messages_are_returned_untouched():
    for action in (
        "MeterValues",
        "TransactionEvent",
        "Heartbeat",
        "StatusNotification",
    ):
        frame = f'[2,"1","{action}",{{"info":"AuthorizationKey data variable"}}]'
        assert mask(frame) is frame


@pytest.mark.parametrize(
    "frame",
    [
        '[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"s3cret"',
        '[2,"1","SetVariables",[{"BASICAUTHPASSWORD":',
        '{"vendorId":"org.cpms.autocharge","code":"A"',
        '[2,"1","SetVariables",' + "[" * 200 + "]" * 200 + "]",
    ],
)
def test_an_unreadable_message_that_may_hold_a_secret_is_withheld(frame):
    assert mask(frame) == WITHHELD


@pytest.mark.parametrize(
    "frame", ['[2,"1","SetVariables",{', '{"variable":1}', '"data"', '["data"]']
)
def test_other_unreadable_messages_are_kept_for_the_operator(frame):
    assert mask(frame) == frame


def test_secrets_of_the_connection_are_masked_anywhere():
    assert mask("[,{ abc", ["abc", ""]) == "[,{ ***"
    assert (
        mask('[2,"1","Heartbeat",{"a":"abc"}]', ["abc"])
        == '[2,"1","Heartbeat",{"a":"***"}]'
    )


def test_nul_can_be_stored():
    assert mask("a\x00b") == "a\ufffdb"


@given(st.text())
@settings(deadline=None)
def test_no_text_raises_and_nothing_is_lost_without_a_hint(frame):
    assert isinstance(mask(frame), str)


SECRETS = st.text("abcdefghij0123456789", min_size=12, max_size=20)


@given(secret=SECRETS, note=st.text(max_size=10))
@settings(deadline=None)
def test_no_secret_survives_in_any_of_its_places(secret, note):
    frames = [
        (2, note, "ChangeConfiguration", {"key": "AuthorizationKey", "value": secret}),
        (
            2,
            note,
            "SetVariables",
            {"setVariableData": [variable("BasicAuthPassword", attributeValue=secret)]},
        ),
        (
            2,
            note,
            "DataTransfer",
            {"vendorId": "org.cpms.autocharge", "data": {"code": secret}},
        ),
        (
            2,
            note,
            "GetLog",
            {"log": {"remoteLocation": f"https://u:{secret}@h/?token={secret}"}},
        ),
    ]
    for frame in frames:
        assert secret not in mask(text(*frame)) or secret in note
