"""What certbot says, as an operator is told it: the ACME server's own words."""

from __future__ import annotations

import pytest

from provision.operations.certificate import in_the_servers_words

SAID = [
    (
        """Saving debug log to /var/log/letsencrypt/letsencrypt.log
Requesting a certificate for pod.example.org

Certbot failed to authenticate some domains (authenticator: webroot). The Certificate Authority \
reported these problems:
  Domain: pod.example.org
  Type:   dns
  Detail: DNS problem: NXDOMAIN looking up A for pod.example.org

Hint: The Certificate Authority failed to download the temporary challenge files.
Some challenges have failed.
Ask for help or search for solutions at https://community.letsencrypt.org. See the logfile.
""",
        "the certificate authority refused: dns - DNS problem: NXDOMAIN looking up A for "
        "pod.example.org",
    ),
    (
        """Saving debug log to /var/log/letsencrypt/letsencrypt.log
An unexpected error occurred:
Error creating new order :: too many certificates (5) already issued for this exact set
""",
        "no certificate was issued: An unexpected error occurred: Error creating new order :: too "
        "many certificates (5) already issued for this exact set",
    ),
    ("", "no certificate was issued: see /var/log/letsencrypt/letsencrypt.log"),
]


@pytest.mark.parametrize(("said", "told"), SAID)
def test_the_servers_words(said: str, told: str) -> None:
    assert in_the_servers_words(said) == told
