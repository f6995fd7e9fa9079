"""A pod's certificate: asked for once, over HTTP; a refusal is told in the ACME server's words."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from provision.contract import ACME_WEBROOT
from provision.errors import Refusal
from provision.operations.commands import run, succeeds
from provision.operations.locks import reload_lock
from provision.operations.operation import Operation

# A certificate that ends sooner is asked for again.
_LEAST_SECONDS = 7 * 24 * 3600
_LETSENCRYPT_LOG = "/var/log/letsencrypt/letsencrypt.log"


def is_valid(operation: Operation) -> bool:
    """Whether a certificate for the pod's name is there, and lasts."""
    chain = Path(operation.layout.certificate(operation.domain)) / "fullchain.pem"
    if not chain.exists():
        return False
    x509 = ["openssl", "x509", "-noout", "-in", str(chain)]
    if not succeeds([*x509, "-checkend", str(_LEAST_SECONDS)]):
        return False
    # -checkhost always ends with 0: what it says decides.
    return b"does match certificate" in run([*x509, "-checkhost", operation.domain])


def obtain(operation: Operation) -> dict[str, str]:
    """A certificate for the pod's name, by one request at most."""
    if is_valid(operation):
        return {"certificate": "kept"}
    domain = operation.domain
    argv = ["certbot", "certonly", "--non-interactive", "--agree-tos", "--webroot"]
    argv += ["--webroot-path", str(ACME_WEBROOT), "--cert-name", domain, "--domain", domain]
    argv += ["--key-type", "ecdsa", "--keep-until-expiring"]
    try:
        with reload_lock(operation.note):
            run(argv)
    except subprocess.CalledProcessError as error:
        raise Refusal(
            f"certificate of {domain}",
            in_the_servers_words((error.stderr or b"").decode() + (error.stdout or b"").decode()),
            f"See that {domain} resolves to this host and that port 80 is reached from outside, "
            "then run the same command again: one request was made, and none will be repeated "
            "by itself.",
        ) from error
    return {"certificate": "obtained"}


def in_the_servers_words(said: str) -> str:
    """What certbot says that the server said: Type and Detail of each domain, or its last lines."""
    problems = re.findall(r"^\s*(?:Type|Detail):\s*(.+)$", said, re.MULTILINE)
    if problems:
        return "the certificate authority refused: " + " - ".join(problems)
    lines = [line for line in said.splitlines() if line.strip() and "Saving debug" not in line]
    kept = [line for line in lines if "certbot -h" not in line and "Ask for help" not in line]
    return "no certificate was issued: " + " ".join(kept[-4:] or [f"see {_LETSENCRYPT_LOG}"])
