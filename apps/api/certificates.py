"""Certificates for https, without which browsers give no camera to a page of another machine."""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from facevalue.files import atomic_write

if TYPE_CHECKING:
    from cryptography import x509

DAYS = 365
"""How long a certificate is valid; browsers refuse those of more than 825 days."""


def ip_addresses() -> list[str]:
    """Return the IP addresses of this machine; the last is the best one for other machines.

    >>> ip_addresses()[0]
    '127.0.0.1'
    """
    found = ["127.0.0.1"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # nothing is sent: this only chooses the network card for such an address
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return found
        address = str(probe.getsockname()[0])
    return found if address in found else [*found, address]


def self_signed(folder: Path, addresses: Sequence[str]) -> tuple[Path, Path]:
    """Return a self-signed certificate and its key, which are made unless the folder has them.

    Args:
        folder: where they are kept, so that browsers warn only once.
        addresses: the IP addresses that they are for, besides localhost.
    Returns:
        Two PEM files.
    Raises:
        ModuleNotFoundError: the package cryptography is not installed.
        OSError: they cannot be written.
    """
    try:
        from cryptography import x509
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "--https needs the package cryptography: install it with pip install cryptography, or "
            "give the files of a certificate with --certificate and --key."
        ) from error
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    names = x509.SubjectAlternativeName(
        [
            x509.DNSName("localhost"),
            *(x509.IPAddress(ipaddress.ip_address(address)) for address in addresses),
        ]
    )
    if not _is_valid(certificate, key, names):
        _make(certificate, key, names)
    return certificate, key


def _is_valid(certificate: Path, key: Path, names: x509.SubjectAlternativeName) -> bool:
    """Return whether there are a certificate and its key, valid for these names for another day."""
    from cryptography import x509

    try:
        check(certificate, key)
        old = x509.load_pem_x509_certificate(certificate.read_bytes())
        old_names = old.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (FileNotFoundError, ValueError, x509.ExtensionNotFound):  # missing or damaged
        return False
    tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    return old_names == names and old.not_valid_after_utc > tomorrow


def _make(certificate: Path, key: Path, names: x509.SubjectAlternativeName) -> None:
    """Write a new certificate for these names, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    now = datetime.datetime.now(datetime.UTC)
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Face Value")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(secret, hashes.SHA256())
    )
    private = secret.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with atomic_write(key) as key_part, atomic_write(certificate) as part:
        key_part.unlink(missing_ok=True)
        # from its first moment on, only this user may read the key
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(key_part, flags, 0o600), "wb") as file:
            file.write(private)
        part.write_bytes(made.public_bytes(serialization.Encoding.PEM))


def check(certificate: Path, key: Path) -> None:
    """Check that two files are a certificate with its key.

    Raises:
        FileNotFoundError: one is missing.
        ValueError: they are not.
    """
    for file in (certificate, key):
        if not file.is_file():
            raise FileNotFoundError(
                f"There is no file {file}: give --certificate and --key two PEM files."
            )
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        raise ValueError(
            f"{certificate} and {key} are not a certificate with its key, as PEM files."
        ) from error
