"""Mails of receipts over REST: how each stands, and once more where it is in doubt."""

from typing import Any

from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from billing.models import DocumentMail
from billing.services.documents import mailing
from cpms.accounts.api.idempotency import IdempotentMixin
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.scoping import OperatorScopedView
from cpms.accounts.api.tables import OfOperator, Table, list_view


class DocumentMailRow(OfOperator):
    """The mail of a receipt."""

    receipt_number = serializers.IntegerField(source="receipt.number", read_only=True)

    class Meta:
        model = DocumentMail
        fields = ("id", "operator", "receipt_number", "state", "moved_at")


class DocumentMailFilter(serializers.Serializer[Any]):
    """Which mails."""

    state = serializers.ChoiceField(choices=DocumentMail.State.choices, required=False)


TABLE = Table(
    "document-mails",
    DocumentMail,
    DocumentMailRow,
    DocumentMailFilter,
    related=("operator", "receipt"),
)


class SendAgainView(IdempotentMixin, OperatorScopedView):
    """A mail in doubt, once more."""

    permission_classes = (HasScope("payments:write"),)

    @extend_schema(
        operation_id="send_document_mail_again", request=None, responses={202: None}
    )
    def post(self, request: Request, mail_id: int) -> Response:
        """Send it again, at the risk that it arrives twice."""
        rows = DocumentMail.objects.filter(operator_id__in=self.operator_ids)
        if not rows.filter(pk=mail_id).exists():
            raise NotFound
        by = str(request.user.pk)
        mailing.send_again(mail_id=mail_id, by=by, at=timezone.now())
        return Response(status=202)


BASE = "api/v1/operator"
urlpatterns = [
    path(f"{BASE}/document-mails", list_view(TABLE).as_view()),
    path(f"{BASE}/document-mails/<int:mail_id>/send-again", SendAgainView.as_view()),
]
