"""A V2G test PKI (ISO 15118-2, annex F): roots, sub-CAs, contracts, OCSP."""

from simulators.v2g.contracts import Contract
from simulators.v2g.pki import CertificateAuthority, TestPki
from simulators.v2g.responder import OcspResponder

__all__ = ["CertificateAuthority", "Contract", "OcspResponder", "TestPki"]
