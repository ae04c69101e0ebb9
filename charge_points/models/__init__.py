"""The tables of the gateway device, one model a file."""

from charge_points.models.certificate import ChargingCertificate
from charge_points.models.certificate_key import CertificateKey
from charge_points.models.charge_point import ChargePoint
from charge_points.models.charging_limit import ChargingLimit
from charge_points.models.charging_needs import ChargingNeeds
from charge_points.models.charging_profile import ChargingProfile
from charge_points.models.client_revocation_list import ClientRevocationList
from charge_points.models.command import Command
from charge_points.models.command_batch import CommandBatch, CommandBatchMember
from charge_points.models.command_follow_up import CommandFollowUp
from charge_points.models.composite_schedule import CompositeSchedule
from charge_points.models.connector import Connector
from charge_points.models.contract_root import ContractRoot
from charge_points.models.customer_information import CustomerInformation
from charge_points.models.deferred_change import DeferredChange
from charge_points.models.device_variable import DeviceVariable
from charge_points.models.device_variable_change import DeviceVariableChange
from charge_points.models.display_message import DisplayMessage
from charge_points.models.early_stop import EarlyStop
from charge_points.models.episode import PlugInEpisode
from charge_points.models.evse import Evse
from charge_points.models.firmware_campaign import (
    FirmwareCampaign,
    FirmwareCampaignMember,
)
from charge_points.models.firmware_file import FirmwareFile
from charge_points.models.firmware_publication import FirmwarePublication
from charge_points.models.firmware_update import FirmwareUpdate
from charge_points.models.id_token import IdToken
from charge_points.models.installed_certificate import InstalledCertificate
from charge_points.models.local_list import LocalList
from charge_points.models.log_upload import LogUpload
from charge_points.models.message import MessageLog
from charge_points.models.meter_key import MeterKey
from charge_points.models.meter_value import MeterValue
from charge_points.models.monitoring_report import MonitoringReport
from charge_points.models.network_profile import NetworkProfile
from charge_points.models.operator_policy import OperatorPolicy
from charge_points.models.ownership import ChargePointOwnership
from charge_points.models.quirk_count import QuirkCount
from charge_points.models.report_part import ReportPart
from charge_points.models.reservation import Reservation
from charge_points.models.security_event import SecurityEvent
from charge_points.models.signing_request import SigningRequest
from charge_points.models.site import Site
from charge_points.models.start_handle import StartHandle
from charge_points.models.station_authority import StationAuthority
from charge_points.models.station_certificate import StationCertificate
from charge_points.models.station_event import StationEvent
from charge_points.models.transaction import Transaction
from charge_points.models.transaction_event import TransactionEvent
from charge_points.models.transaction_phase import TransactionPhase
from charge_points.models.variable_monitor import VariableMonitor

__all__ = [
    "CertificateKey",
    "ChargePoint",
    "ChargePointOwnership",
    "ChargingCertificate",
    "ChargingLimit",
    "ChargingNeeds",
    "ChargingProfile",
    "ClientRevocationList",
    "Command",
    "CommandBatch",
    "CommandBatchMember",
    "CommandFollowUp",
    "CompositeSchedule",
    "Connector",
    "ContractRoot",
    "CustomerInformation",
    "DeferredChange",
    "DeviceVariable",
    "DeviceVariableChange",
    "DisplayMessage",
    "EarlyStop",
    "Evse",
    "FirmwareCampaign",
    "FirmwareCampaignMember",
    "FirmwareFile",
    "FirmwarePublication",
    "FirmwareUpdate",
    "IdToken",
    "InstalledCertificate",
    "LocalList",
    "LogUpload",
    "MessageLog",
    "MeterKey",
    "MeterValue",
    "MonitoringReport",
    "NetworkProfile",
    "OperatorPolicy",
    "PlugInEpisode",
    "QuirkCount",
    "ReportPart",
    "Reservation",
    "SecurityEvent",
    "SigningRequest",
    "Site",
    "StartHandle",
    "StationAuthority",
    "StationCertificate",
    "StationEvent",
    "Transaction",
    "TransactionEvent",
    "TransactionPhase",
    "VariableMonitor",
]
