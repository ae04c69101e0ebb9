"""Addresses of billing's REST."""

from django.urls import path

from billing.api import (
    accounts,
    battery_limits,
    charging,
    contracts,
    documents,
    operator,
    tariffs,
    vehicles,
)
from billing.api.streaming import live_stream

API = "api/v1"
urlpatterns = [
    path(".well-known/jwks.json", charging.JwksView.as_view()),
    path(f"{API}/driver/sign-up", accounts.SignUpView.as_view()),
    path(f"{API}/driver/token", accounts.TokenView.as_view()),
    path(f"{API}/driver/me", accounts.MeView.as_view()),
    path(f"{API}/driver/contracts", contracts.ContractsView.as_view()),
    path(f"{API}/driver/contracts/<int:contract_id>", contracts.ContractView.as_view()),
    path(f"{API}/driver/vehicles", vehicles.VehiclesView.as_view()),
    path(f"{API}/driver/vehicles/transfers", vehicles.VehicleTakeoverView.as_view()),
    path(f"{API}/driver/vehicles/<int:vehicle_id>", vehicles.VehicleView.as_view()),
    path(
        f"{API}/driver/vehicles/<int:vehicle_id>/certificate",
        vehicles.VehicleCertificateView.as_view(),
    ),
    path(
        f"{API}/driver/vehicles/<int:vehicle_id>/drivers",
        vehicles.VehicleDriversView.as_view(),
    ),
    path(
        f"{API}/driver/vehicles/<int:vehicle_id>/drivers/<int:other_id>",
        vehicles.VehicleDriverView.as_view(),
    ),
    path(
        f"{API}/driver/vehicles/<int:vehicle_id>/payer",
        vehicles.VehiclePayerView.as_view(),
    ),
    path(
        f"{API}/driver/vehicles/<int:vehicle_id>/transfer",
        vehicles.VehicleTransferView.as_view(),
    ),
    path(f"{API}/driver/payment-methods", accounts.PaymentMethodsView.as_view()),
    path(f"{API}/driver/payment-methods/pages", accounts.MethodPagesView.as_view()),
    path(
        f"{API}/driver/payment-methods/operators",
        accounts.OwnKeyOperatorsView.as_view(),
    ),
    path(
        f"{API}/driver/payment-methods/<int:method_id>",
        accounts.PaymentMethodView.as_view(),
    ),
    path(
        f"{API}/driver/payment-methods/<int:method_id>/default",
        accounts.DefaultMethodView.as_view(),
    ),
    path(f"{API}/driver/price", charging.PriceView.as_view()),
    path(f"{API}/charging-certificates/claim", charging.ClaimView.as_view()),
    path(f"{API}/driver/orders", charging.OrdersView.as_view()),
    path(f"{API}/driver/orders/<str:number>", charging.OrderView.as_view()),
    path(f"{API}/driver/orders/<str:number>/stop", charging.StopView.as_view()),
    path(
        f"{API}/driver/orders/<str:number>/battery-limit",
        battery_limits.BatteryLimitView.as_view(),
    ),
    path(f"{API}/driver/orders/<str:number>/live", charging.LiveView.as_view()),
    path(f"{API}/driver/orders/<str:number>/live/stream", live_stream),
    path(f"{API}/driver/receipts", charging.ReceiptsView.as_view()),
    path(f"{API}/driver/receipts/<str:number>", charging.ReceiptView.as_view()),
    path(f"{API}/driver/receipts/<str:number>/pdf", charging.ReceiptPdfView.as_view()),
    path(
        f"{API}/driver/receipts/<str:number>/documents",
        documents.DocumentsView.as_view(),
    ),
    path(
        f"{API}/driver/receipts/<str:number>/documents/<str:kind>/<int:document>/pdf",
        documents.DocumentPdfView.as_view(),
    ),
    path(f"{API}/operator/tariffs/preview", tariffs.TariffPreviewView.as_view()),
    path(f"{API}/operator/orders", operator.OperatorOrdersView.as_view()),
    path(f"{API}/operator/orders/<str:number>", operator.OperatorOrderView.as_view()),
    path(
        f"{API}/operator/orders/<str:number>/stop", operator.OperatorStopView.as_view()
    ),
    path(f"{API}/operator/orders/<str:number>/refunds", operator.RefundsView.as_view()),
    path(f"{API}/operator/orders/<str:number>/review", operator.ReviewView.as_view()),
]
