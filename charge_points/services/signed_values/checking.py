"""Signed meter values of charges: verified, put together, held against the bill.

Each value is verified, wrong, without a key, or not understood; it is kept unchanged
either way. What was verified must also fit: all pages there, one meter that was well,
and the energy that the charge is billed for. Whatever does not goes to a person.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec

from charge_points import events
from charge_points.models import Transaction
from charge_points.services.energy import DISAGREEMENT_SHARE, DISAGREEMENT_WH
from charge_points.services.signed_values import keys as codec, ocmf
from charge_points.services.signed_values.registering import registered_keys
from cpms.outbox import publish_many

VERIFIED: Final = "verified"
WRONG: Final = "wrong"
NO_KEY: Final = "no_key"
NOT_UNDERSTOOD: Final = "not_understood"
_WORST_FIRST: Final = (WRONG, NOT_UNDERSTOOD, NO_KEY, VERIFIED)

# Why a person looks at a charge.
SIGNATURE_WRONG: Final = "signature_wrong"
SIGNED_PAGE_MISSING: Final = "signed_page_missing"
SIGNED_BY_TWO_METERS: Final = "signed_by_two_meters"
SIGNED_READING_FAULTY: Final = "signed_reading_faulty"
SIGNED_ENERGY_DIFFERS: Final = "signed_energy_differs"
REASONS: Final = frozenset(
    {
        SIGNATURE_WRONG,
        SIGNED_PAGE_MISSING,
        SIGNED_BY_TWO_METERS,
        SIGNED_READING_FAULTY,
        SIGNED_ENERGY_DIFFERS,
    }
)

SIGNED_VALUES_MAX: Final = 20
"""Kept of one charge: the first (its begin), and the newest."""

REGISTERED: Final = "registered"
SENT: Final = "sent"

Keys = Sequence[ec.EllipticCurvePublicKey]


@dataclass(frozen=True, slots=True)
class Check:
    """What became of one signed value.

    Attributes:
        verdict: "verified", "wrong", "no_key" or "not_understood".
        key: Fingerprint of the key that verified it, or that did not.
        key_source: "registered", or "sent" beside a value of the same charge.
        page: Of the OCMF record; empty for what is none.
        meter: The serial number in it.
        detail: Why it was not understood.
    """

    verdict: str
    key: str = ""
    key_source: str = ""
    page: str = ""
    meter: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """All signed values of a charge, in the order of the values."""

    checks: tuple[Check, ...]
    verified: tuple[ocmf.Record, ...]
    is_whole: bool

    @property
    def status(self) -> str:
        """The worst verdict; empty without values."""
        found = {check.verdict for check in self.checks}
        return next((word for word in _WORST_FIRST if word in found), "")

    def reason(self, energy_wh: Decimal) -> str:
        """Why a person must look at the charge, or empty.

        Args:
            energy_wh: What the charge is settled with.
        """
        charge = ocmf.join(self.verified)
        limit = max(DISAGREEMENT_WH, abs(energy_wh) * DISAGREEMENT_SHARE)
        signed_wh = charge.energy_wh
        found = {
            SIGNATURE_WRONG: self.status == WRONG,
            SIGNED_BY_TWO_METERS: charge.mixed,
            SIGNED_READING_FAULTY: charge.faulty,
            SIGNED_PAGE_MISSING: charge.gap and self.is_whole,
            SIGNED_ENERGY_DIFFERS: (
                signed_wh is not None and abs(signed_wh - energy_wh) > limit
            ),
        }
        return next((reason for reason, holds in found.items() if holds), "")


def keep(kept: list[dict[str, str]], told: Sequence[dict[str, str]]) -> None:
    """Append signed values without repeats; the first and the newest are kept."""
    kept.extend(value for value in told if value not in kept)
    if len(kept) > SIGNED_VALUES_MAX:
        del kept[1 : len(kept) - SIGNED_VALUES_MAX + 1]


def examine(values: Sequence[dict[str, str]], registered: Keys) -> Findings:
    """Verify the signed values of one charge; pure.

    Args:
        values: As kept on the charge.
        registered: The keys of its meter; without any, those that came along count.
    """
    checks, verified = [], []
    for value in values:
        check, record = _check(value, values, registered)
        checks.append(check)
        if check.verdict == VERIFIED and record is not None:
            verified.append(record)
    whole = len(values) < SIGNED_VALUES_MAX
    return Findings(tuple(checks), tuple(verified), whole)


def _check(
    value: dict[str, str], values: Sequence[dict[str, str]], registered: Keys
) -> tuple[Check, ocmf.Record | None]:
    try:
        record = ocmf.read(value["data"])
    except ocmf.UnableToReadOcmf as error:
        return Check(NOT_UNDERSTOOD, detail=f"no OCMF record: {error}"), None
    source = REGISTERED if registered else SENT
    keys = registered or _sent(values, record.algorithm)
    told = {"page": record.page[:40], "meter": record.serial[:60]}
    if not keys:
        return Check(NO_KEY, **told), record
    told["key_source"] = source
    try:
        good = next((key for key in keys if codec.verify(record, key)), None)
    except codec.UnableToVerify as error:
        return Check(NOT_UNDERSTOOD, detail=str(error), **told), record
    verdict = WRONG if good is None else VERIFIED
    return Check(verdict, codec.fingerprint(good or keys[0]), **told), record


def _sent(
    values: Sequence[dict[str, str]], algorithm: str
) -> list[ec.EllipticCurvePublicKey]:
    """Keys that came with the values: stations may send theirs once per charge."""
    found = {}
    for text in dict.fromkeys(value.get("public_key", "") for value in values):
        try:
            key = codec.read_key(text, algorithm)
        except codec.UnableToReadKey:
            continue
        found[codec.fingerprint(key)] = key
    return list(found.values())


def examine_many(rows: Sequence[Transaction]) -> dict[int, Findings]:
    """Verify the signed values of charges and keep what was found.

    One statement where nothing is signed. The rows' own fields ``signed_values``,
    ``signature_status`` and ``signature_checks`` are brought up to date and saved.

    Returns:
        The findings by transaction id, of those that have signed values.
    """
    signed = _load(rows)
    if not signed:
        return {}
    keys = registered_keys(row.charge_point_id for row in signed)
    found = {}
    for row in signed:
        mine = [
            *keys.get((row.charge_point_id, row.evse_number), ()),
            *(keys.get((row.charge_point_id, 0), ()) if row.evse_number else ()),
        ]
        findings = found[row.pk] = examine(row.signed_values, mine)
        row.signature_status = Transaction.SignatureStatus(findings.status)
        row.signature_checks = [asdict(check) for check in findings.checks]
    Transaction.objects.bulk_update(signed, ["signature_status", "signature_checks"])
    return found


def _load(rows: Sequence[Transaction]) -> list[Transaction]:
    """Those that have signed values; messages save them past the rows in memory."""
    stored: dict[int, list[Any]] = dict(
        Transaction.objects.filter(pk__in=[row.pk for row in rows])
        .exclude(signed_values=[])
        .values_list("pk", "signed_values")
    )
    signed = [row for row in rows if row.pk in stored]
    for row in signed:
        row.signed_values = stored[row.pk]
    return signed


def review_late(rows: Sequence[Transaction]) -> None:
    """Examine ended charges whose signed values came late; billing hears of changes."""
    before = {row.pk: row.review_reason for row in rows}
    review(rows)
    changed = [row for row in rows if row.review_reason != before[row.pk]]
    if not changed:
        return
    Transaction.objects.bulk_update(changed, ["review_reason"])
    publish_many(
        [
            events.transaction_corrected(
                operator_id=row.operator_id,
                transaction_id=row.pk,
                order_number=row.order_number,
            )
            for row in changed
            if row.announced_at is not None
        ]
    )


def review(rows: Sequence[Transaction]) -> None:
    """Examine settled charges; what does not fit is a reason to look at them.

    A reason that is there already stands; one of ours that no longer holds goes. Rows
    are changed in memory, ``review_reason`` is not saved here.
    """
    found = examine_many(rows)
    for row in rows:
        findings = found.get(row.pk)
        if findings is None or row.energy_wh is None:
            continue
        if not row.review_reason or row.review_reason in REASONS:
            row.review_reason = findings.reason(row.energy_wh)
