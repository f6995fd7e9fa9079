"""From Debian alone to a platform, through a mirror that is down and a power cut."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from provision.errors import Refusal
from provision.lab.lab import Lab, LabHost
from tests.lab.platform.platform_host import platform_host, wait_until


@pytest.mark.slow
def test_bare_debian_becomes_a_platform(make_lab: object, tmp_path: Path) -> None:
    host = LabHost("bare", 1 << 30, image="debian")
    lab: Lab = make_lab("bare", host)  # type: ignore[operator]
    bare = platform_host(lab, "bare", tmp_path)
    assert bare.code("test", "-e", "/usr/sbin/nginx") == 1

    lab.set_mirror("down")
    with pytest.raises(Refusal) as refused:
        bare.converge()
    # What failed, in apt's words; what to run next; and the host is as it was.
    assert refused.value.where == "host bare, role base"
    assert "Failed to fetch http://deb.debian.org/debian" in str(refused.value)
    assert "podfleet up" in str(refused.value)
    assert bare.code("test", "-e", "/usr/sbin/nginx") == 1

    lab.set_mirror("online")
    with ThreadPoolExecutor() as thread:
        run = thread.submit(bare.converge)
        wait_until(lambda: bare.code("test", "-e", "/usr/sbin/nginx") == 0, 300)
        lab.kill("bare")
        with pytest.raises(Refusal, match="then run podfleet up"):
            run.result()

    lab.boot("bare")
    assert {"base: Notes of dpkg", "base: Packages"} <= set(bare.changes())
    assert bare.changes() == []
    # dpkg does not sync what it puts below /etc: nothing of it is left empty.
    assert bare.shell("find /etc/nginx /etc/ImageMagick-7 /etc/redis -type f -empty") == ""
    for unit in ("nginx.service", "nftables.service", "postgresql@17-main.service"):
        assert bare.code("systemctl", "is-active", "--quiet", unit) == 0
