"""Plug & Charge: what a contract that a vehicle presents is worth (2.0.1 C07, C08).

Three questions: is there a contract (the start policy of its eMAID), does its
certificate lead to a trusted root, was it revoked. The first two are answered at once
(``decide``); the third asks responders over HTTP (``ask``) and never inside a database
transaction.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from cryptography import x509
from django.conf import settings

from charge_points.models import IdToken
from charge_points.services import (
    authorization,
    contract_chains,
    contract_revocation,
    contract_roots,
    security,
)
from charge_points.services.contract_chains import (
    CHAIN_ERROR,
    EXPIRED,
    NOT_AVAILABLE,
    OcspQuestion,
    UnableToTrustContract,
)
from charge_points.services.facts import Authorization, SecurityRow
from charge_points.services.id_tokens import token_key
from cpms.kernel.errors import DomainError

logger = logging.getLogger(__name__)

ACCEPTED: Final = "Accepted"
REVOKED: Final = "CertificateRevoked"
CANCELLED: Final = "ContractCancelled"
QUESTIONS_MAX: Final = 4

_ID_TOKEN_STATUS: Final = {EXPIRED: "Expired", REVOKED: "Blocked", CANCELLED: "Blocked"}


@dataclass(frozen=True, slots=True)
class Presented:
    """An Authorize with a contract.

    ``certificate`` is the chain in PEM, when the station leaves its validation to us;
    ``questions`` the hash data of its certificates.
    """

    charge_point_id: int
    operator_id: int
    emaid: str
    certificate: str
    questions: tuple[OcspQuestion, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, unless one of ``questions`` says otherwise.

    ``certificate_status`` is empty when no certificate was presented.
    """

    authorization: Authorization
    certificate_status: str
    questions: tuple[OcspQuestion, ...] = ()
    roots: tuple[x509.Certificate, ...] = ()
    path: tuple[x509.Certificate, ...] = ()

    def refused(self, word: str) -> "Decision":
        """The same contract with a certificate that is not good."""
        status = _ID_TOKEN_STATUS.get(word, "Invalid")
        return Decision(Authorization(status), word)  # type: ignore[arg-type]  # a word of the table

    @property
    def unconfirmed(self) -> "Decision":
        """What counts when no responder answers (``CONTRACT_OCSP_REQUIRED``)."""
        if settings.CONTRACT_OCSP_REQUIRED:
            return self.refused(CHAIN_ERROR)
        return replace(self, questions=())


def decide(presented: Presented) -> Decision:
    """Look at contract and chain; nothing is consumed.

    A chain that proves nothing is a security event: somebody presents what is not his.
    """
    answer = authorization.authorize(
        charge_point_id=presented.charge_point_id,
        operator_id=presented.operator_id,
        token=presented.emaid,
        token_type="eMAID",  # noqa: S106 - the name of a type
        at=presented.at,
    )
    roots = contract_roots.trusted(operator_id=presented.operator_id)
    word = ACCEPTED if presented.certificate or presented.questions else ""
    decision = Decision(answer, word, presented.questions, roots)
    if presented.certificate:
        try:
            chain = contract_chains.check(
                presented.certificate,
                emaid=presented.emaid,
                roots=roots,
                at=presented.at,
            )
        except UnableToTrustContract as error:
            _report(presented, error)
            return decision.refused(error.code)
        asked = (*presented.questions, *chain.questions())
        unique = {each.asked.serial_number.lower(): each for each in asked}
        decision = replace(decision, questions=tuple(unique.values()), path=chain.path)
    if word and answer.status == "Blocked" and _is_cancelled(presented):
        return decision.refused(CANCELLED)
    if not answer.accepted:
        return replace(decision, questions=())  # a responder would change nothing
    return replace(decision, questions=decision.questions[:QUESTIONS_MAX])


def _is_cancelled(presented: Presented) -> bool:
    return IdToken.objects.filter(
        token_key=token_key(presented.emaid), status=IdToken.Status.BLOCKED
    ).exists()


def _report(presented: Presented, error: UnableToTrustContract) -> None:
    security.record(
        SecurityRow(
            charge_point_id=presented.charge_point_id,
            operator_id=presented.operator_id,
            kind=security.CONTRACT_REFUSED,
            occurred_at=presented.at,
            received_at=presented.at,
            detail=f"{error.code}: {error.message}",
        )
    )


def ask(decision: Decision, *, at: datetime) -> Decision:
    """Ask the responders of a decision; the first that does not say good ends it."""
    for question in decision.questions:
        try:
            status = contract_revocation.status_of(
                question, roots=decision.roots, path=decision.path, at=at
            )
        except DomainError as error:
            logger.warning("a contract cannot be confirmed: %s", error.message)
            return decision.unconfirmed
        if status == contract_revocation.REVOKED:
            return decision.refused(REVOKED)
        if status == contract_revocation.UNKNOWN:
            return decision.refused(NOT_AVAILABLE)
    return replace(decision, questions=())


def validate(
    pem: str, *, roots: Sequence[x509.Certificate], at: datetime
) -> contract_chains.TrustedChain:
    """A chain that a driver shows to prove a contract.

    Raises:
        UnableToTrustContract: it leads to no root, or is not valid now.
    """
    return contract_chains.check(pem, emaid="", roots=roots, at=at)
