"""The key of secrets at rest is changed: nothing is left under the former one."""

import json
import re
from io import StringIO
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.core.management import call_command
from django.db import connection, models
from django.utils import timezone

from charge_points.models import (
    CertificateKey,
    Command,
    CommandBatch,
    StationAuthority,
)
from charge_points.services import commands, security_profiles
from charge_points.services.certificates import keys
from charge_points.services.public_keys import authority
from cpms.accounts.models import VehicleAuthority
from cpms.accounts.models.idempotency import IdempotencyRecord
from cpms.accounts.services import resealing, sealing, vehicle_ca
from cpms.accounts.services.sealing import UnableToUnseal, seal, unseal
from cpms.notifications.models import WebhookEndpoint
from settlement.models import OwnKeySubmission, PayeeAccount
from tests.integration.charge_points.admin_world import certificate
from tests.integration.charge_points.world import NOON, later

ROOT = Path(__file__).parents[3]
FORMER, PRESENT = Fernet.generate_key().decode(), Fernet.generate_key().decode()
SECRET = "0123456789abcdef0123456789abcdef01234567"
START = "gAAAAA"
"""How every Fernet token begins, for some thousand years."""


@pytest.fixture
def former(settings):
    """Work begins under the former key."""
    keys._private_key.cache_clear()
    settings.KEY_ENCRYPTION_KEY = FORMER
    settings.KEY_ENCRYPTION_KEYS_FORMER = []
    yield
    keys._private_key.cache_clear()


def change(settings, former=(FORMER,)):
    settings.KEY_ENCRYPTION_KEY = PRESENT
    settings.KEY_ENCRYPTION_KEYS_FORMER = list(former)
    keys._private_key.cache_clear()


def fill(station):
    """Something in every sealed column, by the services where that is short."""
    now = timezone.now()
    authority.signing(at=now)
    vehicle_ca.CertificateAuthority.load(at=now)
    keys.signing_key(at=now)
    commands.queue(
        charge_point_id=station.id,
        action="ChangeConfiguration",
        payload={"key": "AuthorizationKey", "value": SECRET},
        by="test",
        idempotency_key="k",
        expires_at=later(minutes=5),
        at=NOON,
    )
    security_profiles.change_password(charge_point_id=station.id, by="test", at=now)
    CommandBatch.objects.create(
        operator_id=station.operator_id,
        action="Reset",
        size=1,
        sealed_payload=seal(SECRET),
        idempotency_key="b",
        requested_by="test",
        created_at=NOON,
        not_before=NOON,
        expires_at=later(minutes=5),
    )
    row = certificate(station)
    row.sealed_code = seal(SECRET)
    row.save(update_fields=["sealed_code"])
    WebhookEndpoint.objects.create(
        operator_id=station.operator_id,
        url="https://example.org",
        secret_sealed=seal(SECRET),
        previous_secret_sealed=seal(SECRET),
        created_at=NOON,
    )
    OwnKeySubmission.objects.create(
        operator_id=station.operator_id,
        provider="stripe",
        reference="acct_1",
        sealed_key=seal(SECRET),
        sealed_webhook_secret=seal(SECRET),
        key_ending="4567",
        submitted_by="test",
        submitted_at=NOON,
    )
    PayeeAccount.objects.create(
        operator_id=station.operator_id,
        provider="stripe",
        reference="acct_2",
        mode="own_key",
        currency="EUR",
        sealed_key=seal(SECRET),
        sealed_webhook_secret=seal(SECRET),
        sealed_former_webhook_secret=seal(SECRET),
        former_webhook_secret_until=later(minutes=5),
        key_ending="4567",
        key_set_at=NOON,
        created_at=NOON,
    )
    answer_kept()


def answer_kept():
    IdempotencyRecord.objects.create(
        principal="test",
        key="k",
        request_hash="f" * 64,
        status=201,
        response={"sealed": seal(json.dumps({"key": SECRET}))},
        started_at=NOON,
    )


def run(*options):
    """(exit code, what it printed as JSON)."""
    out = StringIO()
    try:
        call_command("reseal_secrets", "--json", *options, stdout=out)
        code = 0
    except SystemExit as ended:
        code = ended.code
    return code, json.loads(out.getvalue() or "{}")


def under(key):
    """Values anywhere in our tables that open with this key, by table and column."""
    found = {}
    for model in apps.get_models(include_auto_created=True):
        if model._meta.app_label not in resealing.ROOMS or not model._meta.managed:
            continue
        for column in model._meta.concrete_fields:
            if not isinstance(
                column,
                models.CharField
                | models.TextField
                | models.JSONField
                | models.BinaryField,
            ):
                continue
            count = sum(opens(key, text) for text in tokens(model, column))
            if count:
                found[f"{model._meta.db_table}.{column.column}"] = count
    return found


def tokens(model, column):
    is_binary = isinstance(column, models.BinaryField)
    name = f'"{column.column}"'
    text = f"convert_from({name}, 'LATIN1')" if is_binary else f"{name}::text"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT m[1] FROM {model._meta.db_table}, "
            f"regexp_matches({text}, '{START}[A-Za-z0-9_=-]+', 'g') AS m"
        )
        return [row[0] for row in cursor.fetchall()]


def opens(key, text):
    try:
        Fernet(key).decrypt(text.encode())
    except InvalidToken:
        return False
    return True


def test_nothing_anywhere_is_left_under_the_former_key(station, former, settings):
    fill(station)
    columns = {column.label for column in resealing.sealed_columns()}
    # Whatever room invents a sealed column or member: this test wants a row of it,
    # and finds it by its value when its name says nothing.
    assert set(under(FORMER)) == columns

    change(settings)
    code, before = run("--check")
    assert (code, before["error"]) == (1, "sealed_with_another_key")
    assert set(under(FORMER)) == columns
    code, told = run()
    assert (code, told["unreadable"]) == (0, 0)
    assert told["resealed"] == sum(told["columns"].values())
    assert {name for name, count in told["columns"].items() if count} == columns

    assert under(FORMER) == {}
    assert set(under(PRESENT)) == columns
    # The former key can go, and everything is as it was.
    change(settings, former=())
    assert authority.signing(at=timezone.now()).certificate is not None
    assert keys.signing_key(at=timezone.now())
    assert unseal(PayeeAccount.objects.get().sealed_key) == SECRET
    assert SECRET in unseal(
        Command.objects.exclude(sealed_payload="").get().sealed_payload
    )
    assert run("--check")[0] == 0
    code, again = run()
    assert (code, again["resealed"]) == (0, 0)
    assert again["current"] == told["resealed"]


def test_former_and_present_are_read_side_by_side(station, former, settings):
    authority.signing(at=timezone.now())
    old = seal("old")
    change(settings)
    assert (unseal(old), unseal(seal("new"))) == ("old", "new")
    assert authority.signing(at=timezone.now())
    change(settings, former=())
    with pytest.raises(UnableToUnseal, match="KEY_ENCRYPTION_KEYS_FORMER"):
        unseal(old)


def test_what_no_key_opens_is_counted_named_and_left(station, former, settings):
    authority.signing(at=timezone.now())
    settings.KEY_ENCRYPTION_KEY = lost = Fernet.generate_key().decode()
    keys.signing_key(at=timezone.now())
    change(settings)

    code, told = run()

    assert (code, told["error"]) == (1, "sealed_with_another_key")
    row = CertificateKey.objects.get()
    assert f"charge_points_certificatekey.private_key {row.pk}" in told["message"]
    assert Fernet(lost).decrypt(bytes(row.private_key))
    # What could be sealed anew was.
    assert under(FORMER) == {}
    change(settings, former=(FORMER, lost))
    assert run()[0] == 0


def test_an_interrupted_run_goes_on(station, former, settings, monkeypatch):
    monkeypatch.setattr(resealing, "BATCH_ROWS", 2)
    for number in range(5):
        WebhookEndpoint.objects.create(
            operator_id=station.operator_id,
            url=f"https://example.org/{number}",
            secret_sealed=seal(f"secret {number}"),
            created_at=NOON,
        )
    change(settings)
    calls = []

    def broken(data):
        calls.append(data)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return sealing._present().encrypt(data)

    with monkeypatch.context() as patch:
        patch.setattr(resealing, "seal_bytes", broken)
        with pytest.raises(KeyboardInterrupt):
            resealing.reseal_all()
    # The first batch of two is done; the second was rolled back with its interruption.
    report = resealing.reseal_all()
    assert (report.resealed, report.current) == (3, 2)
    rows = WebhookEndpoint.objects.order_by("pk").values_list(
        "secret_sealed", flat=True
    )
    assert [unseal(text) for text in rows] == [f"secret {n}" for n in range(5)]


def test_who_seals_is_known_to_the_command():
    """Who seals at a new place adds a row of it to ``fill``, then its name here."""
    sealing_modules = {
        str(path.relative_to(ROOT))
        for room in ("cpms", "charge_points", "billing", "settlement")
        for path in (ROOT / room).rglob("*.py")
        if "services.sealing import" in (text := path.read_text())
        and re.search(r"\bseal(_bytes)?\(", text)
    }
    assert sealing_modules == {
        "cpms/accounts/services/resealing.py",
        "cpms/accounts/services/vehicle_ca.py",
        "cpms/accounts/api/idempotency.py",
        "cpms/notifications/services/endpoints.py",
        "charge_points/services/certificates/keys.py",
        "charge_points/services/certificates/telling.py",
        "charge_points/services/commands/secrets.py",
        "charge_points/services/public_keys/authority.py",
        "charge_points/services/security_profiles.py",
        "settlement/services/own_keys.py",
        "settlement/services/payees.py",
    }


def test_all_authorities_are_resealed(station, former, settings):
    authority.signing(at=timezone.now())
    vehicle_ca.CertificateAuthority.load(at=timezone.now())
    change(settings)
    report = resealing.reseal_all()
    rows = StationAuthority.objects.count() + VehicleAuthority.objects.count()
    assert report.resealed == rows == 3
