"""Takes an existing pod's identity over: its keys and secret settings into the vault, the rest of
its settings into the fleet file. A pod without its keys logs everybody out.

It replaces nothing of a pod that is launched already.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from provision.errors import Refusal
from provision.fleet.adopting import Adopted, adopt_settings
from provision.fleet.keys import read_secret_token_rb
from provision.fleet.launched import launched_domains
from provision.fleet.model import Fleet, Pod
from provision.fleet.secrets import Vault
from provision.fleet.toml_edit import add_settings


@dataclass(frozen=True)
class OldPod:
    """The files of a pod that say who it is; whatever is not given is made anew."""

    # config/diaspora.yml or config/diaspora.toml
    configuration: Path | None = None
    # config/initializers/secret_token.rb
    secret_token: Path | None = None
    # config/oidc_key.pem
    oidc_key: Path | None = None


def take_over(fleet: Fleet, pod: Pod, old: OldPod, vault: Vault) -> Adopted:
    """Makes the pod of the fleet file the old one; returns what came along and what was left.

    Nothing is written unless all of it can be.
    """
    adopted = adopt_settings(old.configuration, pod.release) if old.configuration else Adopted()
    _refuse_another_domain(fleet, pod, old, adopted)
    prefix = f"pods.{pod.name}"
    kept = {f"{prefix}.settings.{path}": value for path, value in adopted.secrets.items()}
    if old.secret_token:
        kept[f"{prefix}.secret_key_base"] = _secret_key_base(old.secret_token)
    if old.oidc_key:
        kept[f"{prefix}.oidc_key"] = _oidc_key(old.oidc_key)
    _refuse_other_keys(fleet, pod, kept, vault)
    vault.update(kept)
    if adopted.tables:
        add_settings(fleet.file, pod.name, adopted.tables)
    return adopted


def _refuse_another_domain(fleet: Fleet, pod: Pod, old: OldPod, adopted: Adopted) -> None:
    if adopted.domain in (None, pod.domain):
        return
    what = f"the old pod is {adopted.domain} (says {old.configuration}), and keeps its name"
    do = f'Write domain = "{adopted.domain}".'
    raise Refusal(f"{fleet.file}: pods.{pod.name}.domain", what, do)


def _refuse_other_keys(fleet: Fleet, pod: Pod, keys: dict[str, str], vault: Vault) -> None:
    """Keys that a failed launch left in the vault may go; those of a living pod may not."""
    if pod.name not in launched_domains(fleet.keeps):
        return
    for path, value in keys.items():
        if vault.get(path) not in (None, value):
            what = f"pod {pod.name!r} is launched, and its {path} is another"
            do = "Take an export of that very pod, or give this one another name."
            raise Refusal(str(vault.path), what, do)


def _secret_key_base(file: Path) -> str:
    if value := read_secret_token_rb(_text(file)):
        return value
    raise Refusal(str(file), "has no secret_key_base", "Give the pod's own secret_token.rb.")


def _oidc_key(file: Path) -> str:
    text = _text(file)
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, RSAPrivateKey):
        return text
    raise Refusal(str(file), "is no RSA key in PEM", "Give the pod's own oidc_key.pem.") from None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(str(file), f"cannot be read: {error}", "Mend the path.") from error
