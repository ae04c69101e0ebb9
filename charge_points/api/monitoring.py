"""Monitors, events and network profiles of stations over REST."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from charge_points.api.lists import StationRows
from charge_points.models import NetworkProfile, StationEvent, VariableMonitor


class MonitorShape(serializers.ModelSerializer[VariableMonitor]):
    """A monitor on a variable; its state is `set` or `cleared`."""

    state = serializers.CharField()

    class Meta:
        model = VariableMonitor
        exclude = ("id", "operator", "charge_point")


class StationEventShape(serializers.ModelSerializer[StationEvent]):
    """What a charge point noticed."""

    class Meta:
        model = StationEvent
        exclude = ("operator", "charge_point")


class NetworkProfileShape(serializers.ModelSerializer[NetworkProfile]):
    """A network connection profile; passwords are not kept."""

    class Meta:
        model = NetworkProfile
        exclude = ("id", "operator", "charge_point")


class MonitorsView(StationRows):
    """Monitors of one charge point."""

    @extend_schema(operation_id="list_monitors", responses=MonitorShape(many=True))
    def get(self, request: Request, identity: str) -> Response:
        """List the monitors of a charge point, newest first."""
        return self.page_of(request, identity, VariableMonitor, MonitorShape)


class StationEventsView(StationRows):
    """Events of one charge point."""

    @extend_schema(operation_id="list_events", responses=StationEventShape(many=True))
    def get(self, request: Request, identity: str) -> Response:
        """List what a charge point noticed, newest first."""
        return self.page_of(request, identity, StationEvent, StationEventShape)


class NetworkProfilesView(StationRows):
    """Network connection profiles of one charge point."""

    @extend_schema(
        operation_id="list_network_profiles",
        responses=NetworkProfileShape(many=True),
    )
    def get(self, request: Request, identity: str) -> Response:
        """List the network profiles of a charge point, newest first."""
        return self.page_of(request, identity, NetworkProfile, NetworkProfileShape)
