"""A server of moto's for a test, on this machine.

All servers of a process share moto's one state, so each begins with an empty one.
"""

from __future__ import annotations

import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["moto_server"]


@contextmanager
def moto_server() -> Iterator[str]:
    """The server's URL; nothing is in its services yet."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        empty = urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(empty, timeout=60).close()
        yield endpoint
    finally:
        server.stop()
