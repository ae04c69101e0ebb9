"""Addresses of opening a payee account; those outside of the admin ask the provider."""

from django.contrib import admin
from django.urls import path

from settlement.admin.opening import open_account, opened, opening_page

app_name = "payee"
urlpatterns = [
    path(
        "admin/payee-account/",
        admin.site.admin_view(opening_page),
        name="opening",
    ),
    path("console/payee-account/open/", open_account, name="open"),
    path("console/payee-account/opened/", opened, name="opened"),
]
