"""What a pod's diaspora* settings can have wrong together, each right by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from provision.fleet.diaspora_toml import flatten
from provision.fleet.model import Host, Pod

Refuse = Callable[[tuple[str, ...], str, str], None]
Values = Mapping[str, Any]

# diaspora*'s own list (settings.username_blacklist): nobody can register one of these.
RESERVED_NAMES = (
    "admin", "administrator", "hostmaster", "info", "postmaster", "root", "ssladmin",
    "ssladministrator", "sslwebmaster", "sysadmin", "webmaster", "support", "contact",
)  # fmt: skip
LOOPBACK = ("localhost", "127.0.0.1", "::1")
CAPTCHA_LENGTH_MOST = 12


def check_together(pod: Pod, host: Host | None, refuse: Refuse) -> None:
    """Tells `refuse` each setting that is missing or wrong because of another one."""
    values = {".".join(path): value for path, value in flatten(pod.diaspora)}
    _mail(pod.name, values, host, refuse)
    _donations(values, refuse)
    _image_hosts(values, refuse)
    _captcha(values, refuse)


def _mail(pod: str, values: Values, host: Host | None, refuse: Refuse) -> None:
    if not values.get("mail.enable") or values.get("mail.method", "smtp") != "smtp":
        return
    relay = values.get("mail.smtp.host")
    if not relay:
        do = f'Add it, as host = "smtp.example.org" in [pods.{pod}.diaspora.mail.smtp].'
        refuse(("mail", "smtp", "host"), "is missing while mail is enabled", do)
    elif relay in LOOPBACK and not _reaches_loopback(host):
        do = "Name a mail relay, or list 127.0.0.0/8 in the host's reachable_networks."
        refuse(("mail", "smtp", "host"), "a pod may not reach its host's loopback", do)
    needs_name = values.get("mail.smtp.authentication", "plain") != "none"
    if needs_name and not values.get("mail.smtp.username"):
        do = 'Add it, or write authentication = "none".'
        refuse(("mail", "smtp", "username"), "is missing while the relay asks who sends", do)


def _reaches_loopback(host: Host | None) -> bool:
    return host is not None and any(net.is_loopback for net in host.reachable_networks)


def _donations(values: Values, refuse: Refuse) -> None:
    table = "settings.paypal_donations"
    buttons = ("paypal_hosted_button_id", "paypal_unhosted_button_encrypted")
    stated = [button for button in buttons if values.get(f"{table}.{button}")]
    if values.get(f"{table}.enable") and len(stated) != 1:
        what = "PayPal needs one button" if not stated else "PayPal can have one button only"
        do = f"Write either {buttons[0]} or {buttons[1]}."
        refuse(("settings", "paypal_donations", "enable"), what, do)


def _image_hosts(values: Values, refuse: Refuse) -> None:
    for key in ("key", "bucket", "region"):
        if values.get("environment.s3.enable") and not values.get(f"environment.s3.{key}"):
            refuse(("environment", "s3", key), "is missing while S3 is enabled", "Add it.")
    proxies = [key for key in values if key.startswith("privacy.camo.proxy_") and values[key]]
    if proxies and not values.get("privacy.camo.root"):
        do = 'Add it, as root = "https://camo.example.org/".'
        refuse(("privacy", "camo", "root"), "is missing while Camo proxies images", do)


def _captcha(values: Values, refuse: Refuse) -> None:
    length = values.get("settings.captcha.captcha_length")
    if isinstance(length, int) and not 1 <= length <= CAPTCHA_LENGTH_MOST:
        what = f"{length} letters will not do"
        path = ("settings", "captcha", "captcha_length")
        refuse(path, what, f"Write 1 to {CAPTCHA_LENGTH_MOST}.")


def reserved_name(pod: Pod) -> tuple[str, str] | None:
    """What is wrong with the administrator's name, where diaspora* refuses it to everybody."""
    values = {".".join(path): value for path, value in flatten(pod.diaspora)}
    reserved = values.get("settings.username_blacklist", RESERVED_NAMES)
    if not isinstance(reserved, list | tuple) or pod.admin.username not in reserved:
        return None
    return f"diaspora* lets nobody be called {pod.admin.username!r}", "Choose another name."
