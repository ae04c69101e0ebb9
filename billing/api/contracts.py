"""Contracts of drivers (ISO 15118 Plug & Charge): register, list, cancel."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from billing.services import contracts
from cpms.accounts.api.idempotency import IdempotentMixin
from cpms.accounts.api.permissions import IsDriver
from cpms.accounts.api.scoping import DriverScopedView
from cpms.accounts.models import Contract
from cpms.accounts.services.vehicle_chains import CHAIN_CHARS_MAX


class ContractShape(serializers.ModelSerializer[Contract]):
    """A contract that charges on the account."""

    class Meta:
        model = Contract
        fields = (
            "id",
            "emaid",
            "label",
            "state",
            "proved",
            "certificate_expires_at",
            "registered_at",
            "cancelled_at",
        )


class ContractRequest(serializers.Serializer[Any]):
    """An eMAID, or a contract certificate with the word of its key."""

    emaid = serializers.CharField(
        max_length=30,
        required=False,
        default="",
        help_text="Such as DE-8AA-1A2B3C4D5-9",
    )
    # "label" is the interface's word; DRF has an attribute of the same name.
    label = serializers.CharField(max_length=80, required=False, default="")  # type: ignore[assignment]
    certificate_chain_pem = serializers.CharField(
        required=False,
        default="",
        max_length=CHAIN_CHARS_MAX,
        help_text="Contract certificate first, then its sub-CAs",
    )
    proof = serializers.CharField(
        required=False,
        default="",
        help_text="With a chain: compact JWS by the contract's key over "
        '{"purpose": "enrol", "driver_id": <your id>}',
    )


class _ContractView(DriverScopedView):
    permission_classes: tuple[type[BasePermission], ...] = (IsDriver,)


class ContractsView(IdempotentMixin, _ContractView):
    """The driver's contracts."""

    @extend_schema(responses=ContractShape(many=True))
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's own
        """List them, newest first, cancelled ones too."""
        rows = Contract.objects.filter(driver_id=self.driver_id).order_by("-pk")
        return Response(ContractShape(rows, many=True).data)

    @extend_schema(request=ContractRequest, responses={201: ContractShape})
    def post(self, request: Request) -> Response:
        """Register a contract: what is charged under it is paid by this account."""
        form = ContractRequest(data=request.data)
        form.is_valid(raise_exception=True)
        values = form.validated_data
        row = contracts.register(
            driver_id=self.driver_id,
            wanted=contracts.Wanted(
                emaid=values["emaid"],
                label=values["label"],
                chain_pem=values["certificate_chain_pem"],
                proof=values["proof"],
            ),
            by=f"driver {self.driver_id}",
            at=timezone.now(),
        )
        return Response(ContractShape(row).data, status=201)


class ContractView(_ContractView):
    """One contract."""

    @extend_schema(responses={204: None})
    def delete(self, request: Request, contract_id: int) -> Response:  # noqa: ARG002
        """Cancel it: vehicles that present it are refused from now on."""
        contracts.cancel(
            driver_id=self.driver_id,
            contract_id=contract_id,
            by=f"driver {self.driver_id}",
            at=timezone.now(),
        )
        return Response(status=204)
