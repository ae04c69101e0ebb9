"""Firmware and logs of stations over REST."""

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from charge_points.api.charge_points import UnableToChooseOperator, own_charge_point
from charge_points.api.lists import StationRows
from charge_points.models import (
    FirmwareFile,
    FirmwarePublication,
    FirmwareUpdate,
    LogUpload,
)
from charge_points.services import diagnostics, file_answers, firmware, firmware_files
from cpms.accounts.api.idempotency import HEADER, IdempotentMixin
from cpms.accounts.api.pagination import CursorPagination
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.scoping import OperatorScopedView
from cpms.accounts.models import Operator
from cpms.accounts.services import audit
from cpms.accounts.tenancy import acting_for
from cpms.kernel.errors import DomainError
from cpms.kernel.ids import new_secret, sha256_hex

RETRIES_MAX = 10
INTERVAL_S_MAX = 86_400
HISTORY = serializers.ListField(
    child=serializers.ListField(child=serializers.CharField())
)


class UnableToFindLog(DomainError):
    """The charge point has no such log, or its file has not come."""

    http_status = 404


class FirmwareFileShape(serializers.ModelSerializer[FirmwareFile]):
    """An uploaded firmware file."""

    is_signed = serializers.BooleanField(read_only=True)

    class Meta:
        model = FirmwareFile
        fields = (
            "id",
            "vendor",
            "model",
            "version",
            "file_name",
            "size_bytes",
            "sha256",
            "md5",
            "is_signed",
            "uploaded_at",
        )


class FirmwareFileRequest(serializers.Serializer[Any]):
    """A firmware file to keep."""

    file = serializers.FileField(max_length=255)
    version = serializers.CharField(max_length=50)
    vendor = serializers.CharField(max_length=50, required=False, default="")
    model = serializers.CharField(max_length=50, required=False, default="")
    operator = serializers.CharField(
        max_length=40, required=False, help_text="Code; needed if you have several."
    )
    signing_certificate = serializers.CharField(
        max_length=firmware_files.CERTIFICATE_CHARS_MAX,
        required=False,
        default="",
        help_text="PEM.",
    )
    signature = serializers.CharField(
        max_length=firmware_files.SIGNATURE_CHARS_MAX,
        required=False,
        default="",
        help_text="Base64, over the SHA-256 of the file.",
    )


class FirmwareUpdateShape(serializers.ModelSerializer[FirmwareUpdate]):
    """An update; `status` is the charge point's last word."""

    history = HISTORY
    command = serializers.IntegerField(source="command_number", allow_null=True)

    class Meta:
        model = FirmwareUpdate
        fields = (
            "id",
            "request_id",
            "command",
            "firmware_id",
            "location",
            "is_signed",
            "status",
            "detail",
            "history",
            "retrieve_at",
            "install_at",
            "requested_at",
            "downloaded_at",
            "ended_at",
        )


class RetryingRequest(serializers.Serializer[Any]):
    """How often a station tries."""

    retries = serializers.IntegerField(
        min_value=0, max_value=RETRIES_MAX, required=False
    )
    retry_interval_s = serializers.IntegerField(
        min_value=1, max_value=INTERVAL_S_MAX, required=False
    )


class FirmwareUpdateRequest(RetryingRequest):
    """What is to be installed: an uploaded file, or a location somewhere else."""

    firmware_id = serializers.IntegerField(required=False)
    location = serializers.CharField(max_length=512, required=False, default="")
    retrieve_at = serializers.DateTimeField(required=False)
    install_at = serializers.DateTimeField(required=False)


class LogShape(serializers.ModelSerializer[LogUpload]):
    """A log; its file is there when `received_at` is."""

    history = HISTORY
    command = serializers.IntegerField(source="command_number", allow_null=True)

    class Meta:
        model = LogUpload
        fields = (
            "id",
            "request_id",
            "command",
            "kind",
            "location",
            "status",
            "detail",
            "history",
            "oldest_at",
            "latest_at",
            "requested_at",
            "upload_until",
            "ended_at",
            "file_name",
            "size_bytes",
            "sha256",
            "received_at",
        )


class LogRequest(RetryingRequest):
    """Which log is wanted; without a location it comes to this system."""

    kind = serializers.ChoiceField(
        choices=[diagnostics.DIAGNOSTICS, diagnostics.SECURITY],
        default=diagnostics.DIAGNOSTICS,
    )
    oldest_at = serializers.DateTimeField(required=False)
    latest_at = serializers.DateTimeField(required=False)
    location = serializers.CharField(max_length=512, required=False, default="")


class FirmwarePublicationShape(serializers.ModelSerializer[FirmwarePublication]):
    """Firmware that a local controller offers."""

    history = HISTORY
    addresses = serializers.ListField(
        source="published_at_addresses", child=serializers.CharField()
    )

    class Meta:
        model = FirmwarePublication
        fields = (
            "request_id",
            "checksum",
            "location",
            "status",
            "addresses",
            "history",
            "requested_at",
            "ended_at",
        )


class FirmwareFilesView(OperatorScopedView):
    """Firmware files of the operator."""

    # A long upload must not hold a database transaction open.
    one_transaction = False
    parser_classes = (MultiPartParser,)
    pagination_class = CursorPagination

    def get_permissions(self) -> list[Any]:
        """Uploading needs the right to write."""
        deed = "write" if self.request.method == "POST" else "read"
        return [HasScope(f"charge_points:{deed}")()]

    @extend_schema(operation_id="list_firmware", responses=FirmwareFileShape(many=True))
    def get(self, request: Request) -> Response:
        """List firmware files, newest first."""
        with acting_for(self.operator_ids):
            pages = self.pagination_class()
            rows = FirmwareFile.objects.filter(operator_id__in=self.operator_ids)
            page = pages.paginate_queryset(rows, request, view=self)
            body = FirmwareFileShape(page, many=True).data
        return pages.get_paginated_response(body)

    @extend_schema(
        operation_id="upload_firmware",
        request={"multipart/form-data": FirmwareFileRequest},
        responses={201: FirmwareFileShape},
    )
    def post(self, request: Request) -> Response:
        """Upload a firmware file; a signature is checked at once."""
        form = FirmwareFileRequest(data=request.data)
        form.is_valid(raise_exception=True)
        asked = dict(form.validated_data)
        sent = asked.pop("file")
        with acting_for(self.operator_ids):
            operator = self._operator(asked.pop("operator", None))
        wanted = firmware_files.NewFirmware(
            operator_id=operator.pk, file_name=sent.name or "", **asked
        )
        by, now = str(request.user.pk), timezone.now()
        file = firmware_files.store(wanted, sent.chunks())
        with acting_for(self.operator_ids):
            row = firmware_files.keep(wanted=wanted, file=file, by=by, at=now)
            if row.uploaded_at == now:
                audit.record(
                    operator_id=operator.pk,
                    actor=by,
                    action="firmware.uploaded",
                    object=str(row),
                    changes={"firmware": row.pk, "sha256": row.sha256},
                    at=now,
                )
        return Response(FirmwareFileShape(row).data, status=201)

    def _operator(self, code: str | None) -> Operator:
        rows = list(Operator.objects.filter(pk__in=self.operator_ids))
        found = [row for row in rows if code is None or row.code == code]
        if len(found) != 1:
            raise UnableToChooseOperator(
                "operator_ambiguous" if code is None else "unknown_operator",
                "Name one of your operators in 'operator'.",
            )
        return found[0]


class _AskingRows(IdempotentMixin, StationRows):
    """Rows that a POST makes by asking the station."""

    def get_permissions(self) -> list[Any]:
        """Asking sends a command."""
        post = self.request.method == "POST"
        return [HasScope("commands:write" if post else "charge_points:read")()]

    def key_of(self, request: Request) -> str:
        """A key is its sender's."""
        key = request.headers.get(HEADER) or new_secret(bits=128)
        return sha256_hex(f"{request.user.pk}\n{key}")

    def note(
        self, request: Request, row: FirmwareUpdate | LogUpload, deed: str
    ) -> None:
        """Tell the auditors."""
        audit.record(
            operator_id=row.operator_id,
            actor=str(request.user.pk),
            action=deed,
            object=f"charge point {row.charge_point.identity}",
            changes={"request": row.request_id, "command": row.command_number},
            at=row.requested_at,
        )


class FirmwareUpdatesView(_AskingRows):
    """Firmware updates of one charge point."""

    @extend_schema(
        operation_id="list_firmware_updates",
        responses=FirmwareUpdateShape(many=True),
    )
    def get(self, request: Request, identity: str) -> Response:
        """List the firmware updates of a charge point, newest first."""
        return self.page_of(request, identity, FirmwareUpdate, FirmwareUpdateShape)

    @extend_schema(
        operation_id="update_firmware",
        request=FirmwareUpdateRequest,
        responses={202: FirmwareUpdateShape},
    )
    def post(self, request: Request, identity: str) -> Response:
        """Order a firmware update; the charge point answers by the status."""
        form = FirmwareUpdateRequest(data=request.data)
        form.is_valid(raise_exception=True)
        station = own_charge_point(self.operator_ids, identity)
        now = timezone.now()
        row = firmware.request_update(
            wanted=firmware.NewUpdate(
                charge_point_id=station.pk,
                idempotency_key=self.key_of(request),
                **form.validated_data,
            ),
            by=str(request.user.pk),
            at=now,
        )
        if row.requested_at == now:
            self.note(request, row, "firmware.update_ordered")
        return Response(FirmwareUpdateShape(row).data, status=202)


class LogsView(_AskingRows):
    """Diagnostics and logs of one charge point."""

    @extend_schema(operation_id="list_logs", responses=LogShape(many=True))
    def get(self, request: Request, identity: str) -> Response:
        """List the logs of a charge point, newest first."""
        return self.page_of(request, identity, LogUpload, LogShape)

    @extend_schema(
        operation_id="request_log", request=LogRequest, responses={202: LogShape}
    )
    def post(self, request: Request, identity: str) -> Response:
        """Ask for a log; the charge point uploads it here."""
        form = LogRequest(data=request.data)
        form.is_valid(raise_exception=True)
        station = own_charge_point(self.operator_ids, identity)
        now = timezone.now()
        row = diagnostics.request_log(
            wanted=diagnostics.NewLog(
                charge_point_id=station.pk,
                idempotency_key=self.key_of(request),
                **form.validated_data,
            ),
            by=str(request.user.pk),
            at=now,
        )
        if row.requested_at == now:
            self.note(request, row, "log.requested")
        return Response(LogShape(row).data, status=202)


class LogFileView(OperatorScopedView):
    """The file of one log."""

    permission_classes = (HasScope("charge_points:read"),)

    @extend_schema(
        operation_id="download_log",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, identity: str, log_id: int) -> HttpResponse:
        """Download the file that a charge point left."""
        station = own_charge_point(self.operator_ids, identity)
        row = LogUpload.objects.filter(charge_point=station, pk=log_id).first()
        if row is None or not row.stored_as:
            raise UnableToFindLog(
                "log_file_missing", "This log has no file here (yet, or any more)."
            )
        return file_answers.attachment(request, row)


class FirmwarePublicationsView(StationRows):
    """Firmware that one local controller offers."""

    @extend_schema(
        operation_id="list_firmware_publications",
        responses=FirmwarePublicationShape(many=True),
    )
    def get(self, request: Request, identity: str) -> Response:
        """List the firmware publications of a local controller, newest first."""
        return self.page_of(
            request, identity, FirmwarePublication, FirmwarePublicationShape
        )
