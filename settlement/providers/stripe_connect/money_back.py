"""Money that goes back to payers: refunds, and disputes."""

from typing import TYPE_CHECKING, Any, Final

from settlement.providers.base import (
    DisputeEvidence,
    ProviderDispute,
    ProviderRefund,
    ProviderRejected,
)
from settlement.providers.stripe_connect import mapping
from settlement.providers.stripe_connect.transport import our_errors

if TYPE_CHECKING:
    from stripe import RequestOptions
    from stripe._v1_services import V1Services
    from stripe.params import DisputeUpdateParamsEvidence, RefundCreateParams

_TEXT_MAX: Final = 20_000


class MoneyBack:
    """Refunds and disputes; mixed into the adapter, whose client it uses."""

    _api: "V1Services"

    def _on(
        self, account: str | None, idempotency_key: str | None = None
    ) -> "RequestOptions":
        raise NotImplementedError

    def refund(
        self,
        *,
        account: str,
        payment_ref: str,
        amount_minor: int,
        refund_application_fee: bool,
        idempotency_key: str,
    ) -> ProviderRefund:
        """Give money back from the payee's balance.

        With `refund_application_fee` the platform gives its share back, in
        proportion; how much in all is read from the fee itself.
        """
        if amount_minor <= 0:
            raise ValueError(f"Cannot refund {amount_minor} minor units.")
        options = self._on(account, idempotency_key)
        with our_errors():
            made = self._api.refunds.create(
                {
                    "payment_intent": payment_ref,
                    "amount": amount_minor,
                    "expand": ["charge"],
                    **self._fee_back(refund_application_fee=refund_application_fee),
                },
                options,
            ).to_dict()
            returned = self._fee_returned(made)
        return mapping.refund(made, fee_refunded_minor=returned)

    def _fee_back(self, *, refund_application_fee: bool) -> "RefundCreateParams":
        return {"refund_application_fee": refund_application_fee}

    def _fee_returned(self, made: dict[str, Any]) -> int:
        fee_ref = mapping.reference((made.get("charge") or {}).get("application_fee"))
        if fee_ref is None:
            return 0
        return self._api.application_fees.retrieve(fee_ref).amount_refunded

    def fetch_refund(self, *, account: str, refund_ref: str) -> ProviderRefund:
        """Ask what became of a refund."""
        with our_errors():
            found = self._api.refunds.retrieve(
                refund_ref, {"expand": ["charge"]}, self._on(account)
            ).to_dict()
            returned = self._fee_returned(found)
        return mapping.refund(found, fee_refunded_minor=returned)

    def fetch_dispute(self, *, account: str, dispute_ref: str) -> ProviderDispute:
        """Ask how a dispute stands."""
        with our_errors():
            found = self._api.disputes.retrieve(dispute_ref, {}, self._on(account))
        return mapping.dispute(found.to_dict())

    def submit_evidence(
        self,
        *,
        account: str,
        dispute_ref: str,
        evidence: DisputeEvidence,
        idempotency_key: str,
    ) -> ProviderDispute:
        """Send the evidence; one that is under review already is the answer."""
        told: DisputeUpdateParamsEvidence = {
            "product_description": evidence.product_description[:_TEXT_MAX],
            "service_date": evidence.service_date,
            "access_activity_log": evidence.activity_log[:_TEXT_MAX],
            "uncategorized_text": evidence.text[:_TEXT_MAX],
        }
        if evidence.customer_email:
            told["customer_email_address"] = evidence.customer_email
        if evidence.refund_policy:
            told["refund_policy_disclosure"] = evidence.refund_policy[:_TEXT_MAX]
        options = self._on(account, idempotency_key)
        try:
            with our_errors():
                found = self._api.disputes.update(
                    dispute_ref, {"evidence": told, "submit": True}, options
                )
        except ProviderRejected:
            known = self.fetch_dispute(account=account, dispute_ref=dispute_ref)
            if known.state == "open":
                raise
            return known
        return mapping.dispute(found.to_dict())
