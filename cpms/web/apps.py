"""The drivers' pages as a Django app, for its templates and static files."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """No models: the pages show what billing and charge_points know."""

    name = "cpms.web"
    label = "web"
