import json
from base64 import urlsafe_b64decode

import jwt
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction

from charge_points.models import CertificateKey, ChargingCertificate, PlugInEpisode
from charge_points.services import certificates, starting
from charge_points.services.certificates import keys
from charge_points.services.certificates.claiming import UnableToClaim
from charge_points.services.certificates.issuing import UnableToIssueCertificate
from charge_points.services.certificates.verifying import UnableToVerifyCertificate
from tests.integration.charge_points.world import (
    NOON,
    ORDER,
    OTHER_ORDER,
    allow,
    later,
    told,
)


@pytest.fixture(autouse=True)
def _fresh_keys():
    keys._private_key.cache_clear()
    yield
    keys._private_key.cache_clear()


@pytest.fixture
def issued(station):
    return issue(station)


def issue(station, at=NOON, by="station", evse=1):
    return certificates.issue(
        connector_id=station.connector(evse).pk,
        request_id="req-1",
        at=at,
        requested_by=by,
    )


def claim(issued, order=ORDER, key="key", at=NOON):
    return certificates.claim(
        presented=issued.code, order_number=order, idempotency_key=key, at=at
    )


def state():
    return ChargingCertificate.objects.get().state


def test_the_jws_can_be_checked_with_the_published_keys(station, issued):
    jwks = certificates.jwks()
    kid = jwt.get_unverified_header(issued.jws)["kid"]
    key = next(k for k in jwks["keys"] if k["kid"] == kid)
    assert (key["alg"], key["use"], key["kty"]) == ("ES256", "sig", "EC")
    assert "d" not in key
    payload = jwt.decode(
        issued.jws,
        jwt.PyJWK(key),
        algorithms=["ES256"],
        options={"verify_exp": False, "verify_iat": False},
    )
    assert payload == {
        "jti": issued.jti,
        "iss": "http://127.0.0.1:8000",
        "sub": station.identity,
        "evse": 1,
        "connector": 1,
        "rid": "req-1",
        "iat": int(NOON.timestamp()),
        "exp": int(later(seconds=180).timestamp()),
    }


def test_only_the_hash_of_the_secret_is_stored(issued):
    row = ChargingCertificate.objects.get()
    assert row.jti == issued.jti
    stored = json.dumps(row.__dict__, default=str)
    assert issued.code not in stored
    assert issued.code not in issued.jws
    assert issued.code not in repr(issued)


def test_the_private_key_is_encrypted(issued):
    assert b"PRIVATE KEY" not in bytes(CertificateKey.objects.get().private_key)


def test_a_key_that_no_longer_fits_says_what_to_do(issued, settings, station):
    keys._private_key.cache_clear()
    settings.KEY_ENCRYPTION_KEY = "A" * 43 + "="
    with pytest.raises(ImproperlyConfigured, match="KEY_ENCRYPTION_KEY"):
        issue(station)


def test_the_address_fits_into_a_small_qr_code(issued):
    assert issued.uri == f"http://127.0.0.1:8000/c/{issued.code}"
    assert len(issued.uri) <= 60


@pytest.mark.parametrize("form", ["code", "jws", "uri"])
def test_every_form_can_be_presented(station, issued, form):
    view = certificates.verify(presented=f" {getattr(issued, form)} ", at=NOON)
    assert view.jti == issued.jti
    assert view.charge_point_identity == station.identity
    assert (view.evse, view.connector, view.power_w) == (1, 1, 22_000)
    assert (view.state, view.operator_id) == ("issued", station.operator_id)


def test_what_is_not_ours_is_refused_in_one_way(issued):
    tampered = issued.jws[:-4] + ("AAAA" if issued.jws[-4:] != "AAAA" else "BBBB")
    header, payload, _ = issued.jws.split(".")
    nobody = certificates.codes.new_code()
    alg_none = jwt.encode({"jti": issued.jti}, "", algorithm="none")
    foreign = jwt.encode({"jti": issued.jti}, "x" * 32, headers={"kid": "other"})
    confused = jwt.encode(
        {"jti": issued.jti, "sub": "x", "exp": 1},
        "x" * 32,
        headers={"kid": jwt.get_unverified_header(issued.jws)["kid"]},
    )
    wrong = [
        "",
        "x",
        nobody,
        issued.code[:-1],
        issued.code.swapcase(),
        tampered,
        f"{header}.{payload}.",
        alg_none,
        foreign,
        confused,
        "a.b.c",
        "x" * 5000,
    ]
    messages = set()
    for presented in wrong:
        with pytest.raises(UnableToVerifyCertificate) as caught:
            certificates.verify(presented=presented, at=NOON)
        assert caught.value.code == "certificate_invalid", presented
        assert caught.value.status == 404
        messages.add(caught.value.message)
    assert len(messages) == 1


def test_the_servers_clock_ends_it(issued):
    certificates.verify(presented=issued.code, at=later(seconds=179))
    with pytest.raises(UnableToVerifyCertificate) as caught:
        certificates.verify(presented=issued.code, at=later(seconds=180))
    assert (caught.value.code, caught.value.status) == ("certificate_expired", 410)
    with pytest.raises(UnableToClaim) as refused:
        claim(issued, at=later(seconds=180))
    assert refused.value.status == 410


def test_a_new_request_supersedes_the_certificate_that_waits(station, issued):
    second = issue(station)
    with pytest.raises(UnableToVerifyCertificate):
        certificates.verify(presented=issued.code, at=NOON)
    assert certificates.verify(presented=second.code, at=NOON).state == "issued"


def test_a_claim_gives_it_to_one_order_and_a_longer_life(issued):
    view = claim(issued, at=later(seconds=100))
    assert (view.state, view.order_number) == ("claimed", ORDER)
    assert view.expires_at == later(seconds=400)


def test_a_second_claim_is_refused(issued):
    claim(issued)
    with pytest.raises(UnableToClaim) as caught:
        claim(issued, OTHER_ORDER, "another key")
    assert caught.value.code == "certificate_already_claimed"
    assert caught.value.status == 409
    assert ChargingCertificate.objects.get().order_number == ORDER


def test_an_identical_retry_gets_the_first_answer(issued):
    first = claim(issued)
    assert claim(issued, OTHER_ORDER) == first


def test_a_retry_without_key_is_a_second_claim(issued):
    claim(issued, key="")
    with pytest.raises(UnableToClaim):
        claim(issued, key="")


def test_a_claimed_one_keeps_the_connector(station, issued):
    claim(issued)
    with pytest.raises(UnableToIssueCertificate) as caught:
        issue(station)
    assert caught.value.code == "connector_busy"
    assert state() == "claimed"


def test_a_connector_with_a_reservation_gets_none(station):
    station.tell_status("preparing")
    station.reserve()
    with pytest.raises(UnableToIssueCertificate):
        issue(station)


def test_a_connector_with_a_charge_gets_none(station):
    allow("tag")
    station.start("tag")
    with pytest.raises(UnableToIssueCertificate):
        issue(station)


def test_a_label_issues_only_when_something_is_plugged_in(station):
    with pytest.raises(UnableToIssueCertificate) as caught:
        issue(station, by="label")
    assert caught.value.code == "not_plugged_in"
    station.tell_status("preparing")
    issue(station, by="label")


def test_a_stations_request_is_a_plug_in_by_itself(station):
    issue(station)
    episode = PlugInEpisode.objects.get()
    assert episode.started_by == "request"


def test_an_unknown_connector_is_named(station):
    with pytest.raises(UnableToIssueCertificate) as caught:
        certificates.issue(
            connector_id=0, request_id="", at=NOON, requested_by="station"
        )
    assert caught.value.code == "unknown_connector"


def test_the_first_transaction_uses_it_and_the_end_closes_it(station, issued):
    claim(issued)
    station.ask_start()
    station.start(ORDER)
    assert state() == "started"
    assert certificates.close(order_number=ORDER, at=later(hours=1))
    assert state() == "closed"
    assert not certificates.close(order_number=ORDER, at=later(hours=1))


def test_a_release_fails_it(issued):
    claim(issued)
    assert certificates.release(order_number=ORDER, reason="declined", at=NOON)
    assert state() == "failed"
    assert not certificates.release(order_number=ORDER, reason="again", at=NOON)


def test_a_station_can_take_it_back(station, issued):
    assert certificates.revoke(
        connector_id=station.connector().pk, reason="cancelled", at=NOON
    )
    assert state() == "revoked"


def test_the_sweep_ends_what_nobody_used(issued):
    assert certificates.expire(at=later(seconds=179)) == 0
    assert certificates.expire(at=later(seconds=180)) == 1
    assert state() == "expired"


def test_a_claimed_one_lives_as_long_as_its_start_may_come(station, issued):
    claim(issued)
    station.ask_start(at=later(seconds=280))
    row = ChargingCertificate.objects.get()
    assert row.expires_at == later(seconds=400)
    assert certificates.expire(at=later(seconds=401)) == 0
    starting.time_out(at=later(seconds=401))
    assert state() == "failed"
    assert told("StartTimedOut") == [{"order_number": ORDER}]


def test_a_claimed_one_without_any_start_expires(issued):
    claim(issued)
    assert certificates.expire(at=later(seconds=301)) == 1
    assert state() == "expired"


def test_keys_rotate_and_old_signatures_stay_good(station, issued):
    assert not certificates.rotate(at=later(days=29))
    assert certificates.rotate(at=later(seconds=1), force=True)
    assert len(certificates.jwks()["keys"]) == 2
    assert certificates.verify(presented=issued.jws, at=NOON).jti == issued.jti
    second = issue(station)
    kids = [jwt.get_unverified_header(i.jws)["kid"] for i in (issued, second)]
    assert kids[0] != kids[1]
    certificates.rotate(at=later(days=2))
    assert [key["kid"] for key in certificates.jwks()["keys"]] == [kids[1]]


def test_one_key_signs_at_a_time(issued):
    with pytest.raises(IntegrityError), transaction.atomic():
        CertificateKey.objects.create(
            kid="x", public_jwk={}, private_key=b"", created_at=NOON
        )


def test_one_certificate_lives_per_connector(issued):
    row = ChargingCertificate.objects.get()
    row.pk, row.jti = None, "other"
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()


@pytest.mark.parametrize(
    "change", [{"state": "claimed"}, {"expires_at": NOON}], ids=str
)
def test_the_database_refuses_nonsense(issued, change):
    with pytest.raises(IntegrityError), transaction.atomic():
        ChargingCertificate.objects.update(**change)


def test_the_jws_says_which_key_signed_it(issued):
    header = issued.jws.split(".")[0]
    decoded = json.loads(urlsafe_b64decode(header + "=="))
    assert decoded["alg"] == "ES256"
    assert decoded["kid"] == CertificateKey.objects.get().kid


def test_a_retired_key_stays_while_a_certificate_lives_that_it_signed(issued):
    claim(issued)
    assert certificates.rotate(at=later(days=31))
    assert certificates.rotate(at=later(days=33), force=True)
    assert len(certificates.jwks()["keys"]) == 3
    certificates.release(order_number=ORDER, reason="test", at=later(days=33))
    assert not certificates.rotate(at=later(days=36))
    assert len(certificates.jwks()["keys"]) == 1
