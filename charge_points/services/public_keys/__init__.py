"""Public keys of stations: signing, installing, revoking, telling who asks."""

from charge_points.services.public_keys.csr import UnableToSign
from charge_points.services.public_keys.installed import (
    CertificateHash,
    Reported,
    record_deleted,
    record_installed,
    record_list,
)
from charge_points.services.public_keys.revoking import (
    UnableToRevoke,
    crl,
    ocsp_answer,
    revoke,
    revoked_serials,
)
from charge_points.services.public_keys.signing import (
    note_refused,
    record_signed,
    renew_due,
    request_signature,
)

__all__ = [
    "CertificateHash",
    "Reported",
    "UnableToRevoke",
    "UnableToSign",
    "crl",
    "note_refused",
    "ocsp_answer",
    "record_deleted",
    "record_installed",
    "record_list",
    "record_signed",
    "renew_due",
    "request_signature",
    "revoke",
    "revoked_serials",
]
