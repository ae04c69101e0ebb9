"""Addresses of the drivers' pages."""

from django.urls import URLPattern, URLResolver, path

from cpms.web.views import (
    account,
    codes,
    displays,
    language,
    live,
    notices,
    paying,
    sessions,
    vehicles,
)

app_name = "web"
_START = {"label": {"page": "label"}, "certificate": {"page": "certificate"}}

urlpatterns: list[URLPattern | URLResolver] = [
    path("", codes.landing, name="landing"),
    path("language", language.choose, name="language"),
    path("q/<str:code>", codes.label, name="label"),
    path("c/<str:code>", codes.certificate, name="certificate"),
    path("c/<str:code>/display", displays.certificate, name="certificate-display"),
    path("c/<str:code>/qr.svg", displays.picture, name="certificate-picture"),
    path("q/<str:code>/start", codes.start, _START["label"], name="label-start"),
    path(
        "c/<str:code>/start",
        codes.start,
        _START["certificate"],
        name="certificate-start",
    ),
    path("live/<str:token>", live.live, name="live"),
    path("live/<str:token>/events", live.events, name="live-events"),
    path("live/<str:token>/stop", live.stop, name="live-stop"),
    path("receipt/<str:token>", live.receipt, name="receipt"),
    path("receipt/<str:token>/pdf", live.receipt_document, name="receipt_pdf"),
    path(
        "receipt/<str:token>/<str:kind>/<int:number>/pdf",
        live.document,
        name="document",
    ),
    path("account/", account.history, name="history"),
    path("account/log-in", sessions.log_in, name="log-in"),
    path("account/sign-up", sessions.sign_up, name="sign-up"),
    path("account/log-out", sessions.log_out, name="log-out"),
    path("pay/<str:token>", paying.debt, name="pay"),
    path("account/payment-methods", paying.payment_methods, name="methods"),
    path("account/payment-methods/add", paying.add_method, name="method-add"),
    path(
        "account/payment-methods/<int:payment_method_id>",
        paying.change_method,
        name="method",
    ),
    path("account/vehicles", vehicles.vehicles, name="vehicles"),
    path("account/vehicles/take-over", vehicles.take_over, name="vehicle-take-over"),
    path("account/vehicles/<int:vehicle_id>", vehicles.vehicle, name="vehicle"),
    path(
        "account/vehicles/<int:vehicle_id>/remove",
        vehicles.remove,
        name="vehicle-remove",
    ),
    path(
        "account/vehicles/<int:vehicle_id>/renew", vehicles.renew, name="vehicle-renew"
    ),
    path(
        "account/vehicles/<int:vehicle_id>/certificate",
        vehicles.certificate_of,
        name="vehicle-certificate",
    ),
    path(
        "account/vehicles/<int:vehicle_id>/share", vehicles.share, name="vehicle-share"
    ),
    path(
        "account/vehicles/<int:vehicle_id>/drivers/<int:other_id>/remove",
        vehicles.unshare,
        name="vehicle-unshare",
    ),
    path(
        "account/vehicles/<int:vehicle_id>/payer", vehicles.payer, name="vehicle-payer"
    ),
    path(
        "account/vehicles/<int:vehicle_id>/hand-over",
        vehicles.hand_over,
        name="vehicle-hand-over",
    ),
    path("account/mails", notices.notices, name="notices"),
    path("account/settings", account.preferences, name="preferences"),
    path("account/delete", account.delete, name="delete"),
    path("account/data", account.export, name="export"),
]
