"""How grave security events are: the tables of the standards, and our own kinds.

OCPP 1.6 security whitepaper, edition 3, appendix A; OCPP 2.0.1 part 2, appendix 1.
``critical`` there means that whoever guards the network is to look at once. Stations
invent further kinds: these are notices.
"""

from typing import Final, Literal

Severity = Literal["critical", "notice"]
CRITICAL: Final = "critical"
NOTICE: Final = "notice"

HANDSHAKE_REFUSED: Final = "HandshakeRefused"
CLIENT_CERTIFICATE_REFUSED: Final = "ClientCertificateRefused"
REVOCATION_LIST_STALE: Final = "RevocationListStale"

# Kind: (severity in the standard, OCPP versions that have it).
OF_STATIONS: Final[dict[str, tuple[Severity, tuple[str, ...]]]] = {
    "FirmwareUpdated": ("critical", ("1.6", "2.0.1")),
    "FailedToAuthenticateAtCentralSystem": ("notice", ("1.6",)),
    "FailedToAuthenticateAtCsms": ("notice", ("2.0.1",)),
    "CentralSystemFailedToAuthenticate": ("notice", ("1.6",)),
    "CsmsFailedToAuthenticate": ("notice", ("2.0.1",)),
    "SettingSystemTime": ("critical", ("1.6", "2.0.1")),
    "StartupOfTheDevice": ("critical", ("1.6", "2.0.1")),
    "ResetOrReboot": ("critical", ("1.6", "2.0.1")),
    "SecurityLogWasCleared": ("critical", ("1.6", "2.0.1")),
    "ReconfigurationOfSecurityParameters": ("notice", ("1.6", "2.0.1")),
    "MemoryExhaustion": ("critical", ("1.6", "2.0.1")),
    "InvalidMessages": ("notice", ("1.6", "2.0.1")),
    "AttemptedReplayAttacks": ("notice", ("1.6", "2.0.1")),
    "TamperDetectionActivated": ("critical", ("1.6", "2.0.1")),
    "InvalidFirmwareSignature": ("notice", ("1.6", "2.0.1")),
    "InvalidFirmwareSigningCertificate": ("notice", ("1.6", "2.0.1")),
    "InvalidCentralSystemCertificate": ("notice", ("1.6",)),
    "InvalidCsmsCertificate": ("notice", ("2.0.1",)),
    "InvalidChargePointCertificate": ("notice", ("1.6",)),
    "InvalidChargingStationCertificate": ("notice", ("2.0.1",)),
    "InvalidTLSVersion": ("notice", ("1.6", "2.0.1")),
    "InvalidTLSCipherSuite": ("notice", ("1.6", "2.0.1")),
    "MaintenanceLoginAccepted": ("critical", ("2.0.1",)),
    "MaintenanceLoginFailed": ("critical", ("2.0.1",)),
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


_STATION_SEVERITIES: Final = {k.lower(): v[0] for k, v in OF_STATIONS.items()}
_PLATFORM_SEVERITIES: Final = {k.lower(): v[0] for k, v in OF_PLATFORM.items()}
