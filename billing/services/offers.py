"""What a charge would cost at the connector that a code leads to, before its start."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from billing.pricing import Tariff, language_of, parse_tariff, tariff_text
from billing.services import ordering
from billing.services.terms import (
    Buyer,
    Terms,
    require_worth,
    terms_for,
    with_payee,
)
from charge_points.queries import ConnectorView, connector_by_code, connector_view
from charge_points.services import certificates
from cpms.accounts.models import Driver
from cpms.accounts.tenancy import acting_as_platform
from cpms.kernel.errors import DomainError

LABEL_CHARS_MAX: Final = 16
NOT_WORKING: Final = frozenset({"unavailable", "faulted"})


class UnableToShowOffer(DomainError):
    """No such connector or certificate; one answer, so that guessing tells nothing."""

    http_status = 404


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One price of the tariff: ``price`` in units of the currency, per ``unit``.

    ``vat_percent`` None: the tariff states no rate. ``conditional``: the price holds
    only under conditions, which the words tell.
    """

    dimension: str
    price: str
    unit: str
    vat_percent: str | None
    conditional: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """What a driver sees before the start. ``max_power_w`` 0: nobody said.

    ``payable`` False: nothing can be started now, ``problem_code`` says why and
    ``problem`` in words. ``tariff_hash`` names the tariff for the start.
    """

    operator_name: str
    site_name: str
    site_address: str
    charge_point: str
    evse: int
    connector: int
    connector_code: str
    connector_type: str
    max_power_w: int
    status: str
    online: bool
    plugged_in: bool
    certificate_code: str | None
    certificate_expires_at: datetime | None
    currency: str
    hold_minor: int
    energy_limit_wh: int | None
    is_free: bool
    tax_included: str
    tariff: Tariff | None
    tariff_hash: str
    price_lines: tuple[PriceLine, ...]
    price_words: list[str]
    payable: bool
    problem_code: str | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a code leads: a connector, and the certificate if the code is one."""

    view: ConnectorView
    certificate: certificates.CertificateView | None


def find_spot(code: str, *, at: datetime) -> Spot:
    """Look a code up: a label's, or a certificate in any form.

    Raises:
        UnableToVerifyCertificate: nothing of ours (404), or was once (410).
    """
    text = code.strip()
    plain = text.isalnum() and len(text) <= LABEL_CHARS_MAX
    label = connector_by_code(text) if plain else None
    if label is not None:
        return Spot(label, None)
    found = certificates.verify(presented=text, at=at)
    view = connector_view(found.charge_point_identity, found.evse, found.connector)
    if view is None:
        raise _unknown()
    return Spot(view, found)


def _unknown() -> UnableToShowOffer:
    return UnableToShowOffer(
        "unknown_connector",
        "There is no such connector; check the code on the label.",
    )


def offer(
    *, code: str, language: str, driver: Driver | None = None, at: datetime
) -> Offer:
    """What a charge would cost at the connector that a code leads to.

    With a label's code a certificate is issued when a vehicle is plugged in and none
    is live; a live one is left alone, for it may be on its way through a vehicle.

    Args:
        code: of the printed label, or a charging certificate in any form.
        language: of the words ("en", "de", "zh-hans").
        driver: whose price is asked for; None: a guest's.
        at: now.

    Raises:
        UnableToVerifyCertificate: the code is nothing of ours (404), or was once
            (410).
    """
    with acting_as_platform("what a connector costs is public"):
        spot = find_spot(code, at=at)
        problem = obstacle(spot)
        issued = None
        if problem is None and spot.certificate is None:
            issued, problem = _issue(spot.view, at=at)
        terms: Terms | None = None
        try:
            terms = terms_for(spot.view, Buyer(driver), group="", at=at)
            require_worth(terms)
            terms = with_payee(terms, spot.view, at=at)
        except DomainError as error:
            problem = problem or (error.code, error.message)
        known = code.strip() if spot.certificate is not None else None
        expires_at = spot.certificate.expires_at if spot.certificate else None
        if issued is not None:
            known, expires_at = issued.code, issued.expires_at
        return _offer(spot.view, terms, language, (known, expires_at), problem)


def _offer(
    view: ConnectorView,
    terms: Terms | None,
    language: str,
    certificate: tuple[str | None, datetime | None],
    problem: tuple[str, str] | None,
) -> Offer:
    tariff = parse_tariff(terms.applied.ocpi) if terms else None
    limits = terms.limits if terms else None
    return Offer(
        operator_name=view.operator,
        site_name=view.site,
        site_address=view.site_address,
        charge_point=view.charge_point,
        evse=view.evse,
        connector=view.connector,
        connector_code=view.code,
        connector_type=view.connector_type,
        max_power_w=view.max_power_w,
        status=view.status,
        online=view.online,
        plugged_in=view.plugged_in,
        certificate_code=certificate[0],
        certificate_expires_at=certificate[1],
        currency=terms.applied.currency if terms else "",
        hold_minor=terms.hold_minor if terms else 0,
        energy_limit_wh=limits.energy_wh if limits else None,
        is_free=terms.free if terms else False,
        tax_included=str(tariff.tax_included) if tariff else "",
        tariff=tariff,
        tariff_hash=terms.applied.content_hash if terms else "",
        price_lines=price_lines(tariff) if tariff else (),
        price_words=price_words(tariff, language) if tariff else [],
        payable=problem is None,
        problem_code=problem[0] if problem else None,
        problem=problem[1] if problem else None,
    )


_UNITS: Final = {"ENERGY": "kWh", "TIME": "h", "PARKING_TIME": "h", "FLAT": ""}


def price_lines(tariff: Tariff) -> tuple[PriceLine, ...]:
    """Every price of a tariff in numbers, in the order in which they count."""
    return tuple(
        PriceLine(
            dimension=str(component.type),
            price=format(component.price.normalize(), "f"),
            unit=_UNITS[str(component.type)],
            vat_percent=None if component.vat is None else str(component.vat),
            conditional=element.restrictions != type(element.restrictions)(),
        )
        for element in tariff.elements
        for component in element.price_components
        if element.restrictions.reservation is None
    )


def price_words(tariff: Tariff, language: str) -> list[str]:
    """The tariff in sentences: the operator's own text in the language, then ours."""
    return [*own_words(tariff, language), *tariff_text(tariff, language).sentences()]


def own_words(tariff: Tariff, language: str) -> list[str]:
    """What the operator itself says of the tariff in this language, and where more is.

    An address is shown as text, never as a link: it is the operator's.
    """
    spoken = language_of(language)
    words = [
        text.text for text in tariff.tariff_alt_text if text.language.lower() == spoken
    ]
    return [*words, tariff.tariff_alt_url] if tariff.tariff_alt_url else words


def obstacle(spot: Spot) -> tuple[str, str] | None:
    """What stands at the connector against a start, as code and words."""
    view = spot.view
    if spot.certificate is not None and spot.certificate.state != "issued":
        return (
            "certificate_already_claimed",
            "This charging certificate was used already; plug in again for a new one.",
        )
    if not view.online:
        return (
            "charge_point_offline",
            f"Charge point {view.charge_point} is not connected; try another one.",
        )
    if view.status in NOT_WORKING:
        return (
            "connector_unavailable",
            "This connector is out of order; use another one.",
        )
    if not view.plugged_in:
        return (
            "not_plugged_in",
            "No vehicle is plugged in here; plug in first.",
        )
    return None


def _issue(
    view: ConnectorView, *, at: datetime
) -> tuple[certificates.IssuedCertificate | None, tuple[str, str] | None]:
    if certificates.is_waiting(connector_id=view.connector_id, at=at):
        return None, None
    try:
        return certificate_for_label(view, at=at), None
    except certificates.UnableToIssueCertificate as error:
        if ordering.stale_guests(view, at=at).exists():
            return None, None  # a start makes room
        return None, (error.code, error.message)


def certificate_for_label(
    view: ConnectorView, *, at: datetime
) -> certificates.IssuedCertificate:
    """A certificate for somebody who reads the printed label.

    Raises:
        UnableToIssueCertificate: nothing plugged in, or the connector is taken.
    """
    return certificates.issue(
        connector_id=view.connector_id, request_id="label", at=at, requested_by="label"
    )
