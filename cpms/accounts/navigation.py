"""The admin's sidebar: rooms grouped by what people come for.

A page stands in the sidebar when it is registered and the user may see it, so that
the rights are said once, by the page itself.
"""

from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Item:
    """A list in the sidebar: ``model`` as "app.model", a Material symbol."""

    model: str
    title: Any
    icon: str


GROUPS: Final[tuple[tuple[Any, tuple[Item, ...]], ...]] = (
    (
        _("Network"),
        (
            Item("charge_points.chargepoint", _("Charge points"), "ev_station"),
            Item("charge_points.connector", _("Connectors"), "power"),
            Item("charge_points.site", _("Sites"), "location_on"),
            Item("charge_points.command", _("Commands"), "send"),
            Item("charge_points.commandbatch", _("Command batches"), "dynamic_feed"),
            Item("charge_points.reservation", _("Reservations"), "event_available"),
            Item("charge_points.locallist", _("Local lists"), "checklist"),
            Item("charge_points.chargingprofile", _("Charging profiles"), "speed"),
            Item("charge_points.charginglimit", _("Outside limits"), "compress"),
            Item("charge_points.displaymessage", _("Displays"), "desktop_windows"),
            Item(
                "charge_points.customerinformation",
                _("Customers' data"),
                "person_search",
            ),
            Item("charge_points.stationcertificate", _("Station certificates"), "key"),
            Item(
                "charge_points.installedcertificate",
                _("Installed certificates"),
                "verified_user",
            ),
            Item("charge_points.contractroot", _("Contract roots"), "account_tree"),
            Item(
                "charge_points.clientrevocationlist",
                _("Revocation lists"),
                "event_busy",
            ),
            Item("charge_points.firmwarefile", _("Firmware"), "memory"),
            Item("charge_points.firmwarecampaign", _("Firmware campaigns"), "waves"),
            Item(
                "charge_points.firmwareupdate",
                _("Firmware updates"),
                "system_update_alt",
            ),
            Item(
                "charge_points.firmwarepublication",
                _("Published firmware"),
                "publish",
            ),
            Item("charge_points.logupload", _("Logs"), "description"),
            Item("charge_points.variablemonitor", _("Monitors"), "monitor_heart"),
            Item("charge_points.stationevent", _("Events"), "notification_important"),
            Item("charge_points.networkprofile", _("Network profiles"), "lan"),
            Item("charge_points.securityevent", _("Security events"), "shield"),
            Item("charge_points.quirkcount", _("Conformance"), "rule"),
        ),
    ),
    (
        _("Charging"),
        (
            Item("billing.order", _("Orders"), "receipt_long"),
            Item("charge_points.transaction", _("Transactions"), "bolt"),
            Item("charge_points.chargingcertificate", _("Certificates"), "verified"),
            Item("charge_points.idtoken", _("Tokens"), "badge"),
            Item("billing.tariff", _("Tariffs"), "sell"),
            Item("billing.tariffassignment", _("Tariff assignments"), "alt_route"),
            Item("billing.drivergroup", _("Driver groups"), "groups"),
            Item("billing.drivergroupmember", _("Group members"), "group_add"),
        ),
    ),
    (
        _("Money"),
        (
            Item("settlement.payment", _("Payments"), "credit_card"),
            Item("billing.receipt", _("Receipts"), "receipt"),
            Item("billing.documentmail", _("Mails of receipts"), "mail"),
            Item("billing.cdr", _("Charge detail records"), "description"),
            Item("settlement.payeeaccount", _("Payee accounts"), "account_balance"),
            Item("settlement.ownkeysubmission", _("Own keys"), "key"),
            Item("settlement.splitagreement", _("Splits"), "call_split"),
            Item("settlement.receivable", _("Receivables"), "hourglass_top"),
            Item("settlement.correction", _("Corrections"), "published_with_changes"),
            Item("settlement.refund", _("Refunds"), "undo"),
            Item("settlement.dispute", _("Disputes"), "gavel"),
            Item("settlement.ledgerentry", _("Ledger"), "menu_book"),
            Item("settlement.ledgeraccount", _("Ledger accounts"), "account_tree"),
            Item(
                "settlement.reconciliationdifference",
                _("Reconciliation"),
                "balance",
            ),
            Item("settlement.providertransaction", _("Provider's books"), "list_alt"),
        ),
    ),
    (
        _("Platform"),
        (
            Item("accounts.operator", _("Operators"), "domain"),
            Item("accounts.apikey", _("API keys"), "key"),
            Item(
                "notifications.staffnotificationsettings",
                _("My notifications"),
                "notifications",
            ),
            Item("notifications.webhookendpoint", _("Webhooks"), "webhook"),
            Item(
                "notifications.webhookmessage", _("Webhook messages"), "outgoing_mail"
            ),
            Item("accounts.auditentry", _("Audit"), "history"),
            Item("accounts.user", _("Users"), "group"),
            Item("accounts.driver", _("Drivers"), "person"),
            Item("accounts.vehicle", _("Vehicles"), "directions_car"),
            Item("outbox.delivery", _("Outbox"), "outbox"),
            Item("outbox.eventrecord", _("Events"), "stream"),
            Item("settlement.webhookevent", _("Provider webhooks"), "webhook"),
        ),
    ),
)


def _item(request: HttpRequest, item: Item) -> dict[str, Any] | None:
    app_label, name = item.model.split(".")
    try:
        model = apps.get_model(app_label, name)
    except LookupError:
        return None
    page = admin.site._registry.get(model)  # noqa: SLF001 - Django has no other door
    if page is None or not page.has_view_permission(request):
        return None
    return {
        "title": item.title,
        "icon": item.icon,
        "link": reverse(f"admin:{app_label}_{name}_changelist"),
    }


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Groups with what this user may see; groups without anything are left out."""
    groups: list[dict[str, Any]] = [
        {
            "items": [
                {
                    "title": _("Overview"),
                    "icon": "dashboard",
                    "link": reverse("admin:index"),
                },
                {
                    "title": _("First charge"),
                    "icon": "flag",
                    "link": reverse("console:onboarding"),
                },
            ]
        }
    ]
    for title, items in GROUPS:
        found = [shown for item in items if (shown := _item(request, item))]
        if found:
            groups.append({"title": title, "separator": True, "items": found})
    return groups


def style_sheet(request: HttpRequest) -> str:
    """The address of the pages' own style sheet."""
    del request
    return static("cpms/admin.css")


def favicon(request: HttpRequest) -> str:
    """The address of the browser tab's picture."""
    del request
    return static("cpms/favicon.svg")
