"""OCMF records and their signatures, with records of real meters and own keys."""

import base64
import json
from contextlib import suppress
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, strategies as st

from charge_points.services.signed_values import keys as meter_keys, ocmf

# Published by makers of meters as examples for SAFE's transparency software.
KEBA = (
    'OCMF|{"FV":"1.0","GI":"KEBA_KCP30","GS":"17619300","GV":"2.8.5","PG":"T32",'
    '"IS":false,"IL":"NONE","IF":["RFID_NONE","OCPP_NONE","ISO15118_NONE",'
    '"PLMN_NONE"],"IT":"NONE","ID":"","RD":[{"TM":"2019-08-13T10:03:15,000+0000 I",'
    '"TX":"B","EF":"","ST":"G","RV":0.2596,"RI":"1-b:1.8.0","RU":"kWh"},'
    '{"TM":"2019-08-13T10:03:36,000+0000 R","TX":"E","EF":"","ST":"G","RV":0.2597,'
    '"RI":"1-b:1.8.0","RU":"kWh"}]}|{"SD":"304502200E2F107C987A300AC1695CA89EA149A8'
    "CDFA16188AF0A33EE64B67964AA943F9022100889A72B6D65364BEA8562E7F6A0253157ACFF84F"
    'E4929A93B5964D23C4265699"}'
)
KEBA_KEY = (
    "3059301306072A8648CE3D020106082A8648CE3D030107034200043AEEB45C392357820A58FDFB"
    "0857BD77ADA31585C61C430531DFA53B440AFBFDD95AC887C658EA55260F808F55CA948DF235C2"
    "108A0D6DC7D4AB1A5E1A7955BE"
)
ABL = (
    'OCMF|{"FV":"0.1","VI":"ABL","VV":"1.4p3","PG":"T12345","MV":"Phoenix Contact",'
    '"MM":"EEM-350-D-MCB","MS":"BQ27400330016","MF":"1.0","IS":"VERIFIED",'
    '"IF":["RFID_PLAIN","OCPP_RS_TLS"],"IT":"ISO14443","ID":"1F2D3A4F5506C7",'
    '"RD":[{"TM":"2018-07-24T13:22:04,000+0200 S","TX":"B","RV":2935.6,'
    '"RI":"1-b:1.8.e","RU":"kWh","EI":567,"ST":"G"}]}|{"SA":"ECDSA-secp256k1-SHA256",'
    '"SD":"3046022100A7F1FD39278A88432E1AB81229C34CE1066885D0EAD8810DB900018A496088'
    '8302210089004420623749BF75561F29685CD87D6853EC08E83BD1A15C5DAFF9F03F4115"}'
)
ABL_KEY = (
    "3056301006072a8648ce3d020106052b8104000a034200044e4970098eeff5e0e286e3a3855267"
    "9771b89315a49dddf66ebac6f176fb02df9841091010e6850510540dad0cf967fd8de0ab251982"
    "82b39597ddce09edf459"
)
CURVES = {
    "secp192r1": ec.SECP192R1,
    "secp256r1": ec.SECP256R1,
    "secp256k1": ec.SECP256K1,
    "secp384r1": ec.SECP384R1,
    "brainpool256r1": ec.BrainpoolP256R1,
    "brainpool384r1": ec.BrainpoolP384R1,
}
PRIVATE = ec.generate_private_key(ec.SECP256R1())


def reading(value, reason="B", **more):
    return {
        "TM": "2026-05-04T14:00:00,000+0200 S",
        "TX": reason,
        "RV": value,
        "RI": "1-0:1.8.0",
        "RU": "kWh",
        "ST": "G",
        **more,
    }


def signed(*readings, page="T1", key=PRIVATE, curve="secp256r1", raw=False, **more):
    payload = json.dumps(
        {"FV": "1.0", "PG": page, "MS": "M1", "RD": list(readings), **more}
    )
    signature = key.sign(payload.encode(), ec.ECDSA(hashes.SHA256()))
    if raw:
        octets = (key.curve.key_size + 7) // 8
        halves = decode_dss_signature(signature)
        signature = b"".join(half.to_bytes(octets) for half in halves)
    section = {"SA": f"ECDSA-{curve}-SHA256", "SD": signature.hex()}
    return f"OCMF|{payload}|{json.dumps(section)}"


def public(key=PRIVATE):
    return meter_keys.der_of(key.public_key()).hex()


def verifies(text, key):
    record = ocmf.read(text)
    return meter_keys.verify(record, meter_keys.read_key(key, record.algorithm))


@pytest.mark.parametrize(("text", "key"), [(KEBA, KEBA_KEY), (ABL, ABL_KEY)])
def test_records_of_real_meters_verify(text, key):
    assert verifies(text, key)
    assert not verifies(text.replace('"RV":', '"RV":1'), key)


def test_what_a_real_meter_says_is_read():
    record = ocmf.read(KEBA)
    charge = ocmf.join([record])

    assert (record.page, record.page_number, record.serial) == ("T32", 32, "17619300")
    assert charge.begin_wh == Decimal("259.6000")
    assert charge.energy_wh == Decimal("0.1000")
    assert charge == ocmf.SignedCharge(charge.begin_wh, charge.end_wh, *[False] * 3)


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("name", CURVES)
def test_every_curve_verifies_in_both_encodings(name, raw):
    key = ec.generate_private_key(CURVES[name]())
    text = signed(reading(1), key=key, curve=name, raw=raw)

    assert verifies(text, public(key))
    assert not verifies(text.replace("1.8.0", "1.8.1"), public(key))


def test_a_curve_without_a_library_is_not_called_wrong():
    record = ocmf.read(signed(reading(1), curve="secp192k1"))

    with pytest.raises(meter_keys.UnableToVerify):
        meter_keys.verify(record, PRIVATE.public_key())


def test_the_key_of_another_curve_signed_nothing():
    other = ec.generate_private_key(ec.SECP256K1())

    assert not verifies(signed(reading(1)), public(other))


SIGNED = signed(reading(1), reading(2, "E"))


@given(st.data())
def test_no_flipped_bit_is_verified(data):
    text = SIGNED
    record = ocmf.read(text)
    key = PRIVATE.public_key()
    if data.draw(st.booleans(), "payload or signature"):
        begin = text.index("{")
        place = begin + data.draw(st.integers(0, len(record.payload) - 1))
        changed = chr(ord(text[place]) ^ (1 << data.draw(st.integers(0, 6))))
        flipped = text[:place] + changed + text[place + 1 :]
    else:
        place = data.draw(st.integers(0, len(record.signature) - 1))
        octets = bytearray(record.signature)
        octets[place] ^= 1 << data.draw(st.integers(0, 7))
        flipped = text.replace(record.signature.hex(), octets.hex())

    try:
        found = ocmf.read(flipped)
    except ocmf.UnableToReadOcmf:
        return
    assert not meter_keys.verify(found, key)


@given(st.text() | st.builds("OCMF|{}|{}".format, st.text(), st.text()))
def test_no_text_breaks_the_reader(text):
    with suppress(ocmf.UnableToReadOcmf):
        assert ocmf.read(text).readings


@pytest.mark.parametrize(
    "text",
    [
        "",
        "OCMF|{}",
        "OCMF|{}|{}",
        'OCMF|[]|{"SD":"00"}',
        'OCMF|{"RD":[]}|{"SD":"00"}',
        'OCMF|{"RD":[1]}|{"SD":"00"}',
        'OCMF|{"RD":[{}],"RD":[{}]}|{"SD":"00"}',
        'OCMF|{"RD":[{"RV":NaN}]}|{"SD":"00"}',
        'OCMF|{"RD":[{}]}|{"SD":"0"}',
        'OCMF|{"RD":[{}]}|{"SD":"00","SE":"rot13"}',
        'OCMF|{"RD":[{}]}|{"SD":"00","SA":1}',
        'OCMF|{"RD":[{}]}|{"SD":"*","SE":"base64"}',
        "OCMF|" + "[" * 30_000 + '|{"SD":"00"}',
        "OCMF|" + "x" * 70_000,
        'OCMF|{"PG":"\ud800","RD":[{}]}|{"SD":"00"}',
        json.dumps({"RD": [{}] * 1_001}).join(("OCMF|", '|{"SD":"00"}')),
    ],
)
def test_what_is_no_record_is_not_read(text):
    with pytest.raises(ocmf.UnableToReadOcmf):
        ocmf.read(text)


def test_the_transports_wrapping_comes_off():
    wrapped = (
        KEBA,
        f"  {KEBA}\n",
        KEBA.encode().hex(),
        KEBA.encode().hex().upper(),
        base64.b64encode(KEBA.encode()).decode(),
        base64.encodebytes(KEBA.encode()).decode(),
    )

    assert {ocmf.unwrap(text) for text in wrapped} == {KEBA}


def test_a_signature_in_base64_verifies():
    text = signed(reading(1))
    record = ocmf.read(text)
    section = {"SD": base64.b64encode(record.signature).decode(), "SE": "base64"}
    text = f"OCMF|{record.payload.decode()}|{json.dumps(section)}"

    assert verifies(text, public())


def test_left_out_fields_are_those_of_the_reading_before():
    later = {"RV": 2.5, "TX": "E"}
    record = ocmf.read(signed(reading(1), {"RV": 2}, later))

    assert [r.value_wh for r in record.readings] == [1000, 2000, Decimal(2500)]
    assert [r.reason for r in record.readings] == ["B", "B", "E"]
    assert {r.obis for r in record.readings} == {"1-0:1.8.0"}


def test_registers_of_other_quantities_are_left_out():
    record = ocmf.read(
        signed(
            reading(57, RI="1-0:1.8.0"),
            reading(4, RI="1-0:2.8.0"),
            reading(58, "E", RI="1-0:1.8.0"),
            reading(4, "E", RI="1-0:2.8.0"),
            reading(7, "E", RU="mOhm", RI="x"),
        )
    )

    assert ocmf.join([record]).energy_wh == 1000


def test_pages_of_a_charge_are_joined_in_their_order():
    begin = ocmf.read(signed(reading(1), page="T7"))
    middle = ocmf.read(signed(reading(2, "C"), page="T8"))
    end = ocmf.read(signed(reading(3, "R"), page="T9"))

    whole = ocmf.join([end, begin, middle, begin])
    torn = ocmf.join([end, begin])

    assert (whole.energy_wh, whole.gap) == (2000, False)
    assert (torn.energy_wh, torn.gap) == (2000, True)


def test_a_page_outside_of_transactions_has_no_number():
    fiscal = ocmf.read(signed(reading(1), page="F7"))

    assert fiscal.page_number is None
    assert not ocmf.join([fiscal]).gap
    assert ocmf.join([fiscal]).energy_wh is None


@pytest.mark.parametrize(
    "bad", [{"ST": "M"}, {"ST": "T"}, {"EF": "E"}, {"TX": "X"}, {"EF": "Et"}]
)
def test_a_reading_that_the_meter_marks_as_unusable_is_faulty(bad):
    assert ocmf.join([ocmf.read(signed(reading(1, **bad)))]).faulty
    assert not ocmf.join([ocmf.read(signed(reading(1, EF="t")))]).faulty


def test_records_of_two_meters_are_mixed():
    records = [ocmf.read(signed(reading(1), MS=serial)) for serial in ("A", "B")]

    assert ocmf.join(records).mixed


def test_a_value_is_exact_or_none():
    odd = ("12.5", True, None, "12,5", 10**20, "1e5")
    record = ocmf.read(signed(*(reading(1, RV=value) for value in odd)))

    told = [r.value_wh for r in record.readings]
    assert told == [Decimal("12500.0"), None, None, None, None, None]


def spellings():
    key = PRIVATE.public_key()
    der = meter_keys.der_of(key)
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    short = key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    envelope = f"oca:base16:asn1:{der.hex()}"
    b64 = base64.b64encode
    return {
        "hex": der.hex(),
        "spaced hex": " ".join(der.hex()[i : i + 4] for i in range(0, 182, 4)),
        "base64": b64(der).decode(),
        "pem": key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "point": point.hex(),
        "compressed": short.hex(),
        "bare": point[1:].hex(),
        "envelope": envelope,
        "base64 envelope": b64(envelope.encode()).decode(),
        "base64 of hex": b64(der.hex().encode()).decode(),
        "envelope of base64": f"oca:base64:asn1:{b64(der).decode()}",
    }


@pytest.mark.parametrize("name", spellings())
def test_each_way_to_write_a_key_is_read(name):
    text = spellings()[name]
    text = text.decode() if isinstance(text, bytes) else text
    key = meter_keys.read_key(text, "ECDSA-secp256r1-SHA256")

    assert meter_keys.fingerprint(key) == meter_keys.fingerprint(PRIVATE.public_key())


@pytest.mark.parametrize(
    "text",
    ["", "x", "00", "04" * 65, "A" * 5_000, "-----BEGIN PUBLIC KEY-----\n", "oca:a:b"],
)
def test_what_is_no_key_is_refused(text):
    with pytest.raises(meter_keys.UnableToReadKey):
        meter_keys.read_key(text, "ECDSA-secp256r1-SHA256")


def test_an_rsa_key_is_no_meters_key():
    rsa = (
        "30820122300d06092a864886f70d01010105000382010f003082010a0282010100c5062b58d8"
        "539c765e1e5dbaf14cf75dd56c2e13105fecfd1a930bbb5948ff328f126abe779359ca59bca7"
    )
    with pytest.raises(meter_keys.UnableToReadKey):
        meter_keys.read_key(rsa)


def test_a_bare_point_needs_its_curve():
    with pytest.raises(meter_keys.UnableToReadKey):
        meter_keys.read_key(spellings()["bare"])


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader_of_keys(text):
    with suppress(meter_keys.UnableToReadKey):
        key = meter_keys.read_key(text, "ECDSA-secp256r1-SHA256")
        assert len(meter_keys.fingerprint(key)) == 64
