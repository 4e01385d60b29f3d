"""What a call costs, as counts: bytes of memory at its peak, calls of functions, cryptographic operations.

Counts are the same on a busy machine and on an idle one, so a test may assert them. Calls are those of Python functions
and of functions in C, as ``sys.setprofile`` tells them; what happens inside of one in C is not seen. A cryptographic
operation is a call into cryptography, ``hashlib`` or ``hmac`` that is given bytes to work on.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any, NamedTuple

from warmkey import WarmkeyError

if TYPE_CHECKING:
    from collections.abc import Callable

_CRYPTOGRAPHY = ("cryptography.", "_hashlib", "_hmac", "hmac", "awscrt")
_OPERATIONS = frozenset(
    (
        *("encrypt", "decrypt", "encrypt_into", "decrypt_into", "sign", "verify", "from_encoded_point", "derive"),
        *("new", "update", "digest", "finalize", "hmac_digest", "openssl_sha256", "openssl_sha384", "openssl_sha512"),
    )
)


class Cost(NamedTuple):
    """What one call costs, and how it ended."""

    peak_bytes: int
    calls: int
    operations: int
    outcome: str


def cost(work: Callable[[], object]) -> Cost:
    """Run *work* twice, once for each way of counting; it may fail with an error of ours."""
    calls, operations, outcome = _calls(work)
    return Cost(_peak(work), calls, operations, outcome)


def _outcome(work: Callable[[], object]) -> str:
    try:
        work()
    except WarmkeyError as error:
        return type(error).__name__
    return "accepted"


def _calls(work: Callable[[], object]) -> tuple[int, int, str]:
    calls = operations = 0

    def count(_frame: Any, event: str, argument: Any) -> None:
        nonlocal calls, operations
        if event == "call":
            calls += 1
        elif event == "c_call":
            calls += 1
            operations += _is_cryptographic(argument)

    sys.setprofile(count)
    try:
        outcome = _outcome(work)
    finally:
        sys.setprofile(None)
    return calls, operations, outcome


def _is_cryptographic(function: Any) -> bool:
    if getattr(function, "__name__", "") not in _OPERATIONS:
        return False
    owner = getattr(function, "__self__", None)
    module = getattr(function, "__module__", None) or ""
    return module.startswith(_CRYPTOGRAPHY) or type(owner).__module__.startswith(_CRYPTOGRAPHY)


def _peak(work: Callable[[], object]) -> int:
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        _outcome(work)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
