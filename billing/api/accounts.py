"""Driver accounts: sign-up, tokens, vehicles, payment methods."""

from dataclasses import asdict
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import Throttled
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

from billing.api import shapes
from billing.services import cards, paying, standing
from cpms.accounts import guesses
from cpms.accounts.api.idempotency import IdempotentMixin
from cpms.accounts.api.permissions import IsDriver
from cpms.accounts.api.problems import problem
from cpms.accounts.api.scoping import DriverScopedView
from cpms.accounts.models import Driver
from cpms.accounts.services import drivers
from cpms.accounts.tenancy import acting_as_platform
from settlement.services import method_choices, methods, own_key_operators


def _token_answer(issued: drivers.IssuedToken, status: int) -> Response:
    body = {
        "driver_id": issued.driver_id,
        "token": issued.token,
        "expires_at": issued.expires_at,
    }
    return Response(shapes.TokenAnswer(body).data, status=status)


class SignUpView(APIView):
    """Open a driver account."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (ScopedRateThrottle,)
    throttle_scope = "sign_up"

    @extend_schema(request=shapes.SignUpRequest, responses={201: shapes.TokenAnswer})
    def post(self, request: Request) -> Response:
        """Create the account and log it in."""
        form = shapes.SignUpRequest(data=request.data)
        form.is_valid(raise_exception=True)
        with acting_as_platform("sign-up"):
            issued = drivers.sign_up(**form.validated_data, at=timezone.now())
        return _token_answer(issued, 201)


class TokenView(APIView):
    """Log in and out."""

    throttle_classes = (ScopedRateThrottle,)
    throttle_scope = "token"

    def get_permissions(self) -> list[Any]:
        """Anyone may log in; logging out needs the token."""
        return [AllowAny()] if self.request.method == "POST" else [IsDriver()]

    def get_authenticators(self) -> list[Any]:
        """A stale token must not stop its owner from getting a new one."""
        request: Any = self.request  # None while the schema is generated
        if request is not None and request.method == "POST":
            return []
        return super().get_authenticators()

    @extend_schema(request=shapes.TokenRequest, responses={200: shapes.TokenAnswer})
    def post(self, request: Request) -> Response:
        """Log in; an account is guessed at from many addresses no faster than here."""
        form = shapes.TokenRequest(data=request.data)
        form.is_valid(raise_exception=True)
        account = form.validated_data["email"].lower()
        if guesses.is_spent("account", account):
            raise Throttled(wait=guesses.WINDOW_S)
        try:
            with acting_as_platform("log-in"):
                issued = drivers.log_in(**form.validated_data, at=timezone.now())
        except drivers.UnableToLogIn:
            guesses.count("account", account)
            raise
        return _token_answer(issued, 200)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request) -> Response:
        """Revoke the token of this request."""
        with acting_as_platform("log-out"):
            drivers.revoke_token(token=str(request.auth), at=timezone.now())
        return Response(status=204)


class MeView(DriverScopedView):
    """The driver's own account."""

    permission_classes = (IsDriver,)

    def _answer(self) -> Response:
        driver = Driver.objects.get(pk=self.driver_id)
        with acting_as_platform("what a driver owes at any operator"):
            found = standing.obstacle(driver, at=timezone.now())
        body = {
            "driver_id": driver.pk,
            "email": driver.email,
            "locale": driver.locale,
            "cap_minor": driver.cap_minor,
            "day_cap_minor": driver.day_cap_minor,
            "month_cap_minor": driver.month_cap_minor,
            "cap_currency": driver.cap_currency,
            "obstacle": None if found is None else asdict(found),
        }
        return Response(body)

    @extend_schema(responses=shapes.MeShape)
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's own
        """Show the account."""
        return self._answer()

    @extend_schema(request=shapes.MeShape, responses=shapes.MeShape)
    def patch(self, request: Request) -> Response:
        """Change language and spending caps."""
        form = shapes.MeShape(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        Driver.objects.filter(pk=self.driver_id).update(**form.validated_data)
        with acting_as_platform("tokens of a driver whose caps changed"):
            standing.refresh(self.driver_id, at=timezone.now())
        return self._answer()


class PaymentMethodsView(IdempotentMixin, DriverScopedView):
    """The driver's saved payment methods."""

    permission_classes = (IsDriver,)
    # Saving asks the provider over HTTP, which no database transaction may span.
    one_transaction = False

    @extend_schema(responses=shapes.PaymentMethodShape(many=True))
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's own
        """List them; those of one operator alone come last."""
        with acting_as_platform("a driver's own payment methods"):
            rows = methods.list_for(self.driver_id)
        return Response([_method_json(row) for row in rows])

    @extend_schema(
        request=shapes.PaymentMethodRequest,
        responses={201: shapes.PaymentMethodShape},
    )
    def post(self, request: Request) -> Response:
        """Save one; the newest is the default."""
        form = shapes.PaymentMethodRequest(data=request.data)
        form.is_valid(raise_exception=True)
        view = methods.save(
            driver_id=self.driver_id,
            provider=form.validated_data["provider"],
            payment_method_ref=form.validated_data["payment_method"],
            at=timezone.now(),
        )
        return Response(_method_json(view), status=201)


class MethodPagesView(IdempotentMixin, DriverScopedView):
    """Pages of the provider's own that save a payment method."""

    permission_classes = (IsDriver,)
    one_transaction = False  # asks the provider over HTTP

    @extend_schema(
        request=shapes.MethodPageRequest, responses={201: shapes.MethodPageShape}
    )
    def post(self, request: Request) -> Response:
        """Open one; for an operator that is paid directly, name its code."""
        form = shapes.MethodPageRequest(data=request.data)
        form.is_valid(raise_exception=True)
        values = form.validated_data
        wanted = cards.Wanted(
            operator_code=values["operator"],
            success_url=values["success_url"],
            cancel_url=values["cancel_url"],
        )
        page = cards.open_page(
            driver_id=self.driver_id, wanted=wanted, at=timezone.now()
        )
        return Response(shapes.MethodPageShape(page).data, status=201)


class OwnKeyOperatorsView(DriverScopedView):
    """Operators that are paid directly: each needs a card saved for it."""

    permission_classes = (IsDriver,)

    @extend_schema(responses=shapes.OwnKeyOperatorShape(many=True))
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's own
        """List them by name; a page with the code saves a card there."""
        found = own_key_operators.all_of_them()
        return Response(shapes.OwnKeyOperatorShape(found, many=True).data)


class PaymentMethodView(DriverScopedView):
    """One saved payment method."""

    permission_classes = (IsDriver,)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, method_id: int) -> Response:  # noqa: ARG002
        """Use it no more; without any method the account's tokens are refused."""
        now = timezone.now()
        with acting_as_platform("a driver's own payment methods"):
            left = method_choices.remove(
                driver_id=self.driver_id, payment_method_id=method_id, at=now
            )
            if not left:
                paying.set_can_pay(self.driver_id, can_pay=False, at=now)
        return Response(status=204)


class DefaultMethodView(IdempotentMixin, DriverScopedView):
    """The payment method that charges use."""

    permission_classes = (IsDriver,)

    @extend_schema(request=None, responses={200: shapes.PaymentMethodShape(many=True)})
    def post(self, request: Request, method_id: int) -> Response:  # noqa: ARG002
        """Use this one from now on."""
        with acting_as_platform("a driver's own payment methods"):
            found = method_choices.make_default(
                driver_id=self.driver_id, payment_method_id=method_id
            )
            rows = methods.list_for(self.driver_id)
        if not found:
            return problem(
                404,
                "unknown_payment_method",
                "You have no payment method with this id.",
            )
        return Response([_method_json(row) for row in rows])


def _method_json(view: methods.PaymentMethodView) -> dict[str, Any]:
    return {
        "id": view.id,
        "brand": view.brand,
        "last4": view.last4,
        "default": view.is_default,
        "everywhere": not view.operator_account,
        "operator": None if view.operator is None else asdict(view.operator),
    }
