"""Certificates of stations: how they are asked for, kept and looked at."""

import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from charge_points.models import Command
from charge_points.services.public_keys import authority

PEM = serialization.Encoding.PEM


def csr(name, key=None, digest=None):
    key = key or ec.generate_private_key(ec.SECP256R1())
    names = [] if name is None else [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return builder.sign(key, None).public_bytes(PEM).decode()
    return builder.sign(key, digest or hashes.SHA256()).public_bytes(PEM).decode()


def sign(station, text):
    return station.call("SignCertificate", {"csr": text})["status"]


def chain_of(command):
    return x509.load_pem_x509_certificates(command.payload["certificateChain"].encode())


def issued(station):
    assert sign(station, csr(station.identity)) == "Accepted"
    return Command.objects.filter(action="CertificateSigned").latest("pk")


def accept(station, command, status="Accepted"):
    return station.answer("CertificateSigned", command.payload, {"status": status})


def leaf_files(tmp_path, station):
    leaf, sub = chain_of(issued(station))
    root = authority.signing(at=station.now).chain[1]
    for name, each in (("leaf", leaf), ("sub", sub), ("root", root)):
        (tmp_path / f"{name}.pem").write_bytes(each.public_bytes(PEM))
    return leaf


def openssl(folder, *arguments):
    done = subprocess.run(
        ["openssl", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr
