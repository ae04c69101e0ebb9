"""Claims, starts, live values, stops, receipts: the driver's charge."""

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

from billing.api import shapes, start_shapes
from billing.api.language import LANGUAGE_PARAMETERS, language_asked
from billing.api.live import live_body
from billing.api.throttling import AddressThrottle
from billing.models import Order, Receipt
from billing.pricing import describe, parse_tariff
from billing.services import ordering, proofs, suspicions
from billing.services.documents.receipt_pdf import receipt_pdf
from billing.services.documents.words import LANGUAGES
from billing.services.offers import price_lines, price_words
from billing.services.presence import Presence
from billing.services.terms import Buyer, require_worth, terms_for
from charge_points.services import certificates
from cpms.accounts.api.authentication import DriverPrincipal
from cpms.accounts.api.idempotency import HEADER, IdempotentMixin
from cpms.accounts.api.pagination import CursorPagination
from cpms.accounts.api.permissions import IsDriver
from cpms.accounts.api.problems import problem
from cpms.accounts.api.scoping import DriverScopedView
from cpms.accounts.models import Driver
from cpms.accounts.tenancy import acting_as_platform
from cpms.kernel.errors import DomainError


class ClaimView(IdempotentMixin, APIView):
    """Step 4 of the flow: certificate + identity."""

    permission_classes = (AllowAny,)
    throttle_classes = (ScopedRateThrottle, AddressThrottle)
    throttle_scope = "claim"

    def idempotency_subject(self, request: Request) -> str | None:
        """The vehicle that the proof names: many stand behind one address."""
        proof = request.data.get("proof") if isinstance(request.data, dict) else None
        return proofs.named_key(proof) if isinstance(proof, str) else None

    @extend_schema(
        request=start_shapes.ClaimRequest, responses={201: shapes.OrderShape}
    )
    def post(self, request: Request) -> Response:
        """Claim a charging certificate by a vehicle's proof or a driver's token."""
        form = start_shapes.ClaimRequest(data=request.data)
        form.is_valid(raise_exception=True)
        proof = form.validated_data.get("proof")
        user: Any = request.user
        driver_id = user.driver_id if isinstance(user, DriverPrincipal) else None
        if proof is None and driver_id is None:
            raise NotAuthenticated(
                "Bring a vehicle's proof, or a driver's bearer token."
            )
        claim = ordering.Claim(
            presented=form.validated_data["certificate"],
            proof=proof,
            driver_id=driver_id,
            idempotency_key=request.headers.get(HEADER, ""),
            confirmed_minor=form.validated_data.get("confirm_price_minor"),
            agreed_tariff=form.validated_data.get("confirm_tariff", ""),
            presence=Presence(
                latitude=form.validated_data.get("latitude"),
                longitude=form.validated_data.get("longitude"),
            ),
        )
        try:
            with acting_as_platform("claim: the certificate says whose station it is"):
                order = ordering.claim_certificate(claim=claim, at=timezone.now())
                body = shapes.OrderShape(order).data
        except DomainError as error:
            with acting_as_platform("a refused claim may be an attack"):
                suspicions.report(claim.presented, error, at=timezone.now())
            raise
        return Response(body, status=201)


class OrdersView(IdempotentMixin, DriverScopedView):
    """The driver's orders; POST starts a charge remotely."""

    permission_classes = (IsDriver,)

    @extend_schema(
        responses=shapes.OrderShape(many=True),
        parameters=[
            shapes.HistoryQuery,
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
    )
    def get(self, request: Request) -> Response:
        """List own orders, newest first."""
        form = shapes.HistoryQuery(data=request.query_params)
        form.is_valid(raise_exception=True)
        rows = Order.objects.filter(driver_id=self.driver_id).select_related("operator")
        rows = rows.filter(**form.conditions())
        pages = CursorPagination()
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(shapes.OrderShape(page, many=True).data)

    @extend_schema(
        request=start_shapes.DriverStartRequest, responses={201: shapes.OrderShape}
    )
    def post(self, request: Request) -> Response:
        """Start a charge at a connector."""
        form = start_shapes.DriverStartRequest(data=request.data)
        form.is_valid(raise_exception=True)
        values = dict(form.validated_data)
        agreed_tariff = values.pop("confirm_tariff")
        with acting_as_platform("start: the connector says whose station it is"):
            order = ordering.start_for_driver(
                driver_id=self.driver_id,
                target=ordering.Target(**values),
                agreed_tariff=agreed_tariff,
                at=timezone.now(),
            )
            body = shapes.OrderShape(order).data
        return Response(body, status=201)


class _OwnOrderView(DriverScopedView):
    permission_classes = (IsDriver,)

    def order(self, number: str) -> Order:
        """The driver's own order.

        Raises:
            UnableToFindOrder: the same for a foreign and for an unknown number.
        """
        rows = Order.objects.select_related("operator")
        order = rows.filter(number=number, driver_id=self.driver_id).first()
        if order is None:
            raise ordering.UnableToFindOrder(
                "unknown_order", "You have no order with this number."
            )
        return order


class OrderView(_OwnOrderView):
    """One order of the driver."""

    @extend_schema(responses=shapes.OrderDetailShape)
    def get(self, request: Request, number: str) -> Response:  # noqa: ARG002 - DRF's own
        """Show it with its cost."""
        return Response(shapes.OrderDetailShape(self.order(number)).data)


class StopView(IdempotentMixin, DriverScopedView):
    """Stop a charge."""

    permission_classes = (IsDriver,)

    @extend_schema(request=None, responses={202: shapes.OrderShape})
    def post(self, request: Request, number: str) -> Response:  # noqa: ARG002 - DRF's own
        """Ask the charger to stop; before the charge began this cancels."""
        with acting_as_platform("stop: the order says whose station it is"):
            order = ordering.stop_for_driver(
                driver_id=self.driver_id, number=number, at=timezone.now()
            )
            body = shapes.OrderShape(order).data
        return Response(body, status=202)


class LiveView(_OwnOrderView):
    """Live values of a running charge."""

    @extend_schema(responses=shapes.LiveShape)
    def get(self, request: Request, number: str) -> Response:  # noqa: ARG002 - DRF's own
        """Energy, power, state of charge and the price so far."""
        order = self.order(number)
        with acting_as_platform("live values of the driver's own order"):
            return Response(live_body(order, at=timezone.now()))


class PriceView(APIView):
    """The price before the start."""

    permission_classes = (AllowAny,)
    throttle_classes = (ScopedRateThrottle,)
    throttle_scope = "claim"

    @extend_schema(
        responses=shapes.PriceShape,
        parameters=[
            OpenApiParameter("connector", str, description="code on the label"),
            OpenApiParameter("certificate", str, description="charging certificate"),
            *LANGUAGE_PARAMETERS,
        ],
    )
    def get(self, request: Request) -> Response:
        """Tariff in words and numbers, hold and limit for a connector."""
        now = timezone.now()
        code = request.query_params.get("connector")
        presented = request.query_params.get("certificate")
        if bool(code) == bool(presented):
            return problem(
                400, "connector_missing", "Give exactly one of connector, certificate."
            )
        user: Any = request.user
        with acting_as_platform("price: what a connector costs is public"):
            if presented:
                view = certificates.verify(presented=presented, at=now)
                target = ordering.Target(
                    charge_point=view.charge_point_identity,
                    evse=view.evse,
                    connector=view.connector,
                )
            else:
                target = ordering.Target(connector_code=code)
            driver = (
                Driver.objects.filter(pk=user.driver_id).first()
                if isinstance(user, DriverPrincipal)
                else None
            )
            place = ordering.find_connector(target)
            terms = terms_for(place, Buyer(driver), group="", at=now)
            require_worth(terms)
            tariff = parse_tariff(terms.applied.ocpi)
            language = language_asked(request)
            body = {
                "operator": shapes.operator_name(place.operator_id),
                "charge_point": place.charge_point,
                "evse": place.evse,
                "connector": place.connector,
                "currency": terms.applied.currency,
                "hold_minor": terms.hold_minor,
                "energy_limit_wh": terms.limits.energy_wh if terms.limits else None,
                "tariff": terms.applied.ocpi,
                "tariff_hash": terms.applied.content_hash,
                "tariff_text": describe(tariff, language),
                "tariff_reason": terms.applied.reason,
                "price_lines": price_lines(tariff),
                "price_words": price_words(tariff, language),
            }
        return Response(shapes.PriceShape(body).data)


class ReceiptsView(DriverScopedView):
    """The driver's receipts."""

    permission_classes = (IsDriver,)

    @extend_schema(
        responses=shapes.ReceiptShape(many=True),
        parameters=[
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
    )
    def get(self, request: Request) -> Response:
        """List own receipts, newest first."""
        rows = Receipt.objects.filter(order__driver_id=self.driver_id)
        pages = CursorPagination()
        page = pages.paginate_queryset(
            rows.select_related("order", "operator"), request, view=self
        )
        return pages.get_paginated_response(shapes.ReceiptShape(page, many=True).data)


class ReceiptView(DriverScopedView):
    """One receipt."""

    permission_classes = (IsDriver,)

    @extend_schema(responses=shapes.ReceiptShape)
    def get(self, request: Request, number: str) -> Response:  # noqa: ARG002 - DRF's own
        """The receipt of an own order that holds; late facts may have replaced one."""
        row = self._row(number)
        return _no_receipt() if row is None else Response(shapes.ReceiptShape(row).data)

    def _row(self, number: str) -> Receipt | None:
        return (
            Receipt.objects.select_related("order", "operator")
            .filter(order__number=number, order__driver_id=self.driver_id)
            .order_by("-pk")
            .first()
        )


def _no_receipt() -> Response:
    return problem(
        404,
        "no_receipt",
        "There is no receipt for this order; it comes when the order closes.",
    )


class ReceiptPdfView(ReceiptView):
    """One receipt to print."""

    @extend_schema(
        responses={(200, "application/pdf"): OpenApiTypes.BINARY},
        parameters=[OpenApiParameter("language", enum=sorted(LANGUAGES))],
    )
    def get(self, request: Request, number: str) -> Any:  # noqa: ANN401 - bytes or a problem
        """The receipt of an own order as PDF."""
        row = self._row(number)
        if row is None:
            return _no_receipt()
        code = request.query_params.get("language", "en")
        return HttpResponse(
            receipt_pdf(row, language_code=code), content_type="application/pdf"
        )


class JwksView(APIView):
    """Public keys of charging certificates (RFC 7517)."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(responses={200: dict})
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's own
        """Keys that may still have live certificates."""
        with acting_as_platform("public keys"):
            body = certificates.jwks()
        response = Response(body)
        response["Cache-Control"] = "public, max-age=300"
        return response
