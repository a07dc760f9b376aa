"""Makes an authority and a certificate for each name: `python certificates.py FOLDER NAME…`.

They are for development: whoever may read the folder has the keys. What is there and good for a
week more is left.
"""

import ipaddress
import os
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAYS = 90


def builder(subject: str, issuer: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    """Begins a certificate."""
    now = datetime.now(timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=DAYS))
    )


def write(path: Path, content: bytes, mode: int) -> None:
    """Writes a file that has its mode from the beginning."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)


def main(folder: Path, names: list[str]) -> None:
    """Makes what is missing or about to end, all of it at once."""
    if (folder / "ca.crt").exists() and all((folder / f"{name}.key").exists() for name in names):
        ends = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes()).not_valid_after_utc
        if ends - datetime.now(timezone.utc) > timedelta(days=7):
            return
    title = "desk, for development"
    authority = ec.generate_private_key(ec.SECP256R1())
    public = authority.public_key()
    own = x509.SubjectKeyIdentifier.from_public_key(public)
    certificate = (
        builder(title, title, public)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(False, False, False, False, False, True, False, False, False), True
        )
        .add_extension(own, critical=False)
        .sign(authority, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    for name in names:
        key = ec.generate_private_key(ec.SECP256R1())
        known_as = [x509.DNSName(name), x509.DNSName("localhost")]
        here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        leaf = (
            builder(name, title, key.public_key())
            .add_extension(x509.SubjectAlternativeName([*known_as, here]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own), False
            )
            .sign(authority, hashes.SHA256())
        )
        plain = serialization.NoEncryption()
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
        write(folder / f"{name}.crt", leaf.public_bytes(pem), 0o644)
        write(folder / f"{name}.key", private, 0o640)
    write(folder / "ca.crt", certificate.public_bytes(pem), 0o644)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
