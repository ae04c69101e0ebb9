import pytest

from charge_points.ocpp.frames import Call
from charge_points.ocpp.inbound import Checked, check_call, check_result
from charge_points.ocpp.versions import V16, V201


def call(action, payload, quirks=()):
    return Call("a", action, payload, "a", quirks)


def test_a_valid_payload_passes_as_it_is():
    payload = {"vendorId": "v", "data": ""}
    checked = check_call(V16, call("DataTransfer", payload))
    assert checked == Checked(payload, ())
    assert checked.payload is payload


def test_the_quirks_of_the_frame_are_handed_on_and_each_named_once():
    checked = check_call(V16, call("Heartbeat", {}, ("null_payload",)))
    assert checked.quirks == ("null_payload",)
    payload = {"vendorId": 7, "messageId": 8}
    checked = check_call(V16, call("DataTransfer", payload, ("number_as_string",)))
    assert checked.quirks == ("number_as_string",)
    assert checked.payload == {"vendorId": "7", "messageId": "8"}


@pytest.mark.parametrize(
    ("action", "payload", "code"),
    [
        ("Fly", {}, "NotImplemented"),
        ("Reset", {"type": "Hard"}, "NotSupported"),
        ("Authorize", {}, "ProtocolError"),
        ("Heartbeat", {"x": 1}, "FormationViolation"),
    ],
)
def test_what_is_refused_has_its_code(action, payload, code):
    assert check_call(V16, call(action, payload)).code == code


def test_empty_texts_in_a_boot_notification_are_noticed():
    payload = {
        "chargePointVendor": "",
        "chargePointModel": "M",
        "iccid": "",
        "imsi": "",
    }
    assert check_call(V16, call("BootNotification", payload)) == Checked(
        {"chargePointVendor": "", "chargePointModel": "M"},
        ("empty_vendor_or_model", "empty_field"),
    )


def test_empty_texts_are_noticed_at_every_depth_in_2_0_1():
    station = {"model": "", "vendorName": "V", "modem": {"iccid": "", "imsi": "1"}}
    payload = {"reason": "PowerUp", "chargingStation": station}
    checked = check_call(V201, call("BootNotification", payload))
    assert checked.payload["chargingStation"] == {
        "model": "",
        "vendorName": "V",
        "modem": {"imsi": "1"},
    }
    assert checked.quirks == ("empty_vendor_or_model", "empty_field")
    assert station["modem"] == {"iccid": "", "imsi": "1"}


def test_a_right_boot_notification_is_not_copied():
    payload = {"chargePointVendor": "V", "chargePointModel": "M"}
    assert check_call(V16, call("BootNotification", payload)).payload is payload


def test_results_are_checked_too():
    good = {"status": "Accepted"}
    assert check_result(V16, "Reset", good) == Checked(good, ())
    assert check_result(
        V16, "Reset", {"status": "ACCEPTED"}, ("null_payload",)
    ) == Checked(good, ("null_payload", "enum_spelling"))
    assert check_result(V16, "Reset", {}).code == "ProtocolError"
    assert check_result(V16, "Fly", {}).code == "NotImplemented"
