"""Addresses of the accounts' REST."""

from django.urls import path

from cpms.accounts.api.audit import AuditView

urlpatterns = [path("api/v1/operator/audit", AuditView.as_view())]
