"""The JSON shapes of drivers' vehicles."""

from typing import Any

from rest_framework import serializers

from cpms.accounts.models import Vehicle

CAPS = ("charge_cap_minor", "day_cap_minor", "month_cap_minor")


class VehicleShape(serializers.ModelSerializer[Vehicle]):
    """An enrolled vehicle."""

    role = serializers.SerializerMethodField()
    pays = serializers.SerializerMethodField()

    class Meta:
        model = Vehicle
        fields = (
            "id",
            "label",
            "fingerprint",
            "status",
            "certificate_pem",
            "certificate_expires_at",
            "enrolled_at",
            *CAPS,
            "cap_currency",
            "role",
            "pays",
        )

    def get_role(self, vehicle: Vehicle) -> str:
        """Say owner, or driver of a shared one."""
        return "owner" if vehicle.driver_id == self._me else "driver"

    def get_pays(self, vehicle: Vehicle) -> bool:
        """Whether the vehicle's next charge is paid by the asking driver."""
        return (vehicle.payer_id or vehicle.driver_id) == self._me

    @property
    def _me(self) -> int:
        return int(self.context["driver_id"])


class VehicleRequest(serializers.Serializer[Any]):
    """Enrol a vehicle by exactly one of public key, CSR and certificate chain."""

    # "label" is the interface's word; DRF has an attribute of the same name.
    label = serializers.CharField(max_length=80)  # type: ignore[assignment]
    public_key_pem = serializers.CharField(required=False, default="")
    csr_pem = serializers.CharField(required=False, default="")
    certificate_chain_pem = serializers.CharField(
        required=False, default="", help_text="Leaf first, then its issuers"
    )
    proof = serializers.CharField(
        required=False,
        default="",
        help_text="With a chain: compact JWS by the leaf's key over "
        '{"purpose": "enrol", "driver_id": <your id>}',
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Demand one way; a chain without proof is nobody's."""
        given = [attrs["public_key_pem"], attrs["csr_pem"]]
        if attrs["certificate_chain_pem"] and any(given):
            raise serializers.ValidationError(
                "Give exactly one of public_key_pem, csr_pem, certificate_chain_pem."
            )
        return attrs


class VehicleChange(serializers.Serializer[Any]):
    """What an owner may change."""

    label = serializers.CharField(max_length=80, required=False)  # type: ignore[assignment]
    charge_cap_minor = serializers.IntegerField(
        min_value=1, allow_null=True, required=False
    )
    day_cap_minor = serializers.IntegerField(
        min_value=1, allow_null=True, required=False
    )
    month_cap_minor = serializers.IntegerField(
        min_value=1, allow_null=True, required=False
    )
    cap_currency = serializers.RegexField(r"^[A-Z]{3}$", required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Demand a currency with a cap: without one it would cap nothing."""
        if any(attrs.get(name) is not None for name in CAPS) and not attrs.get(
            "cap_currency"
        ):
            raise serializers.ValidationError(
                {"cap_currency": "A cap needs its currency."}
            )
        return attrs


class RenewRequest(serializers.Serializer[Any]):
    """A certificate signing request."""

    csr_pem = serializers.CharField()


class ShareRequest(serializers.Serializer[Any]):
    """Another account."""

    email = serializers.EmailField(max_length=254)


class FurtherDriverShape(serializers.Serializer[Any]):
    """A further driver of a vehicle."""

    driver_id = serializers.IntegerField()
    email = serializers.EmailField()
    shared_at = serializers.DateTimeField()


class TransferShape(serializers.Serializer[Any]):
    """A code that hands a vehicle over, shown once."""

    code = serializers.CharField()
    expires_at = serializers.DateTimeField()


class TakeoverRequest(serializers.Serializer[Any]):
    """The former owner's code."""

    code = serializers.CharField(max_length=64)
    label = serializers.CharField(max_length=80)  # type: ignore[assignment]
