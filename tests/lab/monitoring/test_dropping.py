"""A pod that takes what is sent to it and drops it: it looks well, and its alert arrives."""

from __future__ import annotations

from tests.lab.monitoring.dropping import POD, Dropping
from tests.lab.monitoring.outage import Clock, is_well, page_until, told_since
from tests.lab.monitoring.watching import Watching


def test_the_alert_arrives(dropping: Dropping) -> None:
    alert = dropping.clock.until(
        "the alert at its receiver",
        lambda: told_since(dropping.watching, dropping.seen, "PodDropsPosts", "firing", pod=POD),
        480,
    )
    assert alert["labels"]["severity"] == "page"
    assert alert["annotations"]["runbook_url"].endswith("#poddropsposts")


def test_the_page_says_who_does_not_reach_it(dropping: Dropping) -> None:
    sentence = dropping.dashboard.get().says(f"alpha and gamma do not reach {POD}")
    assert "the post did not arrive in time" in sentence


def test_all_else_about_it_looks_well(dropping: Dropping) -> None:
    watching = dropping.watching
    for metric in ("outside_success", "outside_nodeinfo_valid", "outside_receive_ok"):
        assert watching.query(f'podfleet_{metric}{{pod="{POD}"}}')[0][1] == 1
    for path in ("/", "/nodeinfo/1.0", "/.well-known/nodeinfo"):
        assert status(watching, path) == "200"
    # Other tests meanwhile take from gamma what it needs: that one may have been down.
    assert told_since(watching, dropping.seen, "PodDown", "firing", pod=POD) is None


def status(watching: Watching, path: str) -> str:
    url = f"https://{POD}.lab.test{path}"
    return watching.shell("two", f"curl --silent --output /dev/null -w '%{{http_code}}' {url}")


def test_all_clears_once_it_is_mended(dropping: Dropping) -> None:
    dropping.mend()
    mended = Clock()
    page_until(mended, dropping.dashboard, "all well on the page", is_well, 240)
    mended.until(
        "the alert's end at its receiver",
        lambda: told_since(dropping.watching, dropping.seen, "PodDropsPosts", "resolved", pod=POD),
        300,
    )
