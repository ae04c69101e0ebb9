"""Signed meter values from the station's message to the work list of a person."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from charge_points.models import MeterKey, Transaction
from charge_points.services import signed_values
from charge_points.services.signed_values import UnableToAddMeterKey, registering
from cpms.accounts.models import AuditEntry
from cpms.outbox.models import EventRecord
from tests.conformance.charging import allow, start
from tests.conformance.stations import Station
from tests.unit.charge_points.services.test_ocmf import (
    PRIVATE,
    public,
    reading,
    signed,
)

pytestmark = pytest.mark.django_db
OTHER = ec.generate_private_key(ec.SECP256R1())
BEGIN, END = "Transaction.Begin", "Transaction.End"


def register(station, key=PRIVATE, evse=0):
    return signed_values.add(
        charge_point_id=station.id,
        evse=evse,
        public_key=public(key),
        by="tests",
        at=station.now,
    )


def value_16(text, context):
    return {"value": text, "format": "SignedData", "context": context}


def value_201(text, context, key=""):
    return {
        "value": 0,
        "context": context,
        "measurand": "Energy.Active.Import.Register",
        "signedMeterValue": {
            "signedMeterData": base64.b64encode(text.encode()).decode(),
            "signingMethod": "",
            "encodingMethod": "OCMF",
            "publicKey": key,
        },
    }


def charge_16(station, *texts, meter_stop=2000):
    """A charge of 2 kWh from 0, whose stop carries these signed values."""
    allow(station, "A1")
    assert start(station, "A1") == "Accepted"
    row = Transaction.objects.latest("pk")
    station.later(3600)
    contexts = [BEGIN, *["Sample.Periodic"] * (len(texts) - 2), END]
    stop(station, row, texts, contexts, meter_stop)
    row.refresh_from_db()
    return row


def stop(station, row, texts, contexts, meter_stop=2000):
    station.call(
        "StopTransaction",
        {
            "transactionId": int(row.ocpp_id),
            "meterStop": meter_stop,
            "timestamp": station.stamp,
            "transactionData": [
                {"timestamp": station.stamp, "sampledValue": [value_16(text, context)]}
                for text, context in zip(texts, contexts, strict=False)
            ],
        },
    )


def pair(begin=0, end=2, **more):
    return (
        signed(reading(begin), page="T1", **more),
        signed(reading(end, "E"), page="T2", **more),
    )


def charge_201(station, begin, end, key=""):
    allow(station, "A1")

    def tell(kind, seq_no, *values, **more):
        return station.call(
            "TransactionEvent",
            {
                "eventType": kind,
                "timestamp": station.stamp,
                "triggerReason": "Authorized",
                "seqNo": seq_no,
                "evse": {"id": 1, "connectorId": 1},
                "transactionInfo": {"transactionId": "tx-1", **more},
                "idToken": {"idToken": "A1", "type": "ISO14443"},
                "meterValue": [
                    {"timestamp": station.stamp, "sampledValue": list(values)}
                ],
            },
        )

    tell("Started", 0, value_201(begin, BEGIN, key))
    station.later(3600)
    last = value_201(end, END)
    tell("Ended", 1, {**last, "value": 2000}, stoppedReason="Local")
    return Transaction.objects.get(ocpp_id="tx-1")


def test_values_signed_by_the_registered_meter_are_verified():
    station = Station("1.6")
    register(station)
    row = charge_16(station, *pair())

    assert (row.signature_status, row.review_reason) == ("verified", "")
    assert [c["verdict"] for c in row.signature_checks] == ["verified"] * 2
    assert [c["page"] for c in row.signature_checks] == ["T1", "T2"]
    assert {c["key_source"] for c in row.signature_checks} == {"registered"}
    assert {c["meter"] for c in row.signature_checks} == {"M1"}


def test_values_of_2_0_1_are_verified_with_the_key_that_came_once():
    key = base64.b64encode(f"oca:base16:asn1:{public()}".encode()).decode()
    row = charge_201(Station("2.0.1"), *pair(), key=key)

    assert (row.signature_status, row.review_reason) == ("verified", "")
    assert {c["key_source"] for c in row.signature_checks} == {"sent"}
    assert row.energy_wh == 2000


def test_a_registered_key_counts_before_the_one_that_came_along():
    station = Station("2.0.1")
    register(station, OTHER, evse=1)
    row = charge_201(station, *pair(), key=public())

    assert (row.signature_status, row.review_reason) == ("wrong", "signature_wrong")


def test_the_key_of_another_evse_does_not_count():
    station = Station("1.6")
    register(station, evse=2)
    row = charge_16(station, *pair())

    assert (row.signature_status, row.review_reason) == ("no_key", "")


def test_an_old_meters_key_stays_good_beside_the_new_one():
    station = Station("1.6")
    register(station, OTHER)
    register(station, evse=1)

    assert charge_16(station, *pair()).signature_status == "verified"


def test_a_wrong_signature_sends_the_charge_to_review_and_keeps_the_text():
    station = Station("1.6")
    register(station)
    begin, end = pair()
    forged = end.replace('"RV": 2', '"RV": 9')
    row = charge_16(station, begin, forged)

    assert (row.signature_status, row.review_reason) == ("wrong", "signature_wrong")
    assert [c["verdict"] for c in row.signature_checks] == ["verified", "wrong"]
    assert row.signed_values[1]["data"] == forged
    told = EventRecord.objects.filter(topic="TransactionEnded").latest("id").payload
    assert told["review_reason"] == "signature_wrong"


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (pair(end=5), "signed_energy_differs"),
        (
            (signed(reading(0), page="T1"), signed(reading(2, "E"), page="T3")),
            "signed_page_missing",
        ),
        (
            (
                signed(reading(0), page="T1", MS="A"),
                signed(reading(2, "E"), page="T2", MS="B"),
            ),
            "signed_by_two_meters",
        ),
        (
            (
                signed(reading(0), page="T1"),
                signed(reading(2, "E", ST="M"), page="T2"),
            ),
            "signed_reading_faulty",
        ),
    ],
)
def test_what_is_signed_must_fit_the_charge(texts, reason):
    station = Station("1.6")
    register(station)
    row = charge_16(station, *texts)

    assert (row.signature_status, row.review_reason) == ("verified", reason)
    assert row.energy_wh == 2000


def test_a_reason_of_the_register_itself_stands():
    station = Station("1.6")
    register(station)
    row = charge_16(station, *pair(end=900), meter_stop=900_000)

    assert row.review_reason == "energy_jump"


@pytest.mark.parametrize(
    "text", ["0A0B0C", "<signedMeterValue/>", signed(reading(0), curve="secp192k1")]
)
def test_what_is_not_understood_is_kept_and_harms_nobody(text):
    station = Station("1.6")
    register(station)
    row = charge_16(station, text, text + " ")

    assert (row.signature_status, row.review_reason) == ("not_understood", "")
    assert row.signed_values[0]["data"] == text
    assert row.signature_checks[0]["detail"]


def test_without_signed_values_nothing_is_said():
    station = Station("1.6")
    row = charge_16(station)

    assert (row.signature_status, row.signature_checks) == ("", [])


def test_a_wrong_value_that_comes_after_the_stop_is_found_too():
    station = Station("1.6")
    register(station)
    begin, end = pair()
    row = charge_16(station, begin, end)
    forged = signed(reading(2, "E"), page="T3", key=OTHER)
    before = EventRecord.objects.filter(topic="TransactionCorrected").count()

    for _ in range(2):
        station.later(10)
        station.call(
            "MeterValues",
            {
                "connectorId": 1,
                "transactionId": int(row.ocpp_id),
                "meterValue": [
                    {
                        "timestamp": station.stamp,
                        "sampledValue": [value_16(forged, END)],
                    }
                ],
            },
        )

    row.refresh_from_db()
    assert (row.signature_status, row.review_reason) == ("wrong", "signature_wrong")
    told = EventRecord.objects.filter(topic="TransactionCorrected").count()
    assert told == before + 1


def test_of_many_signed_values_the_first_and_the_newest_are_kept():
    kept = []
    signed_values.keep(kept, [{"data": str(n)} for n in range(15)])
    signed_values.keep(kept, [{"data": str(n)} for n in range(10, 40)])

    assert len(kept) == signed_values.SIGNED_VALUES_MAX
    assert kept[0] == {"data": "0"}
    assert [one["data"] for one in kept[1:]] == [str(n) for n in range(21, 40)]


def test_pages_that_were_not_kept_are_not_missed():
    station = Station("1.6")
    register(station)
    texts = [signed(reading(0), page="T1")]
    texts += [signed(reading(n / 10, "C"), page=f"T{n + 1}") for n in range(1, 20)]
    texts += [signed(reading(2, "E"), page="T30")]
    row = charge_16(station, *texts)

    assert (row.signature_status, row.review_reason) == ("verified", "")


@pytest.mark.parametrize(
    ("key", "evse"),
    [
        ("MeterPublicKey", 0),
        ("MeterPublicKey1", 1),
        ("MeterPublicKey[2]", 2),
        ("meterpublickey2", 2),
    ],
)
def test_keys_in_the_configuration_of_1_6_are_learnt(key, evse):
    station = Station("1.6")
    for _ in range(2):
        station.answer(
            "GetConfiguration",
            {},
            {"configurationKey": [{"key": key, "readonly": True, "value": public()}]},
        )

    row = MeterKey.objects.get()
    assert (row.evse_number, row.source, row.curve) == (
        evse,
        "configuration",
        "secp256r1",
    )


def test_keys_in_the_configuration_of_2_0_1_are_learnt():
    station = Station("2.0.1")
    asked = {
        "component": {"name": "FiscalMetering", "evse": {"id": 2}},
        "variable": {"name": "PublicKey"},
    }
    other = {"component": {"name": "FiscalMetering"}, "variable": {"name": "Model"}}
    answers = [
        {**asked, "attributeStatus": "Accepted", "attributeValue": public()},
        {**other, "attributeStatus": "Accepted", "attributeValue": public()},
    ]
    station.answer(
        "GetVariables",
        {"getVariableData": [asked, other]},
        {"getVariableResult": answers},
    )

    assert MeterKey.objects.get().evse_number == 2


def test_what_is_no_key_in_the_configuration_is_left_alone():
    station = Station("1.6")
    keys = [("MeterPublicKey", "not one"), ("PublicKey", public())]
    station.answer(
        "GetConfiguration",
        {},
        {
            "configurationKey": [
                {"key": key, "readonly": True, "value": value} for key, value in keys
            ]
        },
    )

    assert not MeterKey.objects.exists()


def test_a_key_is_added_once_and_written_down():
    station = Station("1.6")
    first, again = register(station), register(station)

    assert first.pk == again.pk
    assert AuditEntry.objects.filter(action="meter_key.added").count() == 1
    signed_values.remove(meter_key_id=first.pk, by="tests", at=station.now)
    assert not MeterKey.objects.exists()
    assert AuditEntry.objects.filter(action="meter_key.removed").count() == 1


def test_what_is_no_key_is_not_added():
    station = Station("1.6")

    with pytest.raises(UnableToAddMeterKey, match="no public key"):
        signed_values.add(
            charge_point_id=station.id, evse=0, public_key="x", by="t", at=station.now
        )


def test_keys_have_a_limit(monkeypatch):
    monkeypatch.setattr(registering, "KEYS_PER_STATION_MAX", 1)
    station = Station("1.6")
    register(station)

    with pytest.raises(UnableToAddMeterKey, match="remove old ones"):
        register(station, OTHER)
