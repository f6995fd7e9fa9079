"""When the certificate ends that the host's nginx shows for a pod.

certbot's files are root's alone, and what is on the disk is not what nginx has loaded: so the
monitor shakes hands, on loopback. Whether anybody trusts it is not asked here.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass

from monitoring.metrics import CERTIFICATE_EXPIRY
from monitoring.pod.not_after import NoCertificate, not_after
from monitoring.pod.places import PodPlace
from monitoring.pod.reading import Collect, Reading, Unread

PORT = 443
TIMEOUT_SECONDS = 5.0
# nginx of a host that is reached by IPv6 alone listens there all the same.
ADDRESSES = ("127.0.0.1", "::1")


@dataclass(frozen=True)
class Certificate:
    """Where to ask; another place is for tests."""

    addresses: tuple[str, ...] = ADDRESSES
    port: int = PORT

    def collect(self, place: PodPlace) -> Reading:
        try:
            shown = self._shown(place.domain)
            return Reading([(CERTIFICATE_EXPIRY, (place.name,), not_after(shown))])
        except (OSError, ValueError) as error:
            # ssl's own errors are OSErrors.
            raise Unread(f"nginx shows no certificate: {type(error).__name__}") from None
        except NoCertificate:
            raise Unread("what nginx shows is no certificate") from None

    def _shown(self, domain: str) -> bytes:
        last: OSError = ConnectionError()
        for address in self.addresses:
            try:
                return _shake_hands(address, self.port, domain)
            except OSError as error:
                last = error
        raise last


def _shake_hands(address: str, port: int, domain: str) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((address, port), timeout=TIMEOUT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=domain) as secured,
    ):
        return secured.getpeercert(binary_form=True) or b""


def begin() -> Collect:
    return Certificate().collect
