"""Vehicles over REST: chains, renewal, caps, several drivers, hand-over."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.utils import timezone

from billing.models import Order
from cpms.accounts.models import Vehicle, VehicleTransfer
from simulators.vehicle.keys import VehicleKey
from simulators.vehicle.proofs import sign
from tests.factories import accounts
from tests.integration.billing.world import API, CLAIM, api, fresh
from tests.outbox import drain

VEHICLES = f"{API}/driver/vehicles"


@pytest.fixture
def ask(as_role):
    """Requests of a person as the web makes them: under row level security."""

    def call(person, method, path="", body=None, **headers):
        known = {} if person is None else person.headers
        with as_role("app"):
            return getattr(api(known), method)(
                path if path.startswith("/") and "api" in path else VEHICLES + path,
                body or {},
                content_type="application/json",
                headers=headers,
            )

    return call


def certificate(key, issuer_key, name, issuer, *, ca=False, days=(-1, 30)):
    now = timezone.now()

    def named(text):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    signed = builder.sign(issuer_key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture
def key():
    return VehicleKey.generate()


@pytest.fixture
def chain(key):
    root = ec.generate_private_key(ec.SECP384R1())
    leaf = certificate(key.private, root, "EMAID", "root")
    return leaf + certificate(root, root, "root", "root", ca=True)


def registration(person, key, chain, **payload):
    content = {"purpose": "enrol", "driver_id": person.driver.pk, **payload}
    proof = sign(content, key)
    return {"label": "car", "certificate_chain_pem": chain, "proof": proof}


def test_an_existing_chain_is_registered_and_its_vehicle_charges(
    world, ask, key, chain
):
    body = registration(world.person, key, chain)
    answer = ask(world.person, "post", body=body)
    assert answer.status_code == 201, answer.json()
    row = Vehicle.objects.get()
    assert row.key_proved
    assert row.chain_pem.count("BEGIN CERTIFICATE") == 1
    issued = world.station.certificate()
    proof = accounts.Car(key, row).proof(issued.jti, world.station.identity)
    claimed = ask(None, "post", CLAIM, {"certificate": issued.jws, "proof": proof})
    assert claimed.status_code == 201
    assert Order.objects.get().vehicle == row


def spoilt(world, key, chain, what):
    other = VehicleKey.generate()
    leaf, root = chain.split("-----END CERTIFICATE-----\n")[:2]
    end = "-----END CERTIFICATE-----\n"
    good = registration(world.person, key, chain)
    stranger = ec.generate_private_key(ec.SECP256R1())
    old = certificate(key.private, stranger, "EMAID", "root", days=(-9, -2))
    return {
        "another key's proof": {**good, "proof": sign({"purpose": "enrol"}, other)},
        "another account": registration(world.person, key, chain, driver_id=-1),
        "another purpose": registration(world.person, key, chain, purpose="charge"),
        "no proof": {k: v for k, v in good.items() if k != "proof"},
        "wrong order": registration(world.person, key, root + end + leaf + end),
        "torn chain": registration(
            world.person,
            key,
            leaf + end + certificate(stranger, stranger, "root", "root", ca=True),
        ),
        "expired": registration(world.person, key, old),
        "no pem": registration(world.person, key, "nothing"),
        "too long": registration(world.person, key, chain * 50),
    }[what]


@pytest.mark.parametrize(
    "what",
    [
        "another key's proof",
        "another account",
        "another purpose",
        "no proof",
        "wrong order",
        "torn chain",
        "expired",
        "no pem",
        "too long",
    ],
)
def test_a_chain_that_does_not_hold_is_refused(world, ask, key, chain, what):
    answer = ask(world.person, "post", body=spoilt(world, key, chain, what))
    assert answer.status_code == 422
    assert answer.json()["code"] in {
        "certificate_chain_invalid",
        "possession_not_proved",
    }
    assert not Vehicle.objects.exists()


def test_who_has_the_key_takes_it_from_who_only_named_it(world, ask, key, chain):
    squatter = accounts.driver()
    accounts.vehicles.enrol(
        driver_id=squatter.driver.pk,
        label="not mine",
        public_key_pem=key.public_pem,
        csr_pem="",
        at=timezone.now(),
    )
    answer = ask(world.person, "post", body=registration(world.person, key, chain))
    assert answer.status_code == 201
    assert Vehicle.objects.get(status="active").driver == world.driver


def test_a_proved_key_cannot_be_taken(world, ask, key, chain):
    other = accounts.driver()
    assert ask(other, "post", body=registration(other, key, chain)).status_code == 201
    answer = ask(world.person, "post", body=registration(world.person, key, chain))
    assert answer.json()["code"] == "vehicle_enrolled_already"


def csr(key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "car")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name)
    signed = request.sign(key.private, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize("same", [True, False])
def test_a_certificate_is_renewed_for_its_key_or_a_new_one(world, ask, key, same):
    made = ask(world.person, "post", body={"label": "car", "csr_pem": csr(key)}).json()
    newer = key if same else VehicleKey.generate()
    answer = ask(
        world.person, "post", f"/{made['id']}/certificate", {"csr_pem": csr(newer)}
    )
    assert answer.status_code == 201
    assert answer.json()["certificate_pem"] != made["certificate_pem"]
    assert (answer.json()["fingerprint"] == made["fingerprint"]) is same
    row = Vehicle.objects.get()
    issued = world.station.certificate()
    proof = accounts.Car(newer, row).proof(issued.jti, world.station.identity)
    body = {"certificate": issued.jws, "proof": proof}
    assert ask(None, "post", CLAIM, body).status_code == 201


def test_an_expired_certificate_of_a_vehicle_charges_nothing(world, ask, key):
    ask(world.person, "post", body={"label": "car", "csr_pem": csr(key)})
    Vehicle.objects.update(certificate_expires_at=timezone.now())
    issued = world.station.certificate()
    car = accounts.Car(key, Vehicle.objects.get())
    body = {
        "certificate": issued.jws,
        "proof": car.proof(issued.jti, world.station.identity),
    }
    answer = ask(None, "post", CLAIM, body)
    assert (answer.status_code, answer.json()["code"]) == (
        403,
        "vehicle_certificate_expired",
    )


# -- several drivers -----------------------------------------------------------------


@pytest.fixture
def car(world):
    return accounts.vehicle(world.person)


@pytest.fixture
def friend(world):
    return accounts.driver_with_card()


def claim(world, car):
    issued = world.station.certificate()
    proof = car.proof(issued.jti, world.station.identity)
    order = world.claim(issued, proof=proof, driver_id=None)
    drain()
    return fresh(order)


def test_a_further_driver_takes_over_the_charges_and_gives_them_back(
    world, ask, car, friend
):
    path = f"/{car.row.pk}"
    assert ask(friend, "post", f"{path}/payer").status_code == 404
    shared = ask(
        world.person, "post", f"{path}/drivers", {"email": friend.driver.email}
    )
    assert shared.status_code == 201
    assert [row["role"] for row in ask(friend, "get").json()] == ["driver"]
    assert ask(friend, "post", f"{path}/payer").json()["pays"] is True
    first = claim(world, car)
    assert first.driver == friend.driver
    world.finish(world.begin(first))
    assert ask(world.person, "delete", f"{path}/payer").status_code == 204
    assert claim(world, car).driver == world.driver


def test_the_end_of_a_share_ends_its_payment(world, ask, car, friend):
    path = f"/{car.row.pk}"
    ask(world.person, "post", f"{path}/drivers", {"email": friend.driver.email})
    ask(friend, "post", f"{path}/payer")
    (row,) = ask(world.person, "get", f"{path}/drivers").json()
    assert ask(friend, "get", f"{path}/drivers").json() == []
    stranger = accounts.driver()
    gone = f"{path}/drivers/{row['driver_id']}"
    assert ask(stranger, "delete", gone).status_code == 404
    assert ask(friend, "delete", gone).status_code == 204
    assert Vehicle.objects.get().payer is None


@pytest.mark.parametrize("who", ["nobody", "owner", "stranger"])
def test_a_vehicle_is_shared_by_its_owner_with_another_account(world, ask, car, who):
    stranger = accounts.driver()
    asking = stranger if who == "stranger" else world.person
    email = world.driver.email if who == "owner" else "nobody@example.org"
    answer = ask(asking, "post", f"/{car.row.pk}/drivers", {"email": email})
    assert answer.json()["code"] == (
        "unknown_vehicle" if who == "stranger" else "unknown_driver"
    )


def test_a_sold_vehicle_moves_with_its_key_and_without_its_past(
    world, ask, car, friend
):
    order = claim(world, car)
    world.finish(world.begin(order))
    offer = ask(world.person, "post", f"/{car.row.pk}/transfer").json()
    assert offer["code"] not in str(VehicleTransfer.objects.values().get())
    body = {"code": offer["code"], "label": "my new car"}
    taken = ask(friend, "post", "/transfers", body)
    assert taken.status_code == 201
    assert taken.json()["fingerprint"] == car.row.fingerprint
    assert ask(friend, "post", "/transfers", body).status_code == 404
    assert claim(world, car).driver == friend.driver
    assert fresh(order).driver == world.driver
    assert Vehicle.objects.get(pk=car.row.pk).status == "revoked"


@pytest.mark.parametrize("spoil", ["expired", "revoked", "wrong", "own", "newer"])
def test_a_code_that_is_not_good_hands_nothing_over(world, ask, car, friend, spoil):
    path = f"/{car.row.pk}/transfer"
    code = ask(world.person, "post", path).json()["code"]
    taker = friend
    if spoil == "expired":
        VehicleTransfer.objects.update(expires_at=timezone.now())
    elif spoil == "revoked":
        ask(world.person, "delete", f"/{car.row.pk}")
    elif spoil == "wrong":
        code = code[:-1] + "_"
    elif spoil == "own":
        taker = world.person
    else:
        ask(world.person, "post", path)
    answer = ask(taker, "post", "/transfers", {"code": code, "label": "x"})
    assert (answer.status_code, answer.json()["code"]) == (404, "transfer_code_invalid")
    assert not Vehicle.objects.filter(driver=friend.driver).exists()


# -- caps ----------------------------------------------------------------------------


def test_a_vehicles_caps_limit_its_charges(world, ask, car):
    body = {"charge_cap_minor": 1200, "day_cap_minor": 2000, "cap_currency": "EUR"}
    assert ask(world.person, "patch", f"/{car.row.pk}", body).status_code == 200
    first = claim(world, car)
    assert first.hold_minor == 1200
    world.finish(world.begin(first), 10_000)
    assert fresh(first).amount_minor == 595
    second = claim(world, car)
    assert second.hold_minor == 1200
    world.finish(world.begin(second), 18_000)
    assert fresh(second).amount_minor == 1071
    third = claim(world, car)
    assert third.hold_minor == 2000 - 595 - 1071


def test_a_cap_needs_its_currency(world, ask, car):
    answer = ask(world.person, "patch", f"/{car.row.pk}", {"day_cap_minor": 100})
    assert answer.status_code == 400


def test_caps_of_a_strangers_vehicle_are_not_reached(world, ask, car, friend):
    body = {"day_cap_minor": 1, "cap_currency": "EUR"}
    answer = ask(friend, "patch", f"/{car.row.pk}", body)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_vehicle")


# -- idempotency ---------------------------------------------------------------------


def test_vehicles_behind_one_address_do_not_share_idempotency_keys(world, ask, car):
    other = accounts.vehicle(accounts.driver_with_card())
    answers = []
    for evse, each in ((1, car), (2, other)):
        issued = world.station.certificate(evse)
        proof = each.proof(issued.jti, world.station.identity)
        body = {"certificate": issued.jws, "proof": proof}
        answers.append(ask(None, "post", CLAIM, body, **{"Idempotency-Key": "1"}))
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["order"] != answers[1].json()["order"]
