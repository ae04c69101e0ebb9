"""What a station's word of refusal means, for the people who asked; both versions.

Most stations leave the reason out (1.6 has no room for one): then the operator reads
what the specification says of the word, or of the error code.
"""

from typing import Final

MEANINGS: Final[dict[str, str]] = {
    "ConnectionLost": "The line broke before the answer; the station may have done it.",
    "DownloadOngoing": "A station still loads the file from it; ask again later.",
    "EmptyResultSet": "Nothing on the station fits what was asked for.",
    "Failed": "The station tried and could not do it.",
    "FormatViolation": "The station could not read the message.",
    "FormationViolation": "The station could not read the message.",
    "Faulted": "The connector has a fault.",
    "GenericError": "The station reported an error and gave no reason.",
    "InternalError": "The station has a fault of its own; try again later.",
    "InvalidCertificate": "The firmware's signing certificate is not valid there.",
    "MessageTypeNotSupported": "The station does not know this kind of message.",
    "NoFirmware": "The station offers no firmware with this checksum.",
    "NoProfiles": "The station has no charging profile that fits.",
    "NotFound": "The station has no such entry.",
    "NotImplemented": "The station's software does not know this.",
    "NotSupported": "The station does not offer this function.",
    "NotSupportedMessageFormat": "The display does not take this format.",
    "NotSupportedPriority": "The display does not take this priority.",
    "NotSupportedState": "The display does not take this state.",
    "OccurenceConstraintViolation": "A field is missing for the station, or too many.",
    "OccurrenceConstraintViolation": (
        "A field is missing for the station, or too many."
    ),
    "Occupied": "The connector is in use or reserved.",
    "OngoingAuthorizedTransaction": ("A charge runs on this connector; stop it first."),
    "PropertyConstraintViolation": "The station does not take one of the values.",
    "ProtocolError": "The station finds the message incomplete.",
    "Rejected": "The station refused and gave no reason.",
    "RevokedCertificate": "The firmware's signing certificate was revoked.",
    "RpcFrameworkError": "The station could not read the message.",
    "SecurityError": "The station refused for reasons of security.",
    "Timeout": "The station did not answer in time; it may have done it.",
    "TypeConstraintViolation": "The station expects another type of value.",
    "Unavailable": "The connector is out of service.",
    "UnknownConnector": "The station has no such connector.",
    "UnknownMessageId": "The station knows the vendor, but not this message.",
    "UnknownTransaction": "The station has no such transaction.",
    "UnknownVendorId": "The station does not know this vendor.",
    "UnlockFailed": "The lock did not open; the cable may be stuck.",
    "VersionMismatch": "The station has another version of the list.",
}
OF_ACTION: Final[dict[tuple[str, str], str]] = {
    ("CancelReservation", "Rejected"): "The station has no such reservation.",
    ("ChangeAvailability", "Rejected"): (
        "The station refused; it may not know the connector."
    ),
    ("ChangeConfiguration", "NotSupported"): "The station does not know this key.",
    ("ChangeConfiguration", "Rejected"): (
        "The key is read-only, or the value is not one that it takes."
    ),
    ("ClearChargingProfile", "Unknown"): "The station has no profile that fits.",
    ("ClearDisplayMessage", "Unknown"): "The station has no such message.",
    ("CustomerInformation", "Invalid"): "The station cannot read whom is meant.",
    ("DeleteCertificate", "Failed"): "The certificate is in use or locked.",
    ("DeleteCertificate", "NotFound"): "The station has no such certificate.",
    ("GetDisplayMessages", "Unknown"): "The station has no message that fits.",
    ("GetInstalledCertificateIds", "NotFound"): (
        "The station has no certificate of this kind."
    ),
    ("InstallCertificate", "Failed"): "The station could not store the certificate.",
    ("InstallCertificate", "Rejected"): "The certificate is not valid there.",
    ("RemoteStartTransaction", "Rejected"): (
        "The station did not begin: no free connector, or none that is plugged in."
    ),
    ("RemoteStopTransaction", "Rejected"): "The station has no such charge.",
    ("RequestStartTransaction", "Rejected"): (
        "The station did not begin: no free connector, or none that is plugged in."
    ),
    ("RequestStopTransaction", "Rejected"): "The station has no such charge.",
    ("Reset", "Rejected"): "The station cannot reset now.",
    ("SendLocalList", "Failed"): "The station could not store the list.",
    ("SetChargingProfile", "Rejected"): (
        "The profile does not fit: another limit, or no such charge."
    ),
    ("SetNetworkProfile", "Failed"): "The station could not store the profile.",
    ("SetNetworkProfile", "Rejected"): (
        "The slot does not exist, or the profile lowers the security."
    ),
    ("TriggerMessage", "Rejected"): "The station cannot send this now.",
    ("ExtendedTriggerMessage", "Rejected"): "The station cannot send this now.",
}


def meaning(action: str, status: str) -> str:
    """What to make of a status that is no yes, or of an error code.

    Empty where nothing is known of the word.
    """
    return OF_ACTION.get((action, status)) or MEANINGS.get(status, "")
