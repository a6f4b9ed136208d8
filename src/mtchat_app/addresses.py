"""Addresses the service itself may call: those an operator means, not those that trick it (SSRF)."""

import re
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

_METADATA: Final = {
    "metadata",
    "metadata.google.internal",
    "100.100.100.200",
    "fd00:ec2::254",
}
"""Where clouds tell a machine its secrets, beside the link-local addresses."""
_NAT64: Final = IPv6Network("64:ff9b::/96")
_NOBODY: Final = IPv4Network("0.0.0.0/8")
"""This network's own addresses: systems connect them to themselves."""


def check(url: str) -> str:
    """Return *url* if it is a plain absolute http or https address that may be called.

    Names are not looked up here: whoever calls checks what they lead to.
    Raises:
        ValueError: a user name, blanks or backslashes in it, an IP address in a form that hides it, or
            one of a metadata service, of this link, of a group or of nobody. The sentence continues
            after the setting's name.
    """
    if not url.isprintable() or re.search(r"[\s\\]", url):
        raise ValueError("must be an address without blanks and backslashes.")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("must be a valid address.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("must begin with https:// or http:// and a host.")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name.")
    if host.rstrip(".") in _METADATA or _is_forbidden(_literal(host.rstrip("."))):
        raise ValueError("must not lead to a metadata service, a link-local, multicast or unspecified address.")
    return url


def may_be_called(address: IPv4Address | IPv6Address, *, deny_private: bool = False) -> bool:
    """Tell whether the service may connect to *address*, which a name has led to.

    Metadata services, link-local, multicast and unspecified addresses never are; with *deny_private*
    only addresses of the public internet may be called.
    """
    plain = _plain(address)
    return not _is_forbidden(plain) and (plain.is_global or not deny_private)


def is_private(url: str) -> bool:
    """Tell whether *url*, which has been checked, names an address off the public internet; a name is none."""
    address = _literal((urlsplit(url).hostname or "").rstrip("."))
    return address is not None and not may_be_called(address, deny_private=True)


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address that *host* is, or None for a name.

    Raises:
        ValueError: an IPv4 address that is not written as four decimal numbers.
    """
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        try:
            socket.inet_aton(host)
        except OSError:
            return None
        raise ValueError("must write an IPv4 address as four decimal numbers.") from None
    return _plain(address)


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_forbidden(address: IPv4Address | IPv6Address | None) -> bool:
    return address is not None and (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or (isinstance(address, IPv4Address) and address in _NOBODY)
        or str(address) in _METADATA
    )
