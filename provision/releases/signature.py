"""The fleet's signature: ssh-keygen -Y signs a manifest, hosts know the key's public half.

The private key is on disk only while a signature is made, in a private directory.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provision.errors import Refusal
from provision.fleet.keys import public_half
from provision.fleet.secrets import Vault
from provision.releases.verify import NAMESPACE, SIGNER

SIGNING_KEY = "fleet.signing_key"


def sign(content: bytes, vault: Vault) -> bytes:
    """The fleet's armoured signature of these bytes."""
    with _key_file(vault.need(SIGNING_KEY)) as key:
        argv = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", NAMESPACE]
        done = subprocess.run(argv, input=content, capture_output=True, check=False)
    if done.returncode != 0:
        raise _unusable(done.stderr)
    return done.stdout


def allowed_signers(vault: Vault) -> str:
    """What a host keeps at contract.TRUSTED_SIGNERS: nothing, while the fleet has no key yet."""
    private_key = vault.get(SIGNING_KEY)
    if private_key is None:
        return ""
    return f'{SIGNER} namespaces="{NAMESPACE}" {public_half(private_key)}\n'


@contextmanager
def _key_file(private_key: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="podfleet-sign-") as directory:
        key = Path(directory) / "key"
        descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            # OpenSSH reads no key whose last line is not ended.
            file.write(private_key.rstrip("\n") + "\n")
        yield key


def _unusable(stderr: bytes) -> Refusal:
    # ssh-keygen's words name the key's file, never what is in it.
    return Refusal(
        SIGNING_KEY,
        f"the fleet's signing key cannot be used: {stderr.decode(errors='replace').strip()}",
        "Make a new one with `podfleet secrets rotate fleet.signing_key`.",
    )
