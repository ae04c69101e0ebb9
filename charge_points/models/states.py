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
