"""Every pod as the world sees it: certificate, NodeInfo, pages, and a user's photo."""

from __future__ import annotations

import asyncio

from monitoring.prober.limits import OWN_POD
from monitoring.prober.nodeinfo import probe_nodeinfo
from monitoring.prober.pages import probe_asset, probe_page
from monitoring.prober.tls import probe_tls
from monitoring.reasons import words
from provision.verify.collecting import Saw
from provision.verify.photo import upload_and_remove
from provision.verify.subjects import PodSubject

# Renewal is tried from 30 days before the end on: below this, it has failed for weeks.
LEAST_DAYS = 7
PROTOCOLS = ("TLSv1.2", "TLSv1.3")
# Signed out, and out of the database.
PAGE = "/public"


def test_tls(pod: PodSubject, saw: Saw) -> None:
    tls = asyncio.run(probe_tls(**pod.reach()))
    assert tls.is_well, f"{words(tls.reason)} ({tls.detail})"
    saw(f"{tls.protocol}, chain from {tls.issuer} verified for {', '.join(tls.names)}")
    saw(f"{tls.days_left} days left")
    assert tls.protocol in PROTOCOLS, f"{tls.protocol} is too old"
    assert tls.days_left is not None and tls.days_left >= LEAST_DAYS, f"{tls.days_left} days left"


def test_nodeinfo(pod: PodSubject, saw: Saw) -> None:
    found = asyncio.run(probe_nodeinfo(**pod.reach(), limits=OWN_POD))
    assert found.is_well, f"{words(found.reason)} ({found.detail})"
    saw(f"{found.software} {found.version}, NodeInfo {found.nodeinfo}")
    assert found.strictly_valid, "other pods can read it, but it breaks NodeInfo's rules"


def test_page(pod: PodSubject, saw: Saw) -> None:
    page = asyncio.run(probe_page(**pod.reach(), path=PAGE))
    assert page.is_well, f"{PAGE}: {words(page.reason)} ({page.detail})"
    saw(f"{page.path} {page.status}, {page.bytes} bytes in {page.seconds['page']:.3f} s")


def test_asset(pod: PodSubject, saw: Saw) -> None:
    asset = asyncio.run(probe_asset(**pod.reach(), path=PAGE))
    assert asset.is_well, f"{asset.path}: {words(asset.reason)} ({asset.detail})"
    saw(f"{asset.path} {asset.bytes} bytes, {asset.content_type}")


def test_photo_upload(pod: PodSubject, saw: Saw) -> None:
    photo = asyncio.run(upload_and_remove(pod.flyer))
    saw(f"{photo.path} {photo.content_type}, {photo.bytes} bytes; removed again")
