"""A peer of other software: snac, as Debian ships it, on host one under the host's own name.

The prober of host two meets it as it meets any peer: by a row in the table of gamma's pods.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

import pytest

from provision.contract import ACME_WEBROOT
from tests.lab.monitoring.dropping import Dropping
from tests.lab.monitoring.shown import observed
from tests.lab.monitoring.watching import Watching, wait_until

NAME = "one.lab.test"
SITE = "/etc/nginx/sites-enabled/snac.conf"
# The pod's table is read every half minute, its peers are probed once a minute.
SOON = 180
NGINX = f"""
server {{
    listen 443 ssl;
    listen [::]:443 ssl;
    server_name {NAME};
    ssl_certificate /etc/letsencrypt/live/{NAME}/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/{NAME}/privkey.pem;
    location / {{
        proxy_pass http://127.0.0.1:8001;
        proxy_set_header Host $host;
    }}
}}
"""
INSTALL = f"""
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get -q update >/dev/null
apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends snac2 >/dev/null
sed -i 's/"host": "localhost"/"host": "{NAME}"/' /var/lib/snac2/server.json
systemctl restart snac2
certbot certonly --non-interactive --agree-tos --webroot --webroot-path {ACME_WEBROOT} \\
    --cert-name {NAME} --domain {NAME} >/dev/null
echo {shlex.quote(NGINX)} >{SITE}
systemctl reload nginx
"""
REMOVE = f"""
rm -f {SITE}
systemctl reload nginx
certbot delete --non-interactive --cert-name {NAME} >/dev/null
apt-get -q -y purge snac2 >/dev/null
"""


def sql(watching: Watching, text: str) -> str:
    """In the database of gamma, as its owner would."""
    record = json.loads(watching.shell("two", "cat /var/lib/podfleet-facts/gamma.json"))
    argv = ["runuser", "-u", "postgres", "--", "psql", "-XAtq", "-d", record["database"]]
    return watching.shell("two", f"cd /; {shlex.join([*argv, '-c', text])}")


@pytest.fixture(scope="module")
def snac(watching: Watching, dropping: Dropping) -> Iterator[Watching]:
    """Meanwhile another pod drops what it receives: its alert takes minutes."""
    watching.shell("one", INSTALL)
    columns = "host, ssl, created_at, updated_at"
    sql(watching, f"INSERT INTO pods ({columns}) VALUES ('{NAME}', true, now(), now())")
    yield watching
    sql(watching, f"DELETE FROM pods WHERE host = '{NAME}'")
    watching.shell("one", REMOVE)


def test_it_is_probed_over_tls_and_understood(snac: Watching) -> None:
    probed = f'podfleet_probe_success{{host="two",peer="{NAME}"}} == 1'
    assert wait_until(lambda: snac.query(probed), SOON), snac.query("podfleet_probe_reason")
    ends = f'podfleet_probe_certificate_expiry_timestamp_seconds{{host="two",peer="{NAME}"}}'
    assert snac.query(f"{ends} > time()")
    assert snac.query(f'podfleet_probe_nodeinfo_valid{{host="two",peer="{NAME}"}} == 1')


def test_its_software_is_counted(snac: Watching) -> None:
    found = {labels["software"]: value for labels, value in
             snac.query('podfleet_probe_software{host="two"}')}  # fmt: skip
    assert found == {"diaspora": 2, "snac": 1}


def test_the_page_of_peers_shows_it(snac: Watching) -> None:
    with observed(snac.fleet) as dashboard:
        row = dashboard.get("/peers").row(NAME)
    assert row
    assert "bad" not in {cell.tone for cell in row}, row
