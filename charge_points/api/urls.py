"""Addresses of the network's REST."""

from django.urls import path

from charge_points.api import (
    admission,
    batches,
    campaigns,
    charge_points,
    commands,
    conformance,
    contract_roots,
    lists,
    monitoring,
    pki,
    records,
    transfers,
    upkeep,
)

BASE = "api/v1/operator"
STATION = f"{BASE}/charge-points/<str:identity>"
CAMPAIGN = f"{BASE}/firmware-campaigns/<int:campaign_id>"
urlpatterns = [
    path(f"{BASE}/charge-points", charge_points.ChargePointsView.as_view()),
    path(STATION, charge_points.ChargePointView.as_view()),
    path(f"{STATION}/commands", commands.CommandsView.as_view()),
    path(f"{STATION}/commands/<int:command_id>", commands.CommandView.as_view()),
    path(f"{STATION}/certificates", pki.StationCertificatesView.as_view()),
    path(f"{STATION}/charging-profiles", lists.ChargingProfilesView.as_view()),
    path(f"{STATION}/composite-schedules", lists.CompositeSchedulesView.as_view()),
    path(f"{STATION}/conformance", conformance.ConformanceView.as_view()),
    path(f"{STATION}/deferred-changes", conformance.DeferredChangesView.as_view()),
    path(f"{STATION}/meter-keys", conformance.MeterKeysView.as_view()),
    path(
        f"{STATION}/meter-keys/<int:meter_key_id>",
        conformance.MeterKeyView.as_view(),
    ),
    path(f"{STATION}/display-messages", lists.DisplayMessagesView.as_view()),
    path(f"{STATION}/local-list", lists.LocalListView.as_view()),
    path(f"{STATION}/reservations", lists.ReservationsView.as_view()),
    path(f"{STATION}/registration", admission.RegistrationView.as_view()),
    path(
        f"{STATION}/reservations/<int:reservation_id>",
        lists.ReservationView.as_view(),
    ),
    path(f"{BASE}/command-batches", batches.CommandBatchesView.as_view()),
    path(f"{BASE}/command-batches/<int:batch_id>", batches.CommandBatchView.as_view()),
    path(f"{BASE}/firmware-campaigns", campaigns.CampaignsView.as_view()),
    path(CAMPAIGN, campaigns.CampaignView.as_view()),
    path(f"{CAMPAIGN}/pause", campaigns.PauseCampaignView.as_view()),
    path(f"{CAMPAIGN}/resume", campaigns.ResumeCampaignView.as_view()),
    path(f"{CAMPAIGN}/abort", campaigns.AbortCampaignView.as_view()),
    path(f"{BASE}/firmware", upkeep.FirmwareFilesView.as_view()),
    path(f"{STATION}/events", monitoring.StationEventsView.as_view()),
    path(f"{STATION}/firmware-publications", upkeep.FirmwarePublicationsView.as_view()),
    path(f"{STATION}/firmware-updates", upkeep.FirmwareUpdatesView.as_view()),
    path(f"{STATION}/logs", upkeep.LogsView.as_view()),
    path(f"{STATION}/logs/<int:log_id>/file", upkeep.LogFileView.as_view()),
    path(f"{STATION}/monitors", monitoring.MonitorsView.as_view()),
    path(f"{STATION}/network-profiles", monitoring.NetworkProfilesView.as_view()),
    path(f"{STATION}/messages", records.MessagesView.as_view()),
    path(f"{STATION}/transactions", records.ChargePointTransactionsView.as_view()),
    path(f"{BASE}/transactions", records.TransactionsView.as_view()),
    path(
        f"{BASE}/certificates/<str:serial_number>/revoke",
        pki.RevokeCertificateView.as_view(),
    ),
    path(f"{BASE}/contract-roots", contract_roots.ContractRootsView.as_view()),
    path(
        f"{BASE}/contract-roots/<int:root_id>",
        contract_roots.ContractRootView.as_view(),
    ),
    path("pki/ca.pem", pki.AuthoritiesView.as_view()),
    path("pki/ocsp", pki.OcspView.as_view()),
    path("pki/<int:authority_id>.crl", pki.CrlView.as_view()),
    *transfers.urlpatterns,
]
