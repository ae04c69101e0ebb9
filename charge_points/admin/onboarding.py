"""The network's steps to the first charge: from a file over labels to a driver."""

import csv
from collections.abc import Iterable
from io import StringIO
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _, gettext_lazy

from charge_points.admin.filters import ONLINE
from charge_points.admin.labels import LABELS_MAX, Label, labels_pdf
from charge_points.models import ChargePoint, Connector, Site, Transaction
from charge_points.services import provisioning
from charge_points.services.gateway_address import gateway_address
from charge_points.services.provisioning import (
    DEFAULT_SITE,
    CreatedChargePoint,
    NewChargePoint,
)
from cpms.accounts.admin import request_operator_ids
from cpms.accounts.admin_pages import is_platform, list_url, operators_to_act_for
from cpms.accounts.models import Membership, Operator
from cpms.accounts.onboarding import Link, Step, step
from cpms.kernel.errors import DomainError

ROWS_MAX: Final = 500
FILE_BYTES_MAX: Final = 262_144
ROLES: Final = frozenset({Membership.Role.TECHNICIAN})
HEADINGS: Final = (
    "identity",
    "site",
    "security_profile",
    "evses",
    "connector_type",
    "max_power_w",
)
EXAMPLE: Final = "CP-0001,Main site,2,2,IEC_62196_T2,22000"
UNKNOWN_FILE: Final = gettext_lazy(
    "The file must be CSV in UTF-8 with a first line of headings, among them "
    "“identity”; known headings: %(headings)s."
)


class UnableToReadRow(ValueError):
    """A line of the file is wrong; the text says which and why."""


class ImportForm(forms.Form):
    """A file of charge points for one operator."""

    operator = forms.ModelChoiceField(
        queryset=Operator.objects.none(), label=gettext_lazy("Operator")
    )
    file = forms.FileField(
        label=gettext_lazy("CSV file"), widget=forms.FileInput(attrs={"accept": ".csv"})
    )

    def __init__(
        self,
        data: Any = None,  # noqa: ANN401 - what Django takes
        files: Any = None,  # noqa: ANN401 - what Django takes
        *,
        operators: QuerySet[Operator],
    ) -> None:
        """Offer these operators."""
        super().__init__(data, files)
        field = self.fields["operator"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = operators
        field.empty_label = None

    def clean_file(self) -> list[dict[str, str]]:
        """The rows of the file, by heading."""
        file = self.cleaned_data["file"]
        if file.size > FILE_BYTES_MAX:
            raise forms.ValidationError(
                _("The file is larger than %s kB.") % (FILE_BYTES_MAX // 1024)
            )
        known = {"headings": ", ".join(HEADINGS)}
        try:
            text = file.read().decode("utf-8-sig")
            form = ";" if ";" in text.partition("\n")[0] else ","
            rows = list(csv.DictReader(StringIO(text), delimiter=form, strict=True))
        except (UnicodeDecodeError, csv.Error) as error:
            raise forms.ValidationError(UNKNOWN_FILE % known) from error
        if not rows or "identity" not in rows[0] or set(rows[0]) - set(HEADINGS):
            raise forms.ValidationError(UNKNOWN_FILE % known)
        if len(rows) > ROWS_MAX:
            raise forms.ValidationError(
                _("The file has %(rows)s charge points; %(limit)s fit at once.")
                % {"rows": len(rows), "limit": ROWS_MAX}
            )
        return rows


def import_view(request: HttpRequest) -> HttpResponse:
    """Take charge points in from a file: all of them, or none."""
    operators = Operator.objects.order_by("name")
    if not is_platform(request):
        own = operators_to_act_for(request, ROLES)
        if not own:
            raise PermissionDenied
        operators = operators.filter(pk__in=own)
    form = ImportForm(request.POST or None, request.FILES or None, operators=operators)
    created: list[CreatedChargePoint] = []
    if request.method == "POST" and form.is_valid():
        clean = form.cleaned_data
        try:
            created = import_rows(
                clean["file"], operator=clean["operator"], by=str(request.user)
            )
        except UnableToReadRow as error:
            form.add_error("file", str(error))
    context = {
        **admin.site.each_context(request),
        "title": _("Charge points from a file"),
        "form": form,
        "created": created,
        "address": gateway_address(1),
        "example": f"{','.join(HEADINGS)}\n{EXAMPLE}",
        "types": [value for value in Connector.Type.values if value],
    }
    response = TemplateResponse(request, "charge_points/import.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response


def import_rows(
    rows: Iterable[dict[str, str]], *, operator: Operator, by: str
) -> list[CreatedChargePoint]:
    """Create what the rows say, all in one transaction.

    Raises:
        UnableToReadRow: a row is wrong or its identity taken; nothing was created.
    """
    created = []
    with transaction.atomic():
        for number, row in enumerate(rows, start=2):
            try:
                wanted = _wanted(row, operator)
                created.append(
                    provisioning.create_charge_point(
                        wanted=wanted, by=by, at=timezone.now()
                    )
                )
            except DomainError as error:
                raise UnableToReadRow(_line(number, error.message)) from error
            except ValueError as error:
                raise UnableToReadRow(_line(number, str(error))) from error
    return created


def _line(number: int, why: str) -> str:
    return _("Line %(number)s: %(why)s Nothing was created.") % {
        "number": number,
        "why": why,
    }


def _wanted(row: dict[str, str], operator: Operator) -> NewChargePoint:
    def text(name: str, default: str) -> str:
        return (row.get(name) or "").strip() or default

    def number(name: str, default: int) -> int:
        given = text(name, str(default))
        if not given.isdecimal():
            raise ValueError(
                _("%(heading)s is %(value)s; it must be a whole number.")
                % {"heading": name, "value": repr(given)}
            )
        return int(given)

    kind = text("connector_type", "")
    if kind not in Connector.Type.values:
        raise ValueError(
            _("%(value)s is no connector type; known: %(types)s.")
            % {
                "value": repr(kind),
                "types": ", ".join(filter(None, Connector.Type.values)),
            }
        )
    return NewChargePoint(
        operator_code=operator.code,
        identity=text("identity", ""),
        security_profile=number("security_profile", 1),
        evses=number("evses", 1),
        connector_type=kind,
        max_power_w=number("max_power_w", 0),
        site=text("site", DEFAULT_SITE),
    )


def labels_view(request: HttpRequest) -> HttpResponse:
    """The labels of an operator's connectors, or of one charge point, as PDF."""
    rows = Connector.objects.select_related("charge_point", "charge_point__operator")
    if not is_platform(request):
        rows = rows.filter(operator_id__in=request_operator_ids(request))
    for name, path in (
        ("operator", "operator_id"),
        ("charge_point", "charge_point_id"),
    ):
        wanted = request.GET.get(name, "")
        if wanted:
            rows = rows.filter(**{path: wanted}) if wanted.isdecimal() else rows.none()
    ordered = rows.order_by("charge_point__identity", "evse_number", "number")
    labels = [
        Label(
            operator=row.charge_point.operator.name,
            station=row.charge_point.identity,
            connector=str(row),
            code=row.code,
        )
        for row in ordered[:LABELS_MAX]
    ]
    if not labels:
        raise Http404("There is no connector to print a label for.")
    return HttpResponse(
        labels_pdf(labels),
        content_type="application/pdf",
        headers={"Content-Disposition": 'inline; filename="labels.pdf"'},
    )


@step("site", place=30)
def site_step(operator: Operator) -> Step:
    """Where charge points stand."""
    sites = Site.objects.filter(operator=operator)
    placed = sites.filter(latitude__isnull=False, longitude__isnull=False).count()
    known = sites.count()
    return Step(
        _("Site"),
        _(
            "Address and coordinates show drivers the way; the time zone is what "
            "tariffs mean by evening."
        ),
        is_done=placed > 0,
        state=_("Sites: %(known)s, with coordinates: %(placed)s")
        % {"known": known, "placed": placed}
        if known
        else "",
        links=(
            Link(_("Add a site"), reverse("admin:charge_points_site_add")),
            Link(_("All sites"), list_url("charge_points_site")),
        ),
    )


@step("charge_points", place=40)
def charge_points_step(operator: Operator) -> Step:
    """What connects."""
    rows = ChargePoint.objects.filter(operator=operator)
    known, online = rows.count(), rows.filter(ONLINE).count()
    return Step(
        _("Charge points"),
        _(
            "Add each with its identity, or many from a file. The page shows the "
            "address and the password that go into the charger."
        ),
        # Who was connected once needs no help with it, also when it is off now.
        is_done=rows.filter(connected_at__isnull=False).exists(),
        state=_("Known: %(known)s, online now: %(online)s")
        % {"known": known, "online": online}
        if known
        else "",
        links=(
            Link(
                _("Add a charge point"), reverse("admin:charge_points_chargepoint_add")
            ),
            Link(_("From a CSV file"), reverse("network:import")),
        ),
    )


@step("labels", place=60)
def labels_step(operator: Operator) -> Step:
    """What drivers scan."""
    known = Connector.objects.filter(operator=operator).count()
    url = f"{reverse('network:labels')}?operator={operator.pk}"
    return Step(
        _("Labels"),
        _(
            "Print the QR codes and put each at its connector: drivers pay without an "
            "app."
        ),
        is_done=known > 0,
        state=_("Ready to print: %s") % known if known else "",
        links=(Link(_("Labels as PDF"), url),) if known else (),
    )


@step("first_charge", place=70)
def first_charge_step(operator: Operator) -> Step:
    """The goal."""
    ended = Transaction.objects.filter(
        operator=operator, state=Transaction.State.ENDED
    ).count()
    return Step(
        _("First charge"),
        _(
            "Scan a label with a phone and pay, or start a charge from the charge "
            "point's page."
        ),
        is_done=ended > 0,
        state=_("Charges so far: %s") % ended if ended else "",
        links=(Link(_("Charge points"), list_url("charge_points_chargepoint")),),
    )
