"""``manage.py seed_demo``: an example network of two operators."""

import secrets
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.core.management.base import CommandParser
from django.utils import timezone

from billing.services import tariffs
from charge_points.services import id_tokens, provisioning
from charge_points.services.provisioning import NewChargePoint
from cpms.accounts.management.base import DomainCommand
from cpms.accounts.models import Membership, Operator, User
from cpms.accounts.services import operators
from cpms.kernel.errors import DomainError
from settlement.services import payees, splits

ALL_SCOPES: Final = list(operators.SCOPES)
ADMIN: Final = "admin@example.org"
TAX: Final = 19
BACKDATE: Final = timedelta(days=1)
"""Fast simulated stations live some hours in the past."""


class UnableToSeed(DomainError):
    """An argument is wrong."""


def _component(kind: str, price: str, step: int = 1) -> dict[str, Any]:
    return {
        "type": kind,
        "price": float(Decimal(price)),
        "vat": float(TAX),
        "step_size": step,
    }


# JSON has one number type; the engine reads these prices exactly by their text.
NETWORK: Final[tuple[dict[str, Any], ...]] = (
    {
        "code": "north",
        "name": "Nordlicht Laden",
        "prices": [
            {"price_components": [_component("ENERGY", "0.49")]},
            {"price_components": [_component("FLAT", "0.50")]},
        ],
        "stations": (("N-16", "1.6", 2, 22_000), ("N-201", "2.0.1", 2, 150_000)),
        "parties": (("platform", "Platform fee", 300), ("site", "Site host", 1500)),
    },
    {
        "code": "south",
        "name": "Suedwind Energie",
        "prices": [
            {
                "price_components": [
                    _component("ENERGY", "0.39"),
                    _component("TIME", "1.20", 60),
                ]
            },
        ],
        "stations": (
            ("S-16", "1.6", 2, 22_000),
            ("S-201", "2.0.1", 2, 50_000),
            ("S-202", "2.0.1", 1, 50_000),
        ),
        "parties": (("platform", "Platform fee", 400), ("supply", "Supplier", 2500)),
    },
)


class Command(DomainCommand):
    """Create operators, tariffs, splits, charge points, tokens, keys and staff."""

    help = (
        "Fill an empty database with an example network of two operators and print "
        "its random passwords and keys once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The operators' accounts at the provider."""
        super().add_arguments(parser)
        parser.add_argument(
            "--payee",
            action="append",
            default=[],
            metavar="CODE=ACCOUNT",
            help="provider account of an operator, such as north=acct_...",
        )

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Create everything."""
        accounts = dict(_pair(text) for text in options["payee"])
        _require_empty()
        now = timezone.now()
        password = secrets.token_urlsafe(12)
        admin = User.objects.create_superuser(ADMIN, password)
        return {
            "admin": {"email": admin.email, "password": password},
            "operators": [
                _operator(plan, accounts.get(plan["code"]), at=now) for plan in NETWORK
            ],
        }


def _pair(text: str) -> tuple[str, str]:
    code, separator, account = text.partition("=")
    if not separator or not account:
        raise UnableToSeed("payee_invalid", f"{text!r} is not CODE=ACCOUNT.")
    codes = [plan["code"] for plan in NETWORK]
    if code not in codes:
        raise UnableToSeed(
            "payee_invalid", f"{code!r} is none of the operators {', '.join(codes)}."
        )
    return code, account


def _require_empty() -> None:
    codes = [plan["code"] for plan in NETWORK]
    if (
        User.objects.filter(email=ADMIN).exists()
        or Operator.objects.filter(code__in=codes).exists()
    ):
        raise UnableToSeed(
            "seeded_already",
            "The example network is there already; its passwords were shown once. "
            "Empty the database to make it anew.",
        )


def _operator(
    plan: dict[str, Any], account: str | None, *, at: datetime
) -> dict[str, Any]:
    operator = operators.create_operator(
        code=plan["code"],
        name=plan["name"],
        country="DE",
        currency="EUR",
        time_zone="Europe/Berlin",
        by="seed",
        at=at,
    )
    _tariff(operator, plan, at=at)
    _split(operator, plan, at=at)
    if account:
        payees.register(
            operator_id=operator.pk,
            provider="stripe",
            reference=account,
            by="seed",
            at=at,
        )
    key = operators.create_api_key(
        operator_code=operator.code, scopes=ALL_SCOPES, name="demo", by="seed", at=at
    )
    staff = _staff(operator)
    return {
        "code": operator.code,
        "name": operator.name,
        "account": account,
        "api_key": key.key,
        "staff": staff,
        "charge_points": [_station(operator, s, at=at) for s in plan["stations"]],
        "token": _token(operator, at=at),
    }


def _tariff(operator: Operator, plan: dict[str, Any], *, at: datetime) -> None:
    ocpi = {
        "country_code": "DE",
        "party_id": "DEM",
        "id": f"{plan['code']}-1",
        "currency": "EUR",
        "tax_included": "NO",
        "elements": plan["prices"],
        "last_updated": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    tariff = tariffs.save_tariff(
        operator_id=operator.pk, ocpi=ocpi, name="Standard", by="seed", at=at
    )
    tariffs.assign(tariff=tariff, starts_at=at - BACKDATE, by="seed")


def _split(operator: Operator, plan: dict[str, Any], *, at: datetime) -> None:
    rest = 10_000 - sum(points for _, _, points in plan["parties"])
    parties = [
        splits.Party(
            key="operator", name=operator.name, role="operator", basis_points=rest
        )
    ]
    parties += [
        splits.Party(
            key=key,
            name=name,
            role="platform" if key == "platform" else "other",
            basis_points=points,
        )
        for key, name, points in plan["parties"]
    ]
    agreement = splits.Agreement(
        operator_id=operator.pk,
        site_id=None,
        name="Standard",
        parties=tuple(parties),
        valid_from=at - BACKDATE,
    )
    splits.agree(agreement, by="seed", at=at)


def _staff(operator: Operator) -> dict[str, str]:
    password = secrets.token_urlsafe(12)
    email = f"owner@{operator.code}.example.org"
    user = User.objects.create_user(email, password, is_staff=True)
    Membership.objects.create(operator=operator, user=user, role=Membership.Role.OWNER)
    return {"email": email, "password": password}


def _station(
    operator: Operator, plan: tuple[str, str, int, int], *, at: datetime
) -> dict[str, Any]:
    identity, version, evses, power_w = plan
    created = provisioning.create_charge_point(
        wanted=NewChargePoint(
            operator_code=operator.code,
            identity=identity,
            security_profile=1,
            evses=evses,
            ocpp_version=version,
            max_power_w=power_w,
        ),
        by="seed",
        at=at,
    )
    return {
        "identity": created.identity,
        "version": version,
        "password": created.password,
        "connector_codes": list(created.connector_codes),
    }


def _token(operator: Operator, *, at: datetime) -> str:
    token = secrets.token_hex(7).upper()
    id_tokens.put_policy(
        token=token,
        status="Accepted",
        operator_id=operator.pk,
        group="",
        expires_at=None,
        driver_id=None,
        at=at,
    )
    return token
