"""Which tariff a charge would have, and why, for the operator's own systems."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.language import LANGUAGE_CHARS_MAX, language_asked
from billing.services.cdr_json import exact_text, lines_json, taxes_json
from billing.services.tariff_choice import TokenType
from billing.services.tariff_previews import (
    ENERGY_WH_MAX,
    LENGTH_MAX,
    Asker,
    Example,
    Preview,
    UnableToPreview,
    preview,
)
from charge_points.queries import ConnectorView, connector_by_code, connector_view
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.scoping import OperatorScopedView

LENGTH_S_MAX: Final = LENGTH_MAX // timedelta(seconds=1)


class PreviewQuery(serializers.Serializer[Any]):
    """A charge that is imagined, and who would start it."""

    connector_code = serializers.CharField(
        max_length=16, required=False, help_text="of the label; or name the connector"
    )
    charge_point = serializers.CharField(max_length=48, required=False)
    evse = serializers.IntegerField(min_value=0, default=1)
    connector = serializers.IntegerField(min_value=0, default=1)
    token_type = serializers.ChoiceField(
        choices=TokenType.choices, required=False, help_text="OCPI TokenType"
    )
    token_group = serializers.CharField(
        max_length=36, default="", help_text="group of the id token"
    )
    driver_group = serializers.CharField(
        max_length=36, default="", help_text="code of one of the operator's groups"
    )
    at = serializers.DateTimeField(required=False, help_text="the start; now")
    energy_wh = serializers.IntegerField(
        min_value=0, max_value=ENERGY_WH_MAX, default=20_000
    )
    charging_s = serializers.IntegerField(
        min_value=0, max_value=LENGTH_S_MAX, default=3600
    )
    parking_s = serializers.IntegerField(min_value=0, max_value=LENGTH_S_MAX, default=0)
    reserved_s = serializers.IntegerField(
        min_value=0, max_value=LENGTH_S_MAX, default=0
    )
    lang = serializers.CharField(
        max_length=LANGUAGE_CHARS_MAX,
        required=False,
        help_text="of the words (en, de, zh); else Accept-Language",
    )


class ConditionShape(serializers.Serializer[Any]):
    """What a rule asks for, and what the charge has."""

    name = serializers.CharField()
    wanted = serializers.CharField()
    actual = serializers.CharField()
    holds = serializers.BooleanField()


class RuleShape(serializers.Serializer[Any]):
    """A rule that was looked at; the chosen one is the first."""

    assignment_id = serializers.IntegerField()
    tariff = serializers.CharField()
    priority = serializers.IntegerField(
        help_text="the greater the more specific; among equals the newer one wins"
    )
    matches = serializers.BooleanField()
    chosen = serializers.BooleanField()
    reason = serializers.CharField()
    conditions = ConditionShape(many=True)


class ChosenShape(serializers.Serializer[Any]):
    """The version of the tariff by which the charge would be sold."""

    code = serializers.CharField()
    version = serializers.IntegerField()
    currency = serializers.CharField()
    content_hash = serializers.CharField()
    reason = serializers.CharField()
    ocpi = serializers.JSONField()


class ExampleLineShape(serializers.Serializer[Any]):
    """A line of the price; exact decimals as text."""

    dimension = serializers.CharField()
    volume = serializers.CharField()
    billed_volume = serializers.CharField()
    unit_price = serializers.CharField()
    tax_rate = serializers.CharField(allow_null=True)
    before_taxes = serializers.CharField()
    taxes = serializers.CharField()
    after_taxes = serializers.CharField()


class ExampleTaxShape(serializers.Serializer[Any]):
    """The money of one tax rate."""

    tax_rate = serializers.CharField(allow_null=True)
    before_taxes_minor = serializers.IntegerField()
    taxes_minor = serializers.IntegerField()
    after_taxes_minor = serializers.IntegerField()


class ExamplePriceShape(serializers.Serializer[Any]):
    """What the charge would cost, by the function that makes the bill."""

    currency = serializers.CharField()
    before_taxes = serializers.CharField()
    after_taxes = serializers.CharField()
    total_minor = serializers.IntegerField()
    lines = ExampleLineShape(many=True)
    taxes = ExampleTaxShape(many=True)
    rounding_policy = serializers.CharField()


class PreviewShape(serializers.Serializer[Any]):
    """Which tariff, why, its words and the price; null where none applies."""

    tariff = serializers.SerializerMethodField()
    rules = RuleShape(many=True)
    rules_left_off = serializers.IntegerField()
    words = serializers.ListField(child=serializers.CharField())
    price = ExamplePriceShape(allow_null=True)

    @extend_schema_field(ChosenShape(allow_null=True))
    def get_tariff(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """The chosen one."""
        chosen: dict[str, Any] | None = body["tariff"]
        return chosen


class TariffPreviewView(OperatorScopedView):
    """Which tariff a charge would have, why, and what it would cost."""

    permission_classes = (HasScope("orders:read"),)

    @extend_schema(parameters=[PreviewQuery], responses=PreviewShape)
    def get(self, request: Request) -> Response:
        """Preview a charge at an own connector."""
        form = PreviewQuery(data=request.query_params)
        form.is_valid(raise_exception=True)
        query: dict[str, Any] = dict(form.validated_data)
        found = preview(
            self._connector(query),
            Asker(
                query.get("token_type", ""), query["token_group"], query["driver_group"]
            ),
            Example(
                starts_at=query.get("at") or timezone.now(),
                energy_wh=query["energy_wh"],
                charging=timedelta(seconds=query["charging_s"]),
                parking=timedelta(seconds=query["parking_s"]),
                reserved=timedelta(seconds=query["reserved_s"]),
            ),
            language=language_asked(request),
        )
        return Response(PreviewShape(_body(found)).data)

    def _connector(self, query: dict[str, Any]) -> ConnectorView:
        """The connector that the query names, if it is an own one.

        Raises:
            UnableToPreview: none of the caller's operators has it.
        """
        code = query.get("connector_code")
        view = (
            connector_by_code(code)
            if code
            else connector_view(
                query.get("charge_point", ""), query["evse"], query["connector"]
            )
        )
        if view is None or view.operator_id not in self.operator_ids:
            raise UnableToPreview(
                "unknown_connector",
                "You have no such connector; state connector_code, or charge_point "
                "with evse and connector.",
                http_status=404,
            )
        return view


def _body(found: Preview) -> dict[str, Any]:
    applied, priced = found.explanation.applied, found.priced
    return {
        "tariff": None if applied is None else asdict(applied),
        "rules": [asdict(each) for each in found.explanation.candidates],
        "rules_left_off": found.explanation.left_off,
        "words": list(found.words),
        "price": None
        if priced is None
        else {
            "currency": priced.currency,
            "before_taxes": exact_text(priced.before_taxes),
            "after_taxes": exact_text(priced.after_taxes),
            "total_minor": priced.total_minor,
            "lines": lines_json(priced),
            "taxes": taxes_json(priced),
            "rounding_policy": priced.rounding_policy,
        },
    }
