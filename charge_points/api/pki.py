"""Certificates: what whoever checks one may ask, and what operators do with theirs."""

from typing import Any

from cryptography.hazmat.primitives import serialization
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from charge_points.api.charge_points import own_charge_point
from charge_points.models import StationCertificate
from charge_points.services import public_keys
from charge_points.services.public_keys import authority
from charge_points.services.public_keys.revoking import OCSP_BYTES_MAX, REASONS
from cpms.accounts.api.idempotency import IdempotentMixin
from cpms.accounts.api.pagination import CursorPagination
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.scoping import OperatorScopedView
from cpms.accounts.tenancy import acting_as_platform


class CrlView(View):
    """``GET /pki/<authority>.crl``: the DER list of what a CA revoked (RFC 5280)."""

    http_method_names = ("get", "head")

    def get(self, _request: HttpRequest, authority_id: int) -> HttpResponse:
        """The list, made now."""
        try:
            with acting_as_platform("whoever checks a certificate asks for the list"):
                body = public_keys.crl(authority_id=authority_id, at=timezone.now())
        except public_keys.UnableToRevoke:
            return HttpResponse(status=404)
        return HttpResponse(body, content_type="application/pkix-crl")


@method_decorator(csrf_exempt, name="dispatch")
class OcspView(View):
    """``POST /pki/ocsp``: is a certificate good? (RFC 6960, appendix A)."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest) -> HttpResponse:
        """A signed answer; a bad question has a status of its own."""
        body = request.read(OCSP_BYTES_MAX + 1)
        with acting_as_platform("whoever checks a certificate asks about it"):
            answer = public_keys.ocsp_answer(body, at=timezone.now())
        return HttpResponse(answer, content_type="application/ocsp-response")


class AuthoritiesView(View):
    """``GET /pki/ca.pem``: the CA's certificates, for stations and gateways."""

    http_method_names = ("get", "head")

    def get(self, _request: HttpRequest) -> HttpResponse:
        """The sub-CA and its root; made when nobody needed them yet."""
        with acting_as_platform("the CA's certificates are public"):
            signer = authority.signing(at=timezone.now())
        pem = b"".join(
            each.public_bytes(serialization.Encoding.PEM) for each in signer.chain
        )
        return HttpResponse(pem, content_type="application/x-pem-file")


class StationCertificateShape(serializers.ModelSerializer[StationCertificate]):
    """A certificate of a charge point."""

    charge_point = serializers.CharField(source="charge_point.identity")

    class Meta:
        model = StationCertificate
        fields = (
            "serial_number",
            "charge_point",
            "state",
            "fingerprint",
            "not_before",
            "not_after",
            "created_at",
            "installed_at",
            "revoked_at",
            "revoke_reason",
            "certificate_pem",
        )


class RevokeRequest(serializers.Serializer[Any]):
    """Why."""

    reason = serializers.ChoiceField(choices=REASONS, default="unspecified")


class StationCertificatesView(OperatorScopedView):
    """The certificates of one charge point."""

    permission_classes = (HasScope("charge_points:read"),)
    pagination_class = CursorPagination

    @extend_schema(
        operation_id="list_station_certificates",
        responses=StationCertificateShape(many=True),
    )
    def get(self, request: Request, identity: str) -> Response:
        """List what the built-in CA gave to a charge point, newest first."""
        station = own_charge_point(self.operator_ids, identity)
        pages = self.pagination_class()
        rows = StationCertificate.objects.filter(charge_point=station)
        page = pages.paginate_queryset(
            rows.select_related("charge_point"), request, view=self
        )
        body = StationCertificateShape(page, many=True).data
        return pages.get_paginated_response(body)


class RevokeCertificateView(IdempotentMixin, OperatorScopedView):
    """The end of a certificate."""

    permission_classes = (HasScope("charge_points:write"),)

    @extend_schema(
        operation_id="revoke_station_certificate",
        request=RevokeRequest,
        responses=StationCertificateShape,
    )
    def post(self, request: Request, serial_number: str) -> Response:
        """Revoke it; a connection that uses it is not let in again."""
        form = RevokeRequest(data=request.data)
        form.is_valid(raise_exception=True)
        row = public_keys.revoke(
            serial_number=serial_number,
            operator_ids=self.operator_ids,
            reason=form.validated_data["reason"],
            by=str(request.user.pk),
            at=timezone.now(),
        )
        return Response(StationCertificateShape(row).data)
