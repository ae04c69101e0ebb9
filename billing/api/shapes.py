"""The JSON shapes of billing's REST: what comes in, what goes out."""

from typing import Any

from django.conf import settings
from django.utils.translation import get_language
from rest_framework import serializers

from billing.models import Order, OrderMove, Receipt
from billing.models.order_states import OrderState, PaymentState
from billing.pricing import describe, parse_tariff
from billing.services import pay_links
from cpms.accounts.models import Operator


class OrderShape(serializers.ModelSerializer[Order]):
    """An order as drivers and operators see it."""

    order = serializers.CharField(source="number")
    operator = serializers.SerializerMethodField()
    failure_reason = serializers.SerializerMethodField()
    action_url = serializers.SerializerMethodField()
    tariff_text = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields = (
            "order",
            "state",
            "payment_state",
            "started_by",
            "operator",
            "charge_point",
            "evse",
            "connector",
            "currency",
            "hold_minor",
            "energy_limit_wh",
            "amount_minor",
            "energy_wh",
            "created_at",
            "started_at",
            "ended_at",
            "unplugged_at",
            "action_url",
            "failure_reason",
            "tariff_text",
        )

    def get_operator(self, order: Order) -> str:
        """The operator's name: the payee of this order."""
        return order.operator.name

    def get_failure_reason(self, order: Order) -> str | None:
        """Why it failed, if it did."""
        return order.failure_reason or None

    def get_action_url(self, order: Order) -> str | None:
        """Where the driver confirms the payment, while the bank asks."""
        asks = order.payment_state == PaymentState.REQUIRES_ACTION
        return order.action_url if asks else None

    def get_tariff_text(self, order: Order) -> str:
        """The frozen tariff in words, in the language that the caller accepts."""
        return describe(parse_tariff(order.tariff), get_language() or "")


class OrderDetailShape(OrderShape):
    """One order with what it cost, once that is known."""

    cost = serializers.SerializerMethodField()
    pay_url = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields = (*OrderShape.Meta.fields, "cost", "pay_url")

    def get_pay_url(self, order: Order) -> str | None:
        """Where a debt is paid, while the charge or a part of it is owed."""
        owes = order.payment_state == PaymentState.RECEIVABLE
        if owes or pay_links.is_owed(order):
            return pay_links.url_of(order.number)
        return None

    def get_cost(self, order: Order) -> dict[str, Any] | None:
        """Lines, taxes and total of the newest price."""
        cdr = order.cdrs.filter(credits=None).order_by("-sequence").first()
        if cdr is None:
            return None
        return {
            "lines": cdr.lines,
            "taxes": cdr.taxes,
            "before_taxes_minor": sum(row["before_taxes_minor"] for row in cdr.taxes),
            "amount_minor": cdr.amount_minor,
            "currency": cdr.currency,
            "rounding_policy": cdr.rounding_policy,
        }


class MoveShape(serializers.ModelSerializer[OrderMove]):
    """One audit row of an order."""

    class Meta:
        model = OrderMove
        fields = ("from_state", "to_state", "cause", "actor", "at")


class ReceiptShape(serializers.ModelSerializer[Receipt]):
    """A receipt, as it was issued: parties, meter, lines, taxes, total.

    ``corrects`` is the number of the receipt that it takes the place of, if any.
    """

    order = serializers.CharField(source="order.number")
    operator = serializers.CharField(source="operator.name")

    class Meta:
        model = Receipt
        fields = ("number", "order", "operator", "issued_at")

    def to_representation(self, instance: Receipt) -> dict[str, Any]:
        """Lay the frozen body and its number side by side."""
        frozen = {"corrects": None, **instance.body}
        return {**frozen, **super().to_representation(instance)}


class SignUpRequest(serializers.Serializer[Any]):
    """Open an account."""

    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=128, trim_whitespace=False)
    locale = serializers.ChoiceField(
        choices=[code for code, _ in settings.LANGUAGES], default="en"
    )


class TokenRequest(serializers.Serializer[Any]):
    """Log in."""

    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=128, trim_whitespace=False)


class TokenAnswer(serializers.Serializer[Any]):
    """A bearer token, shown once."""

    driver_id = serializers.IntegerField()
    token = serializers.CharField()
    expires_at = serializers.DateTimeField()


class ObstacleShape(serializers.Serializer[Any]):
    """Why an account may not charge, and where a debt can be paid."""

    code = serializers.CharField()
    message = serializers.CharField()
    pay_url = serializers.CharField(allow_null=True)


class MeShape(serializers.Serializer[Any]):
    """The account; caps may be changed. ``obstacle``: why its tokens are refused."""

    driver_id = serializers.IntegerField(read_only=True)
    email = serializers.EmailField(read_only=True)
    locale = serializers.ChoiceField(
        choices=[code for code, _ in settings.LANGUAGES], required=False
    )
    cap_minor = serializers.IntegerField(
        min_value=1, allow_null=True, required=False, help_text="For one charge"
    )
    day_cap_minor = serializers.IntegerField(
        min_value=1, allow_null=True, required=False
    )
    month_cap_minor = serializers.IntegerField(
        min_value=1, allow_null=True, required=False
    )
    cap_currency = serializers.RegexField(r"^[A-Z]{3}$", required=False)
    obstacle = ObstacleShape(read_only=True, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Demand a currency with a cap: without one it would cap nothing."""
        caps = ("cap_minor", "day_cap_minor", "month_cap_minor")
        capped = any(attrs.get(name) is not None for name in caps)
        if capped and not attrs.get("cap_currency"):
            raise serializers.ValidationError(
                {"cap_currency": "A cap needs its currency."}
            )
        return attrs


class PaymentMethodRequest(serializers.Serializer[Any]):
    """Save a payment method that the provider's own form made."""

    provider = serializers.ChoiceField(choices=["stripe"], default="stripe")
    payment_method = serializers.CharField(max_length=255)


class MethodPageRequest(serializers.Serializer[Any]):
    """Open a page of the provider's own that saves a payment method."""

    operator = serializers.SlugField(
        max_length=50,
        required=False,
        default="",
        help_text="Code of the operator that the card is for; without it: for all",
    )
    success_url = serializers.URLField(max_length=500, required=False, default="")
    cancel_url = serializers.URLField(max_length=500, required=False, default="")


class MethodPageShape(serializers.Serializer[Any]):
    """Where the driver saves the method; it appears in the list afterwards."""

    id = serializers.IntegerField()
    url = serializers.CharField()
    expires_at = serializers.DateTimeField()


class OwnKeyOperatorShape(serializers.Serializer[Any]):
    """An operator that is paid directly and needs cards of its own."""

    code = serializers.CharField()
    name = serializers.CharField()


class PaymentMethodShape(serializers.Serializer[Any]):
    """A saved payment method."""

    id = serializers.IntegerField()
    brand = serializers.CharField()
    last4 = serializers.CharField()
    default = serializers.BooleanField(
        help_text="Used for charges: at every operator, or at its own one."
    )
    everywhere = serializers.BooleanField(
        help_text="False: it works at one operator alone."
    )
    operator = OwnKeyOperatorShape(
        allow_null=True,
        help_text="The only operator that knows it; null for one that works "
        "everywhere, and where that operator is gone.",
    )


class HistoryQuery(serializers.Serializer[Any]):
    """Which of the own orders are wanted."""

    state = serializers.ChoiceField(choices=OrderState.choices, required=False)
    charge_point = serializers.CharField(max_length=48, required=False)
    vehicle = serializers.IntegerField(min_value=1, required=False)
    created_from = serializers.DateTimeField(required=False)
    created_before = serializers.DateTimeField(required=False)

    def conditions(self) -> dict[str, Any]:
        """As a queryset's filter has them."""
        names = {
            "vehicle": "vehicle_id",
            "created_from": "created_at__gte",
            "created_before": "created_at__lt",
        }
        given: dict[str, Any] = dict(self.validated_data)
        return {names.get(name, name): value for name, value in given.items()}


class LiveShape(serializers.Serializer[Any]):
    """A running charge."""

    order = serializers.CharField()
    state = serializers.CharField()
    energy_wh = serializers.IntegerField()
    power_w = serializers.IntegerField(allow_null=True)
    soc_percent = serializers.IntegerField(allow_null=True)
    cost_minor = serializers.IntegerField()
    currency = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)


class PriceLineShape(serializers.Serializer[Any]):
    """One price of a tariff in numbers."""

    dimension = serializers.CharField(help_text="ENERGY, TIME, PARKING_TIME or FLAT")
    price = serializers.CharField(help_text="exact decimal, units of the currency")
    unit = serializers.CharField(help_text="kWh, h, or empty: once")
    vat_percent = serializers.CharField(allow_null=True)
    conditional = serializers.BooleanField(
        help_text="Holds under conditions only; the words tell which"
    )


class PriceShape(serializers.Serializer[Any]):
    """What a charge would cost here, before it starts."""

    operator = serializers.CharField()
    charge_point = serializers.CharField()
    evse = serializers.IntegerField()
    connector = serializers.IntegerField()
    currency = serializers.CharField()
    hold_minor = serializers.IntegerField()
    energy_limit_wh = serializers.IntegerField(allow_null=True)
    tariff = serializers.JSONField()
    tariff_hash = serializers.CharField(
        help_text="Bring it as confirm_tariff: another price is then refused."
    )
    tariff_text = serializers.CharField()
    tariff_reason = serializers.CharField()
    price_lines = PriceLineShape(many=True)
    price_words = serializers.ListField(child=serializers.CharField())


class RefundRequest(serializers.Serializer[Any]):
    """Give money back, from the operator's own account."""

    amount_minor = serializers.IntegerField(min_value=1, required=False)
    reason = serializers.CharField(max_length=200)
    refund_application_fee = serializers.BooleanField(default=False)


class RefundShape(serializers.Serializer[Any]):
    """A refund that was asked for."""

    id = serializers.IntegerField()
    state = serializers.CharField()
    amount_minor = serializers.IntegerField()
    currency = serializers.CharField()


class RefundAnswer(OrderShape):
    """The order, and the refund that was asked for."""

    refund = RefundShape()

    class Meta:
        model = Order
        fields = (*OrderShape.Meta.fields, "refund")


class ReviewRequest(serializers.Serializer[Any]):
    """Decide what a charge with doubtful facts is billed for."""

    energy_wh = serializers.IntegerField(
        min_value=0, required=False, help_text="Left out: as measured."
    )
    note = serializers.CharField(max_length=200)


def operator_name(operator_id: int) -> str:
    """The name of an operator."""
    return Operator.objects.get(pk=operator_id).name
