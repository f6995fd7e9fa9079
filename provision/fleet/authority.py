"""The fleet's own certificate authority: what proves who may read a host's measurements.

No browser and no pod ever sees it. It signs two kinds of certificate: a host's, which is shown by
the server block that measurements leave by, and the one that the watching host asks with. Each is
kept in the vault as one text, its private key first.
"""

from __future__ import annotations

import datetime as dt
import re

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# What a host's measurements answer to, whatever its address: no DNS has this name.
METRICS_NAME = "metrics.podfleet.internal"
SCRAPE_NAME = "scrape.podfleet.internal"
# Nobody renews them; `secrets rotate` makes new ones.
LASTS = dt.timedelta(days=3650)
# A host's clock may be a little behind ours.
_EARLIER = dt.timedelta(days=1)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", re.S)


def new_authority() -> str:
    """Key and certificate of a fleet's authority."""
    key = generate_private_key(SECP256R1())
    name = _named("podfleet")
    built = _builder(name, name, key.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    return _bundle(key, built.sign(key, SHA256()))


def issue(authority: str, name: str) -> str:
    """Key and certificate for that name, signed by the authority; fit for either side."""
    ca = _loaded(authority)
    key = generate_private_key(SECP256R1())
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    built = (
        _builder(_named(name), ca.subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    )
    return _bundle(key, built.sign(_private(authority), SHA256()))


def certificate_of(bundle: str) -> str:
    """The public half."""
    return "".join(_CERTIFICATE.findall(bundle))


def key_of(bundle: str) -> str:
    """The private half."""
    return _CERTIFICATE.sub("", bundle)


def is_issued_by(bundle: str, authority: str) -> bool:
    """Whether a certificate is that authority's own work: one made anew has signed nothing yet."""
    try:
        _loaded(bundle).verify_directly_issued_by(_loaded(authority))
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _loaded(bundle: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate_of(bundle).encode())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + LASTS)
    )


def _private(bundle: str) -> EllipticCurvePrivateKey:
    key = load_pem_private_key(key_of(bundle).encode(), None)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise TypeError("the fleet's authority has a key that podfleet does not make")
    return key


def _bundle(key: EllipticCurvePrivateKey, certificate: x509.Certificate) -> str:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private.decode("ascii") + certificate.public_bytes(Encoding.PEM).decode("ascii")
