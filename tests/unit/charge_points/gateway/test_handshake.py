from dataclasses import replace
from http import HTTPStatus

import pytest

from charge_points.gateway.addresses import StationAddress
from charge_points.gateway.credentials import BasicCredentials, password_digest
from charge_points.gateway.handshake import (
    QUIRK_NO_SUBPROTOCOL,
    QUIRK_SEVERAL_SUBPROTOCOLS,
    Attempt,
    StationRecord,
    decide,
)

KEY = b"key"
RECORD = StationRecord(
    charge_point_id=1,
    identity="CP-1",
    operator_id=1,
    security_profile=1,
    profile_0_allowed=False,
    registration="Accepted",
    operator_code="north",
    password_digests=(password_digest(b"secret", KEY),),
)
ATTEMPT = Attempt(
    address=StationAddress("CP-1"),
    remote="192.0.2.1",
    offered=("ocpp1.6",),
    credentials=BasicCredentials("CP-1", b"secret"),
)
NOBODY = None


@pytest.mark.parametrize(
    ("record", "attempt", "status"),
    [
        ({}, {}, 101),
        ({}, {"credentials": None}, 401),
        ({}, {"credentials": BasicCredentials("CP-1", b"wrong")}, 401),
        ({}, {"credentials": BasicCredentials("CP-2", b"secret")}, 401),
        ({}, {"is_tls": True}, 101),
        ({"security_profile": 0}, {}, 403),
        (
            {"security_profile": 0, "profile_0_allowed": True},
            {"credentials": None},
            101,
        ),
        ({"security_profile": 2}, {}, 403),
        ({"security_profile": 2}, {"is_tls": True}, 101),
        ({"security_profile": 2}, {"is_tls": True, "credentials": None}, 401),
        ({"security_profile": 3}, {"certificate_names": ("CP-1",)}, 403),
        ({"security_profile": 3}, {"is_tls": True}, 403),
        (
            {"security_profile": 3},
            {"is_tls": True, "certificate_names": ("CP-2",), "credentials": None},
            403,
        ),
        (
            {"security_profile": 3},
            {"is_tls": True, "certificate_names": ("x", "CP-1"), "credentials": None},
            101,
        ),
        ({}, {"address": StationAddress("CP-1", "north")}, 101),
        ({}, {"address": StationAddress("CP-1", "south")}, 404),
    ],
)
def test_every_security_profile_is_enforced(record, attempt, status):
    verdict = decide(replace(ATTEMPT, **attempt), replace(RECORD, **record), KEY)
    assert verdict.status == status
    assert verdict.accepted is (status == 101)
    assert verdict.is_breach is (status in {401, 403})
    assert (verdict.reason == "") is verdict.accepted


def test_an_unknown_charge_point_is_not_found():
    verdict = decide(ATTEMPT, NOBODY, KEY)
    assert verdict.status is HTTPStatus.NOT_FOUND
    assert not verdict.is_breach
    assert "Create it" in verdict.text


def test_all_wrong_passwords_are_told_the_same():
    texts = {
        decide(replace(ATTEMPT, credentials=sent), RECORD, KEY).text
        for sent in (
            None,
            BasicCredentials("CP-1", b"wrong"),
            BasicCredentials("CP-2", b"secret"),
        )
    }
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("offered", "optional", "version", "subprotocol", "quirks"),
    [
        (("ocpp1.6",), True, "1.6", "ocpp1.6", ()),
        (("ocpp2.0.1",), True, "2.0.1", "ocpp2.0.1", ()),
        (
            ("ocpp1.6", "ocpp2.0.1"),
            True,
            "1.6",
            "ocpp1.6",
            (QUIRK_SEVERAL_SUBPROTOCOLS,),
        ),
        (("ocpp1.5", "ocpp2.0.1"), True, "2.0.1", "ocpp2.0.1", ()),
        (("ocpp1.5",), True, None, None, ()),
        ((), True, "1.6", None, (QUIRK_NO_SUBPROTOCOL,)),
        ((), False, None, None, ()),
    ],
)
def test_the_version_follows_the_offer(offered, optional, version, subprotocol, quirks):
    record = replace(RECORD, subprotocol_optional=optional)
    verdict = decide(replace(ATTEMPT, offered=offered), record, KEY)
    assert verdict.accepted
    assert (verdict.version, verdict.subprotocol) == (version, subprotocol)
    assert verdict.quirks == quirks
