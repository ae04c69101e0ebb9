"""Addresses of the console that belong to no table."""

from django.contrib import admin
from django.urls import path

from cpms.accounts.dashboard import live
from cpms.accounts.login import second_factor_view
from cpms.accounts.onboarding import onboarding_view

app_name = "console"
urlpatterns = [
    path("first-charge/", admin.site.admin_view(onboarding_view), name="onboarding"),
    path("live/", admin.site.admin_view(live), name="live"),
    path(
        "second-factor/",
        admin.site.admin_view(second_factor_view),
        name="second_factor",
    ),
]
