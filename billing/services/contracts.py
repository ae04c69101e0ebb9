"""Contracts of drivers: an eMAID starts charges on the account that registered it."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from cryptography.exceptions import UnsupportedAlgorithm
from django.db import IntegrityError, transaction

from billing.services import standing
from charge_points.queries import token_account
from charge_points.services import contract_roots, contracts, id_tokens
from charge_points.services.contract_chains import TrustedChain, UnableToTrustContract
from cpms.accounts.models import Contract, Driver
from cpms.accounts.services import audit, vehicle_chains
from cpms.accounts.services.vehicles import Credential, checked_key
from cpms.accounts.tenancy import acting_as_platform
from cpms.kernel.errors import DomainError

CONTRACTS_MAX: Final = 20
EMAID: Final = re.compile(r"[A-Z]{2}[A-Z0-9]{12,13}", re.ASCII)
TYPE: Final = "eMAID"


class UnableToRegisterContract(DomainError):
    """The eMAID or its certificate is unusable, or belongs to somebody else."""

    http_status: ClassVar[int] = 422


class UnableToFindContract(DomainError):
    """No such contract, or somebody else's: the same words for both."""

    http_status: ClassVar[int] = 404


@dataclass(frozen=True, slots=True)
class Wanted:
    """A contract to register.

    ``emaid`` with or without hyphens; with a chain it may be left empty. ``label`` is
    the driver's name for it. ``chain_pem``: contract certificate first, then its
    sub-CAs; ``proof``: a JWS by its key (``vehicle_chains.check_proof``).
    """

    emaid: str
    label: str = ""
    chain_pem: str = ""
    proof: str = ""


@transaction.atomic
def register(*, driver_id: int, wanted: Wanted, by: str, at: datetime) -> Contract:
    """Let a contract charge on an account; again changes nothing.

    Whoever shows the contract's certificate with a signature of its key takes the
    eMAID from an account that only named it: nobody keeps a stranger's contract.

    Args:
        driver_id: whose account pays.
        wanted: what is registered.
        by: who registers it.
        at: now.

    Raises:
        UnableToRegisterContract: emaid_invalid, contract_certificate_invalid,
            contract_registered_already, too_many_contracts.
        UnableToEnrolVehicle: the proof is none.
    """
    with acting_as_platform("a contract may be another account's"):
        driver = Driver.objects.select_for_update().get(pk=driver_id)
        chain = _proved(wanted, driver_id, at) if wanted.chain_pem else None
        key = _checked_key(wanted.emaid or (chain.emaid if chain else ""), chain)
        known = Contract.objects.filter(emaid=key, state=Contract.State.ACTIVE)
        row = known.select_for_update().first()
        if row is not None and row.driver_id != driver_id:
            _take_over(row, is_proved=chain is not None, at=at)
            row = None
        if row is None:
            row = _add(driver, key, wanted.label, is_proved=chain is not None, at=at)
        if chain is not None:
            row.proved = True
            row.certificate_expires_at = chain.leaf.not_valid_after_utc
            row.save(update_fields=["proved", "certificate_expires_at"])
        _put_policy(row, driver, at=at)
        _audit(row, "contract.registered", by=by, at=at)
    return row


def _proved(wanted: Wanted, driver_id: int, at: datetime) -> TrustedChain:
    try:
        roots = contract_roots.trusted(operator_id=None)
        chain = contracts.validate(wanted.chain_pem, roots=roots, at=at)
        key = checked_key(chain.leaf.public_key())
    except (UnableToTrustContract, UnsupportedAlgorithm) as error:
        raise UnableToRegisterContract(
            "contract_certificate_invalid", f"The certificate is not accepted: {error}"
        ) from error
    vehicle_chains.check_proof(wanted.proof, Credential(key), driver_id)
    return chain


def _checked_key(emaid: str, chain: TrustedChain | None) -> str:
    key = id_tokens.token_key(emaid)
    if not EMAID.fullmatch(key):
        raise UnableToRegisterContract(
            "emaid_invalid",
            "An eMAID has 14 or 15 letters and digits, such as DE-8AA-1A2B3C4D5-9.",
        )
    if chain is not None and chain.emaid != key:
        raise UnableToRegisterContract(
            "contract_certificate_invalid", "The certificate is for another eMAID."
        )
    return key


def _take_over(row: Contract, *, is_proved: bool, at: datetime) -> None:
    if not is_proved or row.proved:
        raise _taken()
    row.state, row.cancelled_at = Contract.State.CANCELLED, at
    row.save(update_fields=["state", "cancelled_at"])
    _audit(row, "contract.taken_over", by="proof of the contract's key", at=at)


def _taken() -> UnableToRegisterContract:
    return UnableToRegisterContract(
        "contract_registered_already",
        "This contract is registered already. If it is yours, register it with its "
        "certificate chain and a proof of its key.",
        http_status=409,
    )


def _add(
    driver: Driver, emaid: str, label: str, *, is_proved: bool, at: datetime
) -> Contract:
    own = Contract.objects.filter(driver=driver, state=Contract.State.ACTIVE)
    if own.count() >= CONTRACTS_MAX:
        raise UnableToRegisterContract(
            "too_many_contracts", f"An account holds at most {CONTRACTS_MAX} contracts."
        )
    if not is_proved and _is_someone_elses(driver, emaid):
        raise _taken()
    try:
        with transaction.atomic():
            return Contract.objects.create(
                driver=driver, emaid=emaid, label=label, registered_at=at
            )
    except IntegrityError as error:
        raise _taken() from error


def _is_someone_elses(driver: Driver, emaid: str) -> bool:
    """A token that the platform gave to somebody, and that is no cancelled contract."""
    found = token_account(emaid, operator_id=0)
    if found is None or found.driver_id == driver.pk:
        return False
    if found.driver_id is None:
        return True
    return not Contract.objects.filter(
        emaid=emaid, driver_id=found.driver_id, state=Contract.State.CANCELLED
    ).exists()


@transaction.atomic
def cancel(*, driver_id: int, contract_id: int, by: str, at: datetime) -> Contract:
    """End a contract: it is refused from now on; again changes nothing.

    Raises:
        UnableToFindContract: ``unknown_contract``.
    """
    with acting_as_platform("policies of tokens are the platform's"):
        rows = Contract.objects.select_for_update(of=("self",)).select_related("driver")
        row = rows.filter(pk=contract_id, driver_id=driver_id).first()
        if row is None:
            raise UnableToFindContract(
                "unknown_contract", "You have no contract with this id."
            )
        if row.state == Contract.State.ACTIVE:
            row.state, row.cancelled_at = Contract.State.CANCELLED, at
            row.save(update_fields=["state", "cancelled_at"])
            _put_policy(row, row.driver, at=at)
            _audit(row, "contract.cancelled", by=by, at=at)
    return row


def cancel_all(*, driver_id: int, by: str, at: datetime) -> int:
    """End all contracts of an account that is closed.

    Returns:
        How many there were.
    """
    rows = Contract.objects.filter(driver_id=driver_id, state=Contract.State.ACTIVE)
    keys = list(rows.values_list("pk", flat=True))
    for key in keys:
        cancel(driver_id=driver_id, contract_id=key, by=by, at=at)
    return len(keys)


def _put_policy(row: Contract, driver: Driver, *, at: datetime) -> None:
    """The start policy: billing, hold and price are those of the account's tokens."""
    is_fine = standing.obstacle(driver, at=at) is None
    id_tokens.put_policy(
        token=row.emaid,
        token_type=TYPE,
        status="accepted" if row.state == Contract.State.ACTIVE else "blocked",
        operator_id=None,
        driver_id=driver.pk,
        account_state="ok" if is_fine else "blocked",
        at=at,
    )


def _audit(row: Contract, action: str, *, by: str, at: datetime) -> None:
    audit.record(
        operator_id=None,
        actor=by,
        action=action,
        object=f"contract {row.pk}",
        changes={"driver_id": row.driver_id, "proved": row.proved},
        at=at,
    )
