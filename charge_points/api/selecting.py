"""How a request names many charge points."""

from typing import Any

from rest_framework import serializers

from charge_points.ocpp.schemas import MESSAGE_SETS
from charge_points.services.provisioning import IDENTITY
from charge_points.services.selection import SELECTED_MAX, Selection


class FilterRequest(serializers.Serializer[Any]):
    """What charge points are; every part that is given must fit."""

    site = serializers.CharField(max_length=120, required=False)
    ocpp_version = serializers.ChoiceField(choices=[*MESSAGE_SETS], required=False)
    vendor = serializers.CharField(max_length=60, required=False)
    model = serializers.CharField(max_length=60, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """All charge points are selected on purpose, not by leaving something out."""
        if not attrs:
            raise serializers.ValidationError("Give at least one part of the filter.")
        return attrs


class SelectingRequest(serializers.Serializer[Any]):
    """Charge points by name, or by a filter."""

    charge_points = serializers.ListField(
        child=serializers.RegexField(f"^{IDENTITY.pattern}$"),
        required=False,
        allow_empty=False,
        max_length=SELECTED_MAX,
        help_text="Identities.",
    )
    filter = FilterRequest(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Either names or a filter."""
        if ("charge_points" in attrs) == ("filter" in attrs):
            raise serializers.ValidationError(
                "Give either 'charge_points' or 'filter', not both."
            )
        return attrs


def selection_of(asked: dict[str, Any]) -> Selection:
    """The selection of a valid ``SelectingRequest``."""
    if "charge_points" in asked:
        return Selection(identities=tuple(sorted(set(asked["charge_points"]))))
    return Selection(**asked["filter"])
