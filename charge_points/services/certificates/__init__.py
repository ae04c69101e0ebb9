"""Charging certificates: issued by the gateway device, claimed by the platform.

Design pages 1.2 to 1.4. Only the hash of a certificate's secret is kept.
"""

from charge_points.services.certificates.claiming import (
    UnableToClaim,
    claim,
    close,
    expire,
    is_waiting,
    release,
)
from charge_points.services.certificates.codes import CODE_CHARS, is_code, uri_of
from charge_points.services.certificates.issuing import (
    IssuedCertificate,
    UnableToIssueCertificate,
    issue,
    revoke,
)
from charge_points.services.certificates.keys import jwks, rotate
from charge_points.services.certificates.showing import show
from charge_points.services.certificates.verifying import (
    CertificateView,
    UnableToVerifyCertificate,
    verify,
)

__all__ = [
    "CODE_CHARS",
    "CertificateView",
    "IssuedCertificate",
    "UnableToClaim",
    "UnableToIssueCertificate",
    "UnableToVerifyCertificate",
    "claim",
    "close",
    "expire",
    "is_code",
    "is_waiting",
    "issue",
    "jwks",
    "release",
    "revoke",
    "rotate",
    "show",
    "uri_of",
    "verify",
]
