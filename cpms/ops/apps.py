"""Django's configuration of the ops room."""

from importlib import import_module

from django.apps import AppConfig

from cpms.ops.logs import configure


class OpsConfig(AppConfig):
    """Health, metrics, logs."""

    name = "cpms.ops"
    label = "ops"

    def ready(self) -> None:
        """Set up the logs of every process in one place."""
        configure()
        # shared_task needs the configured application in every process; it stands
        # at the top of the building, so it is named here and not imported.
        import_module("cpms.celery")
