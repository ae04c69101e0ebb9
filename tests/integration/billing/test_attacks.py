"""Attacks on a claim that leave a trace for the operator, and what reduces a relay."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone
from rest_framework.throttling import ScopedRateThrottle

from billing.models import Order
from charge_points.models import PlugInEpisode, SecurityEvent, Site
from charge_points.services import authorization
from tests.factories import accounts, network
from tests.integration.billing.world import CLAIM, api, make_world

HERE = [52.5163, 13.3777]
STREET = [52.5170, 13.3800]
ELSEWHERE = [48.1372, 11.5755]


@pytest.fixture
def car(world):
    return accounts.vehicle(world.person)


@pytest.fixture
def claim(world, car, as_role):
    """A vehicle's claim over REST under row level security."""
    issued = world.station.certificate()

    def send(*, person=None, station=None, extra=None, **payload):
        body = {"certificate": issued.jws, **(extra or {})}
        if person is None:
            named = station or world.station.identity
            body["proof"] = car.proof(issued.jti, named, **payload)
        with as_role("app"):
            return api({} if person is None else person.headers).post(
                CLAIM, body, content_type="application/json"
            )

    return send


def code(answer):
    return answer.json()["code"]


def kinds():
    return list(SecurityEvent.objects.order_by("pk").values_list("kind", flat=True))


def test_a_claim_for_another_station_is_seen_by_the_operator(world, claim):
    other = network.station(accounts.operator())
    answer = claim(station=other.identity)
    assert (answer.status_code, code(answer)) == (403, "station_mismatch")
    event = SecurityEvent.objects.get()
    assert (event.kind, event.source) == ("ClaimFromAnotherStation", "platform")
    assert event.operator_id == world.operator.pk
    assert event.charge_point_id == world.station.id


def test_a_second_claim_of_a_certificate_is_seen(world, claim):
    assert claim().status_code == 201
    assert code(claim()) == "certificate_already_claimed"
    assert kinds() == ["CertificateClaimedTwice"]
    assert Order.objects.count() == 1


def test_a_replayed_proof_is_seen(world, car, as_role):
    answers = []
    for evse in (1, 2):
        issued = world.station.certificate(evse)
        proof = car.proof(issued.jti, world.station.identity, jti="once")
        with as_role("app"):
            answers.append(
                api().post(
                    CLAIM,
                    {"certificate": issued.code, "proof": proof},
                    content_type="application/json",
                )
            )
    assert [answer.status_code for answer in answers] == [201, 409]
    assert kinds() == ["ProofReplayed"]


def test_what_belongs_to_no_station_leaves_no_event(world, claim):
    answer = claim(extra={"certificate": "nothing of ours"})
    assert code(answer) == "certificate_invalid"
    assert kinds() == []


@pytest.fixture
def plugged_for(world):
    """The station said so many seconds ago that something was plugged in."""

    def since(seconds):
        PlugInEpisode.objects.update(
            started_at=timezone.now() - timedelta(seconds=seconds)
        )

    return since


@pytest.mark.parametrize(
    ("station_s", "vehicle_s", "status"),
    [(100, 100, 201), (100, 130, 201), (100, 5000, 403), (5000, 100, 403)],
)
def test_a_vehicle_that_was_plugged_in_elsewhere_does_not_charge_here(
    claim, plugged_for, station_s, vehicle_s, status
):
    """A relay forwards a fresh certificate, but not the victim's own plug-in."""
    plugged_for(station_s)
    answer = claim(plugged_in_s=vehicle_s)
    assert answer.status_code == status
    if status == 403:
        assert code(answer) == "plug_in_mismatch"
        assert kinds() == ["ClaimWithoutPlugIn"]
        assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("position", "status"), [(HERE, 201), (STREET, 201), (ELSEWHERE, 403)]
)
@pytest.mark.parametrize("by", ["vehicle", "phone"])
def test_who_is_far_from_the_site_does_not_charge_there(
    world, claim, position, status, by
):
    Site.objects.update(latitude=HERE[0], longitude=HERE[1])
    if by == "vehicle":
        answer = claim(position=position)
    else:
        where = {"latitude": position[0], "longitude": position[1]}
        answer = claim(person=world.person, extra=where)
    assert answer.status_code == status
    if status == 403:
        assert code(answer) == "position_mismatch"
        assert kinds() == ["ClaimFromElsewhere"]


def test_a_position_says_nothing_where_the_site_has_none(claim):
    assert claim(position=ELSEWHERE).status_code == 201


@pytest.mark.parametrize(
    "payload",
    [
        {"plugged_in_s": -1},
        {"plugged_in_s": "soon"},
        {"plugged_in_s": True},
        {"position": [1]},
        {"position": ["a", "b"]},
        {"position": [1, 1e9]},
        {"position": "here"},
    ],
)
def test_a_presence_that_is_none_is_refused(claim, payload):
    answer = claim(**payload)
    assert (answer.status_code, code(answer)) == (403, "proof_invalid")


def test_guessing_is_slowed_down_by_address_whatever_the_account(
    world, claim, monkeypatch
):
    """Accounts are made quickly; the address counts as well."""
    rates = {**ScopedRateThrottle.THROTTLE_RATES, "claim": "2/min"}
    monkeypatch.setattr(ScopedRateThrottle, "THROTTLE_RATES", rates)
    cache.clear()
    bad = {"certificate": "a guess"}
    people = [accounts.driver() for _ in range(3)]
    answers = [claim(person=person, extra=bad) for person in people]
    assert [answer.status_code for answer in answers] == [404, 404, 429]


@pytest.mark.parametrize("form", ["code", "jti", "jws"])
def test_a_leaked_certificate_starts_nothing_at_the_charger(world, form):
    """Only an order number does, and only where it was made for."""
    issued = world.station.certificate()
    leaked = getattr(issued, form)[:36]
    answer = authorization.authorize(
        **world.station.who, token=leaked, at=timezone.now()
    )
    assert answer.status == "Invalid"
    charge = world.station.start(leaked[:20])
    assert charge.status == "Invalid"
    assert not Order.objects.exists()


def test_an_order_number_of_another_operator_is_invalid_and_seen(world, psp):
    """Seen by the operator at whose station it was presented."""
    victim = make_world(psp)
    order = victim.claimed()
    charge = world.station.start(order.number)
    assert charge.status == "Invalid"
    event = SecurityEvent.objects.get(kind="ForeignStartHandle")
    assert event.operator_id == world.operator.pk
    assert order.number not in event.detail
    assert victim.begin(order).status == "Accepted"
