"""Addresses of the console that belong to no table."""

from django.contrib import admin
from django.urls import path

from cpms.accounts.dashboard import live

app_name = "console"
urlpatterns = [path("live/", admin.site.admin_view(live), name="live")]
