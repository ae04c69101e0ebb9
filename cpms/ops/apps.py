"""Django's configuration of the ops room."""

from django.apps import AppConfig

from cpms.ops.logs import configure


class OpsConfig(AppConfig):
    """Health, metrics, logs."""

    name = "cpms.ops"
    label = "ops"

    def ready(self) -> None:
        """Set up the logs of every process in one place."""
        configure()
