"""What OpenSSH's complaints mean, and what to do about each."""

from __future__ import annotations

import re

from provision.errors import Refusal

# ssh's own exit code for "the connection failed"; a remote command may end with it too.
SSH_FAILED = 255

_OFFENDING = re.compile(r"Offending \S+ key in (?P<file>.+):(?P<line>\d+)")

# (what ssh says, what is wrong, what to do); {host}, {to} are the host's name and destination.
_MEANINGS = (
    (r"Permission denied", "refuses to let {to} in",
     "Put your public key into that user's authorized_keys on the host."),
    (r"Connection refused", "refuses connections at {to}",
     "See that the host has booted, and that its SSH server listens on the fleet file's port."),
    (r"Could not resolve hostname", "its address does not resolve ({to})",
     "Mend the address in the fleet file, or the DNS record."),
    (r"timed out|No route to host|Network is unreachable|Host is down|not responding",
     "is unreachable at {to}",
     "See that the host runs, and that its network and your own let port 22 through."),
    (r"Connection (closed|reset)|Broken pipe|kex_exchange_identification|mux_client|"
     r"Shared connection|client_loop|Control socket",
     "the connection to {to} broke", "See whether the host still runs, then run this again."),
    (r"Host key verification failed|No \S+ host key is known", "shows a key that is not pinned",
     "Compare the key with the one on the host's console, then pin it."),
    (r"Bad (configuration|owner)|unable to load|UNPROTECTED PRIVATE KEY|no such identity",
     "the SSH client cannot be used", "Mend your SSH configuration."),
)  # fmt: skip

_PATTERN = re.compile("|".join(words for words, _, _ in _MEANINGS), re.IGNORECASE)


class Unreachable(Refusal):
    """A host that could not be reached, or that was lost meanwhile."""


def is_ssh_failure(words: str) -> bool:
    """Whether these last words are ssh's own: 255 may also be the command's exit code."""
    return bool(_PATTERN.search(words))


def explain(host: str, destination: str, words: str) -> Unreachable:
    """The refusal for what ssh said when it could not talk to a host."""
    changed = _OFFENDING.search(words)
    if "IDENTIFICATION HAS CHANGED" in words and changed:
        where = f"{changed['file']}:{changed['line']}"
        return Unreachable(
            f"host {host}",
            f"shows another key than the one pinned in {where}: someone may be listening in",
            f"If you reinstalled that host, compare the new key on its console, delete line "
            f"{changed['line']} of {changed['file']}, and run this again.",
        )
    for pattern, what, do in _MEANINGS:
        if re.search(pattern, words, re.IGNORECASE):
            said = words.strip().splitlines()[-1]
            return Unreachable(f"host {host}", f"{what.format(to=destination)}: {said}", do)
    return Unreachable(
        f"host {host}",
        f"SSH to {destination} failed: {words.strip() or 'without a word'}",
        "Try the same with ssh by hand.",
    )
