"""Addresses of the network's REST."""

from django.urls import path

from charge_points.api import charge_points, commands, records

BASE = "api/v1/operator"
STATION = f"{BASE}/charge-points/<str:identity>"
urlpatterns = [
    path(f"{BASE}/charge-points", charge_points.ChargePointsView.as_view()),
    path(STATION, charge_points.ChargePointView.as_view()),
    path(f"{STATION}/commands", commands.CommandsView.as_view()),
    path(f"{STATION}/commands/<int:command_id>", commands.CommandView.as_view()),
    path(f"{STATION}/messages", records.MessagesView.as_view()),
    path(f"{STATION}/transactions", records.ChargePointTransactionsView.as_view()),
    path(f"{BASE}/transactions", records.TransactionsView.as_view()),
]
