"""An authority for TLS made for a test, and a server's certificate from it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def make_certificates(folder: Path, addresses: Iterable[str]) -> None:
    """Write ``ca.pem``, ``other-ca.pem``, and ``server.pem`` with ``server.key`` for IP *addresses* into *folder*."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    for name, key in (("ca", authority_key), ("other-ca", ec.generate_private_key(ec.SECP256R1()))):
        (folder / f"{name}.pem").write_bytes(_certificate(key, key, ()))
    server_key = ec.generate_private_key(ec.SECP256R1())
    (folder / "server.pem").write_bytes(_certificate(server_key, authority_key, addresses))
    plain = serialization.NoEncryption()
    text = server_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "server.key").write_bytes(text)
    (folder / "server.key").chmod(0o600)


def _certificate(key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, addresses: Iterable[str]) -> bytes:
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Warmtrail test")])
    names = [x509.IPAddress(ip_address(one)) for one in addresses]
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server")]) if names else issuer
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
    made = made.not_valid_after(now + timedelta(days=1))
    made = made.add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
    if names:
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return made.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
