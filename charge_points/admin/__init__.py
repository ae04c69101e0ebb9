"""The network's pages for operators: what is known, and what may be asked for.

Services are the only writers; pages read the models and call the services.
"""

from charge_points.admin.batches import CommandBatchAdmin
from charge_points.admin.campaigns import FirmwareCampaignAdmin
from charge_points.admin.certificates import CertificateAdmin
from charge_points.admin.commands import CommandAdmin
from charge_points.admin.connectors import ConnectorAdmin
from charge_points.admin.contract_roots import ContractRootAdmin
from charge_points.admin.id_tokens import IdTokenAdmin
from charge_points.admin.lists import (
    ChargingLimitAdmin,
    ChargingProfileAdmin,
    CustomerInformationAdmin,
    DisplayMessageAdmin,
    LocalListAdmin,
    ReservationAdmin,
)
from charge_points.admin.meter_keys import MeterKeyAdmin
from charge_points.admin.onboarding import (
    charge_points_step,
    first_charge_step,
    labels_step,
    site_step,
)
from charge_points.admin.panels import network
from charge_points.admin.places import sites, utilisation
from charge_points.admin.public_keys import (
    InstalledCertificateAdmin,
    StationCertificateAdmin,
)
from charge_points.admin.revocation_lists import ClientRevocationListAdmin
from charge_points.admin.security import QuirkAdmin, SecurityEventAdmin
from charge_points.admin.sites import SiteAdmin
from charge_points.admin.stations import ChargePointAdmin
from charge_points.admin.transactions import TransactionAdmin
from charge_points.admin.upkeep import (
    FirmwareFileAdmin,
    FirmwarePublicationAdmin,
    FirmwareUpdateAdmin,
    LogUploadAdmin,
    NetworkProfileAdmin,
    StationEventAdmin,
    VariableMonitorAdmin,
)

__all__ = [
    "CertificateAdmin",
    "ChargePointAdmin",
    "ChargingLimitAdmin",
    "ChargingProfileAdmin",
    "ClientRevocationListAdmin",
    "CommandAdmin",
    "CommandBatchAdmin",
    "ConnectorAdmin",
    "ContractRootAdmin",
    "CustomerInformationAdmin",
    "DisplayMessageAdmin",
    "FirmwareCampaignAdmin",
    "FirmwareFileAdmin",
    "FirmwarePublicationAdmin",
    "FirmwareUpdateAdmin",
    "IdTokenAdmin",
    "InstalledCertificateAdmin",
    "LocalListAdmin",
    "LogUploadAdmin",
    "MeterKeyAdmin",
    "NetworkProfileAdmin",
    "QuirkAdmin",
    "ReservationAdmin",
    "SecurityEventAdmin",
    "SiteAdmin",
    "StationCertificateAdmin",
    "StationEventAdmin",
    "TransactionAdmin",
    "VariableMonitorAdmin",
    "charge_points_step",
    "first_charge_step",
    "labels_step",
    "network",
    "site_step",
    "sites",
    "utilisation",
]
