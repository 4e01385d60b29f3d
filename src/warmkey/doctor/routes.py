"""Say why an endpoint could not be reached, from what botocore raised and from where the name leads."""

from __future__ import annotations

import ipaddress
import socket
from threading import Thread
from typing import TYPE_CHECKING, Any

from warmkey.events import KmsOutcome

if TYPE_CHECKING:
    from warmkey.keyrings.kms_failures import Failure

__all__ = ["is_unreachable", "why_unreachable"]

_UNRESOLVED = ("Name or service not known", "name resolution", "nodename nor servname", "getaddrinfo failed")
# DNS may wait for many seconds, which a function does not have.
_RESOLVE_SECONDS = 2.0
_HTTPS = 443


def is_unreachable(failure: Failure) -> bool:
    """Return whether *failure* is about the way to a service, and not an answer of the service."""
    return failure.outcome is KmsOutcome.UNREACHABLE and not failure.code


def why_unreachable(error: object, client: object) -> tuple[str, str]:
    """Return the code of the finding, and what was found."""
    url = str(getattr(getattr(client, "meta", None), "endpoint_url", None) or "the endpoint")
    name, text = type(error).__name__, _text_of(error)
    if any(sign in text for sign in _UNRESOLVED):
        return "name-not-resolved", f"{url}: the name has no address ({name})"
    if name == "ReadTimeoutError":
        return "no-answer-in-time", f"{url} gave no answer in time ({name})"
    if name == "SSLError":
        return "tls-failed", f"{url}: the TLS handshake failed ({name})"
    if "refused" in text or name in ("ConnectionClosedError", "ProxyConnectionError"):
        return "connection-refused", f"{url}: the connection was refused or broken off ({name})"
    # Only a client of boto3's has an endpoint in the world; that of a stand-in is made up.
    where = _where(url) if type(client).__module__.startswith("botocore") else ""
    return "no-network-path", f"{url} could not be reached ({name}){where}"


def _text_of(error: object) -> str:
    kwargs = getattr(error, "kwargs", None)
    return f"{error} {kwargs.get('error', '') if isinstance(kwargs, dict) else ''}"


def _where(url: str) -> str:
    """Say what kind of address the name in *url* has."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - for failures only

    parts = urlsplit(url)
    found = _addresses(parts.hostname or "", parts.port or _HTTPS)
    if not found:
        return "; its name has no address here"
    if all(ipaddress.ip_address(address).is_private for address in found):
        return "; its name leads to a private address, so there is a VPC endpoint: look at its security group"
    return "; its name leads to a public address, so there is no VPC endpoint with private DNS here"


def _addresses(host: str, port: int) -> list[str]:
    """Return the addresses of *host*; none if there is no answer in a short time."""
    found: list[str] = []

    def resolve() -> None:
        try:
            answers: list[Any] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            return
        found.extend(str(answer[4][0]).partition("%")[0] for answer in answers)

    resolving = Thread(target=resolve, daemon=True)
    resolving.start()
    resolving.join(_RESOLVE_SECONDS)
    return [*found]
