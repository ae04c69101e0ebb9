import json

import pytest
from hypothesis import given, strategies as st

from charge_points.services.masking import MASK, mask, mask_payload, mask_text

SECRET = "s3cret-value"
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        (
            "DataTransfer",
            {"status": "Accepted", "data": {"certificate": SECRET, "code": SECRET}},
        ),
        (
            "DataTransfer",
            {"data": json.dumps({"certificate": "x", "code": SECRET, "uri": SECRET})},
        ),
        (
            "DataTransfer",
            {
                "vendorId": "org.cpms.autocharge",
                "messageId": "ChargingCertificateRevoked",
                "data": json.dumps({"code": SECRET}),
            },
        ),
        ("ChangeConfiguration", {"key": "AuthorizationKey", "value": SECRET}),
        ("ChangeConfiguration", {"value": SECRET, "key": "authorizationkey"}),
        (
            "GetConfiguration",
            {"configurationKey": [{"key": "AuthorizationKey", "value": SECRET}]},
        ),
        (
            "SetVariables",
            {
                "setVariableData": [
                    {
                        "attributeValue": SECRET,
                        "component": {"name": "SecurityCtrlr"},
                        "variable": {"name": "BasicAuthPassword"},
                    }
                ]
            },
        ),
        (
            "NotifyReport",
            {
                "reportData": [
                    {
                        "variable": {"name": "BasicAuthPassword"},
                        "variableAttribute": [{"type": "Actual", "value": SECRET}],
                    }
                ]
            },
        ),
    ],
)
def test_secrets_are_blotted_out(action, payload):
    frame = json.dumps([2, "id", action, payload])
    assert SECRET not in mask_text(action, frame)
    assert MASK in mask_text(action, frame)
    assert SECRET not in json.dumps(mask_payload(action, payload))
    assert SECRET in json.dumps(payload), "the argument stays as it is"


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("Heartbeat", {"code": "kept"}),
        ("DataTransfer", {"vendorId": "other", "data": {"code": "kept"}}),
        ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "kept"}),
        (
            "SetVariables",
            {
                "setVariableData": [
                    {"attributeValue": "kept", "variable": {"name": "X"}}
                ]
            },
        ),
    ],
)
def test_what_is_no_secret_stays(action, payload):
    assert "kept" in mask_text(action, json.dumps(payload))
    assert mask_payload(action, payload) == payload


def test_a_broken_text_that_may_hold_a_secret_is_not_kept():
    masked = mask_text("ChangeConfiguration", '{"key":"AuthorizationKey","value":"s')
    assert "AuthorizationKey" not in masked
    assert mask_text("Heartbeat", "[broken") == "[broken"
    assert mask_text("SetVariables", "") == ""


@given(json_values)
def test_any_json_can_be_masked(value):
    masked = mask(value)
    assert type(masked) is type(value)
    assert isinstance(mask_text("DataTransfer", json.dumps(value)), str)
