"""Web server, certificates, pictures and signing in: what a pod finds ready on its host."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Iterator

import pytest

from provision.converge.way_in import keep_the_way_in
from provision.errors import Refusal
from tests.lab.platform.conftest import DOMAIN
from tests.lab.platform.platform_host import PlatformHost, wait_until

WEBROOT = "/var/lib/podfleet-acme"
LIVE = f"/etc/letsencrypt/live/{DOMAIN}"
VHOST = f"""
server {{
    listen 443 ssl;
    listen [::]:443 ssl;
    http2 on;
    server_name {DOMAIN};
    ssl_certificate {LIVE}/fullchain.pem;
    ssl_certificate_key {LIVE}/privkey.pem;
    location / {{ try_files $uri @served; }}
    location @served {{ default_type text/plain; return 200 "served\\n"; }}
}}
"""
ISSUE = ["certbot", "certonly", "--non-interactive", "--cert-name"]


@pytest.fixture(scope="module")
def vhost(platform: PlatformHost) -> Iterator[PlatformHost]:
    """The host with a certificate, and a server block that uses it."""
    platform.connection.run([*ISSUE, DOMAIN, "--domain", DOMAIN])
    platform.shell('printf %s "$1" >/etc/nginx/sites-enabled/pod-alpha.conf', VHOST)
    platform.shell("nginx -t -q && systemctl reload nginx")
    # nginx reloads in its own time.
    platform.shell(f"until curl -so /dev/null https://{DOMAIN}/; do sleep 0.1; done")
    yield platform
    platform.shell("rm /etc/nginx/sites-enabled/pod-alpha.conf && systemctl reload nginx")


def handshake(platform: PlatformHost, name: str, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection((platform.connection.endpoint.address, 443), timeout=5)
    return context.wrap_socket(plain, server_hostname=name)


def verifying(platform: PlatformHost) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(platform.lab.authorities))


def curl(platform: PlatformHost, url: str, *more: str) -> subprocess.CompletedProcess[str]:
    """A client outside the host that resolves the name to it."""
    address = platform.connection.endpoint.address
    argv = ["curl", "--silent", "--connect-to", f"::{address}:", "--max-time", "10", *more, url]
    argv += ["--cacert", str(platform.lab.authorities)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_unknown_name_gets_no_page(platform: PlatformHost) -> None:
    done = curl(platform, "http://unknown.lab.test/")
    assert (done.returncode, done.stdout) == (56, "")


def test_unknown_name_gets_no_certificate(platform: PlatformHost) -> None:
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        handshake(platform, "unknown.lab.test", verifying(platform))


def test_proof_for_the_acme_server_is_served_for_any_name(platform: PlatformHost) -> None:
    directory = f"{WEBROOT}/.well-known/acme-challenge"
    platform.shell(f"mkdir -p {directory} && echo proof >{directory}/token")
    url = "http://new.lab.test/.well-known/acme-challenge/token"
    assert curl(platform, url).stdout == "proof\n"
    platform.shell(f"rm {directory}/token")


def test_chain_is_verified_and_http2_spoken(vhost: PlatformHost) -> None:
    done = curl(vhost, f"https://{DOMAIN}/", "--write-out", "%{http_version}")
    assert done.stdout == "served\n2"


@pytest.mark.parametrize(
    ("version", "is_spoken"),
    [
        (ssl.TLSVersion.TLSv1_1, False),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_3, True),
    ],
)
def test_versions_of_tls(vhost: PlatformHost, version: ssl.TLSVersion, is_spoken: bool) -> None:
    # openssl's own client, because Python's would not speak the old version in the first place.
    option = {"TLSv1_1": "-tls1_1", "TLSv1_2": "-tls1_2", "TLSv1_3": "-tls1_3"}[version.name]
    address = f"{vhost.connection.endpoint.address}:443"
    argv = ["openssl", "s_client", "-connect", address, "-servername", DOMAIN, option]
    argv += ["-cipher", "ALL:@SECLEVEL=0"] if version is ssl.TLSVersion.TLSv1_1 else []
    done = subprocess.run(argv, input=b"", capture_output=True, check=False)
    assert (done.returncode == 0) is is_spoken


def test_crawlers_are_slowed_and_nobody_else(vhost: PlatformHost) -> None:
    url = f"https://{DOMAIN}/[1-40]"
    code = ("--output", "/dev/null", "--write-out", "%{http_code}\\n", "--parallel")
    crawler = curl(vhost, url, *code, "--user-agent", "Mozilla/5.0 (compatible; GPTBot/1.2)")
    browser = curl(vhost, url, *code, "--user-agent", "Mozilla/5.0 Firefox/140.0")
    assert "429" in crawler.stdout.split()
    assert set(browser.stdout.split()) == {"200"}


def test_renewed_certificate_is_served(vhost: PlatformHost) -> None:
    """By the very unit that certbot's timer starts, and by its deploy hook."""

    def serial() -> str:
        with handshake(vhost, DOMAIN, verifying(vhost)) as connection:
            found = connection.getpeercert()
        assert found
        return str(found["serialNumber"])

    before = serial()
    renewal = f"/etc/letsencrypt/renewal/{DOMAIN}.conf"
    # A pebble certificate lasts five years: any is due when this many days are left.
    vhost.shell(f"sed -i '1i renew_before_expiry = 3650 days' {renewal}")
    vhost.shell("systemctl start certbot.service")
    # nginx takes a new certificate by a reload, which nobody can wait for.
    wait_until(lambda: serial() != before)


def test_refusal_is_in_the_acme_servers_words(platform: PlatformHost) -> None:
    done = platform.connection.run(
        [*ISSUE, "nowhere.lab.test", "--domain", "nowhere.lab.test"], check=False
    )
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 1
    assert "Detail:" in said
    assert "nowhere.lab.test" in said


def test_password_does_not_let_anybody_in(platform: PlatformHost) -> None:
    argv = ["ssh", "-o", "ControlPath=none", "-o", "PreferredAuthentications=password"]
    argv += [*platform.connection.ssh_common_args(), platform.connection.endpoint.destination]
    done = subprocess.run([*argv, "true"], capture_output=True, text=True, check=False)
    assert "Permission denied (publickey)" in done.stderr


def test_nobody_is_locked_out(platform: PlatformHost) -> None:
    """Settings that no new session survives are taken back over the session that is open."""
    by_hand = "/etc/ssh/sshd_config.d/00-aaa.conf"
    platform.shell(f"echo DenyUsers root >{by_hand} && systemctl restart ssh")
    with pytest.raises(Refusal, match="no new session was possible"):
        keep_the_way_in(platform.connection)
    assert platform.code("test", "-e", "/etc/ssh/sshd_config.d/00-podfleet.conf") == 1
    platform.shell(f"rm {by_hand} && systemctl restart ssh")
    assert "ssh: Restart the SSH server" in platform.changes()


def test_captcha_and_photos_are_converted(platform: PlatformHost) -> None:
    """As diaspora*'s captcha and its photo uploads call ImageMagick."""
    captcha = "convert -size 120x28 -background '#efefef' -fill darkblue -wave 5x60"
    captcha += " -gravity Center -pointsize 22 -implode 0.2 label:abcde jpeg:/tmp/captcha.jpg"
    platform.shell(captcha)
    platform.shell("convert /tmp/captcha.jpg -auto-orient -strip -resize 50x50 /tmp/photo.webp")
    assert "WEBP" in platform.shell("identify /tmp/photo.webp")


@pytest.mark.parametrize("source", ["/tmp/page.ps", "/tmp/drawing.mvg", "/tmp/picture.svg"])
def test_formats_that_run_or_read_are_refused(platform: PlatformHost, source: str) -> None:
    platform.shell(f"echo 'push graphic-context' >{source}")
    said = platform.shell(f"convert {source} /tmp/out.png", check=False)
    assert "not allowed by the security policy" in said or "no decode delegate" in said
