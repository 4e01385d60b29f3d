"""Choose the library that signs and verifies: cryptography (OpenSSL) or awscrt (AWS-LC), one for the whole process.

Theory of operation
===================

OpenSSL takes most of the time of a signed message, and AWS-LC, which is inside awscrt, does the same in less than half
of it (benchmark "signatures"). But loading awscrt takes longer than hundreds of signatures save, and botocore loads it
wherever it is installed. So there are three choices:

* ``auto``, the default, takes awscrt where somebody else has loaded it already, and cryptography otherwise. It decides
  at the first key, when botocore has usually been loaded, and then stays with it. It never fails: an awscrt that is too
  old, or damaged, is left alone.
* ``awscrt`` loads awscrt at once, so that a missing one is noticed at init.
* ``cryptography`` never touches awscrt.

A key stays with the library that it was made by; what is decided later concerns later keys. :func:`start_over` and a
restored snapshot forget the decision, not the choice. A forked child keeps both: what is loaded in the parent is loaded
in the child, and AWS-LC's generator notices forks by the kernel's help, as OpenSSL's does by the process ID.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING

from warmkey.choices import Choice
from warmkey.events import EvictionReason
from warmkey.exceptions import ConfigurationError
from warmkey.fork_safety import notice_fork, register
from warmkey.hit_counter import HitCounter

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol, TypeAlias

    from warmkey.algorithm_suites import SignatureAlgorithm

    Sign: TypeAlias = Callable[[bytes], bytes]
    Verify: TypeAlias = Callable[[bytes, bytes], bool]
    Point: TypeAlias = tuple[int, int]

    class SignatureLibrary(Protocol):
        """One of the two modules ``ecdsa_by_cryptography`` and ``ecdsa_by_awscrt``."""

        NAME: str

        def generate(self, algorithm: SignatureAlgorithm, /) -> tuple[Sign, Point]:
            """Return what signs a digest with a new private key, and the public point of that key."""

        def load(self, algorithm: SignatureAlgorithm, point: bytes, /) -> Verify:
            """Return what tells whether a signature over a digest is good.

            :raises ValueError: *point* is not a compressed point of the curve
            """


__all__ = [
    "AWSCRT_PAYS_FROM",
    "SignatureChoice",
    "choose",
    "chosen",
    "count_signature",
    "cryptography_library",
    "current_library",
    "decided_library",
    "problem_with_awscrt",
    "signatures_made",
    "start_over",
]

# Messages that one container signs until awscrt has saved what loading it takes: the figure of the benchmark "awscrt in
# a function", rounded up. Verifying saves more.
AWSCRT_PAYS_FROM = 300
# The oldest version with elliptic curves.
_OLDEST = "0.28.3"
# What of awscrt takes long to load.
_NATIVE_PART = "_awscrt"


class SignatureChoice(Choice, StrEnum):
    """Say which library signs and verifies messages."""

    AUTO = "auto"
    CRYPTOGRAPHY = "cryptography"
    AWSCRT = "awscrt"


class _Process:
    """Holds what was chosen, what ``auto`` has decided, and how many signatures were made."""

    def __init__(self) -> None:
        self.choice = SignatureChoice.AUTO
        self.decided: SignatureLibrary | None = None
        self.signed = HitCounter()
        register(self)

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Count from zero in a copy; decide again after a restore, where other packages may be loaded."""
        self.signed.reset()
        if reason is EvictionReason.SNAPSHOT:
            self.decided = None


_PROCESS = _Process()


def choose(choice: SignatureChoice) -> None:
    """Use *choice* for every key that is made or loaded from now on.

    :raises ConfigurationError: it is ``awscrt``, which is missing, damaged or too old; says the remedy
    """
    if choice is SignatureChoice.AWSCRT:
        library: SignatureLibrary | None = _loaded_or_explained()
    else:
        library = _PROCESS.decided if choice is _PROCESS.choice else None
    _PROCESS.choice, _PROCESS.decided = choice, library


def chosen() -> SignatureChoice:
    """Return what :func:`choose` was given last."""
    return _PROCESS.choice


def start_over() -> None:
    """Forget what ``auto`` has decided: the next key decides again."""
    _PROCESS.decided = None


def current_library() -> SignatureLibrary:
    """Return the library for a new key, and stay with it."""
    notice_fork()
    library = _PROCESS.decided
    if library is None:
        library = _PROCESS.decided = _decide(_PROCESS.choice)
    return library


def decided_library() -> SignatureLibrary | None:
    """Return the library in use, or ``None`` before the first key."""
    return _PROCESS.decided


def count_signature() -> None:
    """Count a message that was signed."""
    _PROCESS.signed.add()


def signatures_made() -> int:
    """Return how many messages this process has signed."""
    return _PROCESS.signed.total()


def problem_with_awscrt() -> str | None:
    """Return why awscrt can't be used, or ``None`` if it can; loads it."""
    try:
        _awscrt()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        return _problem(error)
    return None


def _decide(choice: SignatureChoice) -> SignatureLibrary:
    if choice is SignatureChoice.AWSCRT:
        return _loaded_or_explained()
    if choice is SignatureChoice.AUTO and _is_loaded():
        try:
            return _awscrt()
        except Exception:  # noqa: BLE001 - whatever is wrong with it: nobody has asked for it
            return cryptography_library()
    return cryptography_library()


def _is_loaded() -> bool:
    """Return whether somebody, such as botocore, has loaded the native part of awscrt."""
    return sys.modules.get(_NATIVE_PART) is not None


def cryptography_library() -> SignatureLibrary:
    """Return the module for cryptography; loads its elliptic curves, which functions that never sign do without."""
    from warmkey.crypto import ecdsa_by_cryptography  # noqa: PLC0415 - 4 ms of a cold start

    return ecdsa_by_cryptography


def _awscrt() -> SignatureLibrary:
    from warmkey.crypto import ecdsa_by_awscrt  # noqa: PLC0415 - 12 MB, for who has chosen it

    return ecdsa_by_awscrt


def _loaded_or_explained() -> SignatureLibrary:
    try:
        return _awscrt()
    except Exception as error:
        raise ConfigurationError(
            f"WARMKEY_SIGNATURES is awscrt, but {_problem(error)}. Install warmkey[crt] into the function, or attach "
            "the layer that `make layer VARIANT=crt` builds; or set WARMKEY_SIGNATURES to auto or cryptography"
        ) from error


def _problem(error: Exception) -> str:
    import platform  # noqa: PLC0415 - only for failures, as below
    from importlib.util import find_spec  # noqa: PLC0415

    here = f"Python {sys.version_info.major}.{sys.version_info.minor} on {platform.machine()}"
    if find_spec("awscrt") is None:
        return f"awscrt is not installed for {here}"
    try:
        import awscrt  # noqa: PLC0415

        found = f"awscrt {awscrt.__version__} in {awscrt.__path__[0]}"
        import _awscrt  # noqa: F401, PLC0415
    except Exception as broken:  # noqa: BLE001 - its Python files or its library; the text says which
        return f"awscrt can't be loaded by {here}: {broken}"
    return f"{found} can't be used: warmkey needs {_OLDEST} or later ({error})"
