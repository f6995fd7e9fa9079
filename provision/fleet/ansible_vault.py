"""The Ansible vault's file format (1.1 and 1.2, AES256), read and written without Ansible.

`ansible-vault view` reads what this writes and the other way round. Importing Ansible for it would
cost every verb half a second.
"""

from __future__ import annotations

import os
import textwrap
from binascii import hexlify, unhexlify

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

HEADER = b"$ANSIBLE_VAULT;1.1;AES256"
KNOWN_HEADERS = (b"$ANSIBLE_VAULT;1.1;AES256", b"$ANSIBLE_VAULT;1.2;AES256;")
BLOCK_BITS = algorithms.AES.block_size


class NoVault(ValueError):
    """The text is not in the format."""


class WrongPassword(ValueError):
    """The password does not open the vault, or the vault was altered."""


def seal(plain: bytes, password: bytes) -> bytes:
    """The vault file's content."""
    salt = os.urandom(32)
    cipher_key, mac_key, counter = _keys(password, salt)
    padder = padding.PKCS7(BLOCK_BITS).padder()
    padded = padder.update(plain) + padder.finalize()
    encryptor = Cipher(algorithms.AES(cipher_key), modes.CTR(counter)).encryptor()
    sealed = encryptor.update(padded) + encryptor.finalize()
    parts = (salt, _mac(mac_key, sealed).finalize(), sealed)
    body = hexlify(b"\n".join(map(hexlify, parts))).decode("ascii")
    return HEADER + b"\n" + "\n".join(textwrap.wrap(body, 80)).encode("ascii") + b"\n"


def unseal(vault: bytes, password: bytes) -> bytes:
    """What the vault holds; raises NoVault or WrongPassword."""
    salt, mac, sealed = _parts(vault)
    cipher_key, mac_key, counter = _keys(password, salt)
    try:
        _mac(mac_key, sealed).verify(mac)
    except InvalidSignature as error:
        raise WrongPassword from error
    decryptor = Cipher(algorithms.AES(cipher_key), modes.CTR(counter)).decryptor()
    unpadder = padding.PKCS7(BLOCK_BITS).unpadder()
    padded = decryptor.update(sealed) + decryptor.finalize()
    return unpadder.update(padded) + unpadder.finalize()


def _parts(vault: bytes) -> tuple[bytes, bytes, bytes]:
    header, _, body = vault.strip().partition(b"\n")
    if not header.strip().startswith(KNOWN_HEADERS):
        raise NoVault("no known header")
    try:
        salt, mac, sealed = map(unhexlify, unhexlify(b"".join(body.split())).split(b"\n"))
    except ValueError as error:
        raise NoVault("damaged") from error
    return salt, mac, sealed


def _keys(password: bytes, salt: bytes) -> tuple[bytes, bytes, bytes]:
    derived = PBKDF2HMAC(hashes.SHA256(), length=80, salt=salt, iterations=10_000).derive(password)
    return derived[:32], derived[32:64], derived[64:]


def _mac(key: bytes, sealed: bytes) -> HMAC:
    mac = HMAC(key, hashes.SHA256())
    mac.update(sealed)
    return mac
