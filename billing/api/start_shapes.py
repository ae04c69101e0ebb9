"""What clients send to start a charge, by certificate or remotely."""

from typing import Any

from rest_framework import serializers


class ClaimRequest(serializers.Serializer[Any]):
    """Bring a certificate, with a vehicle's proof or a driver's token."""

    certificate = serializers.CharField(max_length=4096)
    proof = serializers.CharField(max_length=8192, required=False)
    confirm_price_minor = serializers.IntegerField(
        min_value=1,
        required=False,
        help_text="The most that the driver confirmed on the page; the charge stops "
        "there. Without a proof only: a vehicle signs its maximum.",
    )
    confirm_tariff = serializers.CharField(
        max_length=64,
        required=False,
        default="",
        help_text="tariff_hash of the price that was shown: where it has changed the "
        "claim is refused (price_changed). Without a proof only.",
    )
    latitude = serializers.FloatField(
        min_value=-90,
        max_value=90,
        required=False,
        help_text="Where the phone is, if the driver lets it say so: a claim far from "
        "the site is refused. A vehicle signs its position.",
    )
    longitude = serializers.FloatField(min_value=-180, max_value=180, required=False)


class StartRequest(serializers.Serializer[Any]):
    """Start by label code, or by station, EVSE and connector."""

    connector_code = serializers.CharField(max_length=40, required=False)
    charge_point = serializers.CharField(max_length=48, required=False)
    evse = serializers.IntegerField(min_value=1, max_value=10_000, default=1)
    connector = serializers.IntegerField(min_value=1, max_value=10_000, default=1)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Demand one way of naming the connector."""
        if bool(attrs.get("connector_code")) == bool(attrs.get("charge_point")):
            raise serializers.ValidationError(
                "Give exactly one of connector_code and charge_point."
            )
        return attrs


class DriverStartRequest(StartRequest):
    """Start on the driver's account."""

    confirm_tariff = serializers.CharField(
        max_length=64,
        required=False,
        default="",
        help_text="tariff_hash of the price that was shown: where it has changed the "
        "start is refused (price_changed).",
    )


class OperatorStartRequest(StartRequest):
    """Start on the operator's own account."""

    id_token = serializers.CharField(
        max_length=36,
        required=False,
        default="",
        help_text="A token of the operator's own",
    )
