"""How grave security events are: the tables of the standards, and our own kinds.

OCA, "Improved security for OCPP 1.6-J", edition 3 (2022-02-17), section 8; OCPP 2.0.1,
part 2, appendices 1.4 (2024-05-06), appendix 1. ``critical`` there means that the
station has to push the event: whoever guards the network is to look at once. Where the
two differ, the graver rank counts for both, for the event is the same. Stations invent
further kinds: these are notices.
"""

from typing import Final, Literal

Severity = Literal["critical", "notice"]
CRITICAL: Final = "critical"
NOTICE: Final = "notice"

HANDSHAKE_REFUSED: Final = "HandshakeRefused"
CLIENT_CERTIFICATE_REFUSED: Final = "ClientCertificateRefused"
REVOCATION_LIST_STALE: Final = "RevocationListStale"
CERTIFICATE_NOT_ISSUED: Final = "CertificateNotIssued"

# Kind: severity by OCPP version that has it.
OF_STATIONS: Final[dict[str, dict[str, Severity]]] = {
    "FirmwareUpdated": {"1.6": "critical", "2.0.1": "critical"},
    "FailedToAuthenticateAtCentralSystem": {"1.6": "notice"},
    # As section 8 of edition 3 spells them.
    "FailedToAuthenticationAtCentralSystem": {"1.6": "notice"},
    "FailedToAuthenticateAtCsms": {"2.0.1": "notice"},
    "CentralSystemFailedToAuthenticate": {"1.6": "notice"},
    "CentralSystemFailedToAuthentication": {"1.6": "notice"},
    "CsmsFailedToAuthenticate": {"2.0.1": "notice"},
    "SettingSystemTime": {"1.6": "critical", "2.0.1": "critical"},
    "StartupOfTheDevice": {"1.6": "critical", "2.0.1": "critical"},
    "ResetOrReboot": {"1.6": "critical", "2.0.1": "critical"},
    "SecurityLogWasCleared": {"1.6": "critical", "2.0.1": "critical"},
    "ReconfigurationOfSecurityParameters": {"1.6": "notice", "2.0.1": "notice"},
    "MemoryExhaustion": {"1.6": "critical", "2.0.1": "critical"},
    "InvalidMessages": {"1.6": "notice", "2.0.1": "notice"},
    "AttemptedReplayAttacks": {"1.6": "notice", "2.0.1": "notice"},
    "TamperDetectionActivated": {"1.6": "critical", "2.0.1": "critical"},
    "InvalidFirmwareSignature": {"1.6": "notice", "2.0.1": "critical"},
    "InvalidFirmwareSigningCertificate": {"1.6": "notice", "2.0.1": "critical"},
    "InvalidCentralSystemCertificate": {"1.6": "notice"},
    "InvalidCsmsCertificate": {"2.0.1": "critical"},
    "InvalidChargePointCertificate": {"1.6": "notice"},
    "InvalidChargingStationCertificate": {"2.0.1": "critical"},
    "InvalidTLSVersion": {"1.6": "notice", "2.0.1": "critical"},
    "InvalidTLSCipherSuite": {"1.6": "notice", "2.0.1": "critical"},
    "MaintenanceLoginAccepted": {"2.0.1": "critical"},
    "MaintenanceLoginFailed": {"2.0.1": "critical"},
}

# Kind: (severity, what it says).
OF_PLATFORM: Final[dict[str, tuple[Severity, str]]] = {
    HANDSHAKE_REFUSED: ("notice", "password, profile or certificate not accepted"),
    CLIENT_CERTIFICATE_REFUSED: (
        "notice",
        "certificate with its name refused by TLS: expired, foreign, for no client",
    ),
    REVOCATION_LIST_STALE: (
        "critical",
        "revocation list of a client CA is past its date or cannot be fetched",
    ),
    CERTIFICATE_NOT_ISSUED: ("notice", "the operator's own CA gave no certificate"),
    "InvalidCsr": ("notice", "certificate request that must not be signed"),
    "ForeignTransaction": ("critical", "transaction of another charge point"),
    "ForeignStartHandle": ("critical", "order number made for another place"),
    "ChargeAfterRefusal": ("critical", "energy although the token was refused"),
    "UnknownReservation": ("notice", "reservation that does not exist"),
    "ContractRefused": ("notice", "contract certificate that proves nothing"),
    "ClaimFromAnotherStation": ("critical", "claim signed at another charge point"),
    "ProofReplayed": ("critical", "a vehicle's proof used a second time"),
    "ClaimWithoutPlugIn": ("notice", "claim for another plug-in than the present one"),
    "ClaimFromElsewhere": ("notice", "claim far from the charge point"),
    "CertificateClaimedTwice": ("notice", "second claim of a charging certificate"),
}


def severity_of(kind: str, source: str) -> Severity:
    """How grave an event of a station, or one that the platform noticed, is.

    Kinds are compared without case: firmwares spell "CSMS" and "Csms".
    """
    table: dict[str, Severity] = (
        _PLATFORM_SEVERITIES if source == "platform" else _STATION_SEVERITIES
    )
    return table.get(kind.lower(), NOTICE)


_STATION_SEVERITIES: Final[dict[str, Severity]] = {
    kind.lower(): "critical" if "critical" in ranks.values() else "notice"
    for kind, ranks in OF_STATIONS.items()
}
_PLATFORM_SEVERITIES: Final = {k.lower(): v[0] for k, v in OF_PLATFORM.items()}
