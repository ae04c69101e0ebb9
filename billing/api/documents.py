"""The documents of an order, for its driver."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.models import Order
from billing.services.documents import listing
from billing.services.documents.words import LANGUAGES
from cpms.accounts.api.permissions import IsDriver
from cpms.accounts.api.problems import problem
from cpms.accounts.api.scoping import DriverScopedView


class DocumentShape(serializers.Serializer[Any]):
    """A receipt or a credit note; ``of_receipt`` is what it credits or replaces."""

    kind = serializers.ChoiceField(choices=[listing.RECEIPT, listing.CREDIT_NOTE])
    number = serializers.IntegerField()
    amount_minor = serializers.IntegerField()
    currency = serializers.CharField()
    issued_at = serializers.DateTimeField()
    of_receipt = serializers.IntegerField(allow_null=True)
    holds = serializers.BooleanField(
        help_text="The receipt that no other one took the place of"
    )
    reason = serializers.CharField()


class DocumentsView(DriverScopedView):
    """What was issued for an order: receipts, credit notes, corrected receipts."""

    permission_classes = (IsDriver,)

    @extend_schema(responses=DocumentShape(many=True))
    def get(self, request: Request, number: str) -> Response:  # noqa: ARG002 - DRF's own
        """All documents of an own order, oldest first; none before it closed."""
        if not _is_own(number, self.driver_id):
            return _none()
        rows = listing.documents_of(number)
        return Response(DocumentShape(rows, many=True).data)


class DocumentPdfView(DriverScopedView):
    """One document to print."""

    permission_classes = (IsDriver,)

    @extend_schema(
        responses={(200, "application/pdf"): OpenApiTypes.BINARY},
        parameters=[OpenApiParameter("language", enum=sorted(LANGUAGES))],
    )
    def get(self, request: Request, number: str, kind: str, document: int) -> Any:  # noqa: ANN401 - bytes or a problem
        """A receipt or credit note of an own order as PDF."""
        if not _is_own(number, self.driver_id):
            return _none()
        code = request.query_params.get("language", "en")
        found = listing.pdf_of(number, kind, document, language_code=code)
        if found is None:
            return _none()
        return HttpResponse(found, content_type="application/pdf")


def _is_own(number: str, driver_id: int) -> bool:
    return Order.objects.filter(number=number, driver_id=driver_id).exists()


def _none() -> Response:
    return problem(404, "no_document", "There is no such document of an own order.")
