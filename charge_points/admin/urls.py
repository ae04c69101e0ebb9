"""Addresses of the network's pages that belong to no table."""

from django.contrib import admin
from django.urls import path

from charge_points.admin.onboarding import import_view, labels_view

app_name = "network"
urlpatterns = [
    path("charge-points/import/", admin.site.admin_view(import_view), name="import"),
    path("charge-points/labels/", admin.site.admin_view(labels_view), name="labels"),
]
