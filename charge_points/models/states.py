"""The legal moves of everything in this app that has states, as tables.

An illegal move changes nothing (``cpms.kernel.state_table``).
"""

from typing import Final

from cpms.kernel.state_table import StateTable

# Design page 1.3. A claimed certificate is never superseded: somebody pays for it.
CERTIFICATE: Final = StateTable(
    "charging certificate",
    {
        "issued": ("claimed", "expired", "superseded", "revoked"),
        "claimed": ("started", "expired", "revoked", "failed"),
        "started": ("closed", "failed"),
        "closed": (),
        "expired": (),
        "superseded": (),
        "revoked": (),
        "failed": (),
    },
)
CERTIFICATE_LIVE: Final = ("issued", "claimed", "started")

# A charge that began before the timeout may be told after it (lost link): then the
# transaction still belongs to the order, so failed and cancelled can become started.
START_HANDLE: Final = StateTable(
    "start handle",
    {
        "pending": ("started", "failed", "cancelled"),
        "started": ("ended",),
        "failed": ("started",),
        "cancelled": ("started",),
        "ended": (),
    },
)
START_HANDLE_LIVE: Final = ("pending", "started")

# "refused": the station began although we said no; kept, never billed by itself.
TRANSACTION: Final = StateTable(
    "transaction",
    {
        "active": ("ended",),
        "refused": ("ended",),
        "ended": (),
    },
)

COMMAND: Final = StateTable(
    "command",
    {
        # accepted and rejected at once: a whole whose parts were sent.
        "queued": (
            "sent",
            "accepted",
            "rejected",
            "failed",
            "expired",
            "cancelled",
        ),
        # queued again: the connection was lost and sending twice does no harm.
        "sent": ("queued", "accepted", "rejected", "failed", "expired"),
        "accepted": (),
        "rejected": (),
        "failed": (),
        "expired": (),
        "cancelled": (),
    },
)
COMMAND_OPEN: Final = ("queued", "sent")

# "requested": the station has not answered yet. 1.6 tells of an end only by the
# connector's status, 2.0.1 by ReservationStatusUpdate.
RESERVATION: Final = StateTable(
    "reservation",
    {
        "requested": ("active", "used", "rejected", "failed", "cancelled", "expired"),
        "active": ("used", "cancelled", "expired", "removed"),
        "used": (),
        "cancelled": (),
        "expired": (),
        "removed": (),
        "rejected": (),
        "failed": (),
    },
)
RESERVATION_LIVE: Final = ("requested", "active")

# The words are the specification's (2.0.1 L01, 1.6 whitepaper); "Requested" and
# "Refused" are ours, "Canceled" means that a newer update took its place. Stations
# leave words out, so every later step may follow; a failed download may be tried again.
_INSTALL_ENDS: Final = (
    "InstallVerificationFailed",
    "InstallationFailed",
    "Installed",
)
_INSTALLING: Final = (
    "InstallScheduled",
    "Installing",
    "InstallRebooting",
    *_INSTALL_ENDS,
)
_DOWNLOADED: Final = ("SignatureVerified", "InvalidSignature", *_INSTALLING)
_DOWNLOADING: Final = (
    "DownloadScheduled",
    "Downloading",
    "DownloadPaused",
    "Downloaded",
    "DownloadFailed",
    *_DOWNLOADED,
)
_AFTER_SCHEDULE: Final = tuple(
    word for word in _DOWNLOADING if word != "DownloadScheduled"
)
FIRMWARE_UPDATE: Final = StateTable(
    "firmware update",
    {
        "Requested": ("Accepted", "Refused", "Canceled", *_DOWNLOADING),
        "Refused": (),
        "Canceled": (),
        "Accepted": ("Canceled", *_DOWNLOADING),
        "DownloadScheduled": ("Canceled", *_AFTER_SCHEDULE),
        "Downloading": (
            "Canceled",
            "DownloadPaused",
            "Downloaded",
            "DownloadFailed",
            *_DOWNLOADED,
        ),
        "DownloadPaused": (
            "Canceled",
            "Downloading",
            "Downloaded",
            "DownloadFailed",
            *_DOWNLOADED,
        ),
        "DownloadFailed": ("Downloading", "Downloaded", *_DOWNLOADED),
        "Downloaded": ("Canceled", *_DOWNLOADED),
        "SignatureVerified": ("Canceled", *_INSTALLING),
        "InvalidSignature": (),
        "InstallScheduled": (
            "Canceled",
            "Installing",
            "InstallRebooting",
            *_INSTALL_ENDS,
        ),
        "Installing": ("InstallRebooting", *_INSTALL_ENDS),
        "InstallRebooting": ("Installing", *_INSTALL_ENDS),
        "InstallVerificationFailed": ("InstallationFailed",),
        "InstallationFailed": (),
        "Installed": (),
    },
)
FIRMWARE_UPDATE_OVER: Final = (
    "Refused",
    "Canceled",
    "DownloadFailed",
    "InvalidSignature",
    *_INSTALL_ENDS,
)

_PUBLISHING: Final = (
    "DownloadScheduled",
    "Downloading",
    "DownloadPaused",
    "Downloaded",
    "DownloadFailed",
    "ChecksumVerified",
    "InvalidChecksum",
    "Published",
    "PublishFailed",
)
# 2.0.1 L03, L04; as above every later step may follow.
FIRMWARE_PUBLICATION: Final = StateTable(
    "firmware publication",
    {
        "Accepted": _PUBLISHING,
        "Refused": (),
        "DownloadScheduled": _PUBLISHING[1:],
        "Downloading": _PUBLISHING[2:],
        "DownloadPaused": ("Downloading", *_PUBLISHING[3:]),
        "Downloaded": _PUBLISHING[5:],
        "DownloadFailed": ("Downloading", "Downloaded", *_PUBLISHING[5:]),
        "ChecksumVerified": _PUBLISHING[7:],
        "InvalidChecksum": (),
        "Published": ("Unpublished",),
        "PublishFailed": (),
        "Unpublished": (),
    },
)

_LOG_ENDS: Final = (
    "Uploaded",
    "UploadFailure",
    "BadMessage",
    "NotSupportedOperation",
    "PermissionDenied",
    "Canceled",
)
# 2.0.1 N01, 1.6 GetDiagnostics and whitepaper. A failed upload may be tried again;
# what arrived counts, whatever the station says of it.
LOG_UPLOAD: Final = StateTable(
    "log upload",
    {
        "Requested": ("Accepted", "Refused", "Uploading", *_LOG_ENDS),
        "Accepted": ("Uploading", *_LOG_ENDS),
        "Refused": (),
        "Uploading": _LOG_ENDS,
        "Uploaded": (),
        "UploadFailure": ("Uploading", "Uploaded"),
        "BadMessage": (),
        "NotSupportedOperation": (),
        "PermissionDenied": (),
        "Canceled": (),
    },
)
LOG_UPLOAD_OPEN: Final = ("Requested", "Accepted", "Uploading")

COMMAND_BATCH: Final = StateTable(
    "command batch",
    {"running": ("ended", "cancelled"), "ended": (), "cancelled": ()},
)

# Paused campaigns end too: their last day comes whether somebody looks or not.
CAMPAIGN: Final = StateTable(
    "firmware campaign",
    {
        "running": ("paused", "aborted", "finished"),
        "paused": ("running", "aborted", "finished"),
        "aborted": (),
        "finished": (),
    },
)
# Waiting again: what was ordered never left. A failed station may succeed later, for
# stations try again by themselves.
CAMPAIGN_MEMBER: Final = StateTable(
    "campaign member",
    {
        "waiting": ("ordered", "skipped", "missed", "cancelled"),
        "ordered": ("succeeded", "failed", "waiting", "missed", "cancelled"),
        "failed": ("succeeded",),
        "succeeded": (),
        "skipped": (),
        "missed": (),
        "cancelled": (),
    },
)
