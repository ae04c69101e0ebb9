"""Bad claims and cards: said clearly, then cured.

Every refusal names its code and what to do; doing that afterwards leads to a charge
that is paid, so nothing of the bad try is left in the way.
"""

import asyncio
import base64
import contextlib
import json
from dataclasses import dataclass, field

import psycopg2
import pytest

from cpms.embedded import ensure_postgres
from simulators.charge_point.battery import Battery
from simulators.demo import scenes
from simulators.vehicle.keys import VehicleKey
from simulators.vehicle.proofs import Attack, Proof, forge, sign
from tests.e2e.trying import PATIENCE_S, car_of, driver_of, finish, post, refusal_of

pytestmark = pytest.mark.e2e
CLAIM = "/api/v1/charging-certificates/claim"


@dataclass
class Holder:
    """Somebody at the cable who takes the certificate and thinks about it."""

    battery: Battery = field(default_factory=Battery)
    offers: asyncio.Queue = field(default_factory=asyncio.Queue)

    async def offered(self, offer):
        self.offers.put_nowait(offer)


def jti_of(certificate):
    middle = certificate.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))[
        "jti"
    ]


class Claims:
    """Claims of one certificate: honest ones, and every way to get it wrong."""

    def __init__(self, town, offer, vehicle):
        self.town, self.offer, self.vehicle = town, offer, vehicle

    def proof(self, **values):
        return Proof(
            certificate_hash=jti_of(self.offer.certificate),
            **{"station": self.offer.station, **values},
        ).payload()

    def send(self, proof, certificate=None):
        body = {"certificate": certificate or self.offer.certificate, "proof": proof}
        return post(self.town, CLAIM, body)

    def refused(self, proof, certificate=None):
        found = refusal_of(self.send, proof, certificate)
        return found.status, found.code

    def honest(self):
        return self.send(sign(self.proof(), self.vehicle.key))


def bad_proofs(claims):
    """(what it is, proof, certificate or None, status, code)."""
    key, other = claims.vehicle.key, VehicleKey.generate()
    header, payload, signature = claims.offer.certificate.split(".")
    forged = f"{header}.{payload}.{signature[::-1]}"
    cheats = [
        (Attack.FOREIGN_KEY, 403, "proof_invalid"),
        (Attack.NO_SIGNATURE, 403, "proof_invalid"),
        (Attack.WRONG_CERTIFICATE, 403, "proof_invalid"),
        (Attack.WRONG_PURPOSE, 403, "proof_invalid"),
        (Attack.WRONG_STATION, 403, "station_mismatch"),
    ]
    for attack, status, code in cheats:
        yield attack, forge(claims.proof(), key, attack), None, status, code
    honest = sign(claims.proof(), key)
    small = sign(claims.proof(max_amount_minor=1, currency="EUR"), key)
    yen = sign(claims.proof(max_amount_minor=5000, currency="JPY"), key)
    nothing = sign({**claims.proof(), "max_amount_minor": 0, "currency": "EUR"}, key)
    unknown = sign(claims.proof(), other)
    yield "no JWS", "nonsense", None, 403, "proof_invalid"
    yield "no amount", nothing, None, 403, "proof_invalid"
    yield "a cent", small, None, 409, "hold_too_small"
    yield "another currency", yen, None, 409, "currency_mismatch"
    yield "a vehicle of nobody", unknown, None, 403, "vehicle_unknown"
    yield "a forged certificate", honest, forged, 404, "certificate_invalid"
    yield (
        "another issuer's",
        honest,
        sign({"jti": "x"}, other),
        404,
        "certificate_invalid",
    )
    yield "no certificate", honest, "nonsense", 404, "certificate_invalid"


@pytest.mark.parametrize("name", ["N-16", "S-201"])
def test_bad_proofs_start_nothing_and_the_honest_one_still_charges(town, name):
    place = town.places[name]

    async def main():
        vehicle = await asyncio.to_thread(car_of, town, "honest")
        holder = Holder()
        async with scenes.station(place, town.system.ocpp_url) as station:
            known = await scenes.order_numbers(place)
            await station.plug_in(1, holder)
            offer = await asyncio.wait_for(holder.offers.get(), PATIENCE_S)
            claims = Claims(town, offer, vehicle)
            for what, proof, certificate, status, code in bad_proofs(claims):
                told = await asyncio.to_thread(claims.refused, proof, certificate)
                assert told == (status, code), what
            assert await scenes.order_numbers(place) == known
            answer = await asyncio.to_thread(claims.honest)
            again = await asyncio.to_thread(
                claims.refused, sign(claims.proof(), vehicle.key)
            )
            assert again == (409, "certificate_already_claimed")
            await finish(place, station, answer["order"])

    asyncio.run(main())


def let_expire(town, certificate):
    """The certificate's time is over."""
    with (
        contextlib.closing(
            psycopg2.connect(ensure_postgres(town.system.home).superuser)
        ) as raw,
        raw,
        raw.cursor() as cursor,
    ):
        cursor.execute(
            "UPDATE charge_points_chargingcertificate "
            "SET issued_at = issued_at - interval '1 hour', "
            "expires_at = expires_at - interval '1 hour' WHERE jti = %s",
            [jti_of(certificate)],
        )
        assert cursor.rowcount == 1


def test_an_expired_certificate_is_refused_and_plugging_in_again_helps(town):
    place = town.places["S-202"]

    async def main():
        vehicle = await asyncio.to_thread(car_of, town, "late")
        holder = Holder()
        async with scenes.station(place, town.system.ocpp_url) as station:
            await station.plug_in(1, holder)
            offer = await asyncio.wait_for(holder.offers.get(), PATIENCE_S)
            await asyncio.to_thread(let_expire, town, offer.certificate)
            claims = Claims(town, offer, vehicle)
            refusal = await asyncio.to_thread(refusal_of, claims.honest)
            assert (refusal.status, refusal.code) == (410, "certificate_expired")
            assert "plug in again" in refusal.detail
            await station.unplug(1)
            await station.settle(PATIENCE_S)

            await station.plug_in(1, holder)
            fresh = await asyncio.wait_for(holder.offers.get(), PATIENCE_S)
            answer = await asyncio.to_thread(Claims(town, fresh, vehicle).honest)
            await finish(place, station, answer["order"])

    asyncio.run(main())


def test_a_declined_card_fails_the_order_with_its_reason(town):
    place = town.places["N-201"]

    async def main():
        account = await asyncio.to_thread(
            driver_of, town, "poor", "pm_sim_insufficientFundsLater"
        )
        async with scenes.station(place, town.system.ocpp_url) as station:
            await station.plug_in(1)
            await station.settle(PATIENCE_S)
            start = {"connector_code": place.codes[0]}
            order = await account.client.apost("/api/v1/driver/orders", start)
            number = order["order"]
            told = await scenes.until_final(place.operator, number)
            assert (told["state"], told["payment_state"]) == ("FAILED", "DECLINED")
            mine = await account.client.aget(f"/api/v1/driver/orders/{number}")
            assert "insufficient funds" in mine["failure_reason"]
            assert mine["amount_minor"] in {None, 0}

            better = {"provider": "stripe", "payment_method": "pm_card_visa"}
            method = await account.client.apost(
                "/api/v1/driver/payment-methods", better
            )
            await account.client.apost(
                f"/api/v1/driver/payment-methods/{method['id']}/default", {}
            )
            order = await account.client.apost("/api/v1/driver/orders", start)
            await finish(place, station, order["order"])

    asyncio.run(main())
