"""Hold the one client that the helpers of this process share: built once, dropped where it must not live on.

It is dropped by ``reset``, in a forked child, and before a snapshot; the next use builds it afresh, so data keys, KMS
connections, credentials and a generated partition ID never cross from one execution environment to another.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from warmkey.crypto import signature_library
from warmkey.crypto.signature_library import SignatureChoice
from warmkey.events import EvictionReason, fan_out
from warmkey.exceptions import ConfigurationError
from warmkey.fork_safety import PROCESS_MARK, notice_fork, register, snapshot_is_ahead
from warmkey.lambda_runtime.settings import Init, check_keywords, function_name, one_setting, read_settings
from warmkey.lambda_runtime.wiring import Overrides, wire
from warmkey.locks import new_lock
from warmkey.message_ends import ended_early
from warmkey.waiting import check_may_wait

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from warmkey.algorithm_suites import AlgorithmSuite
    from warmkey.events import Operation
    from warmkey.exceptions import WarmkeyError
    from warmkey.lambda_runtime.wiring import Runtime

__all__ = ["DEFAULT", "DefaultClient"]

# Which keys there are is a test's to say, like the KMS that has them.
_OF_THE_KMS = ("kms_key_arns", "decrypt_key_arns", "kms_mode", "discovery_accounts")


class DefaultClient:
    """Hold the runtime, and the overrides that it is built with: those of ``configure``, and above them a test's."""

    def __init__(self) -> None:
        self._overrides: Overrides | None = None
        self._pinned: Overrides | None = None
        self.reset()
        register(self)

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Forget keys, connections and credentials in a copy; what was configured stays."""
        del reason
        self._lock = new_lock()  # a signal handler or finalizer may encrypt while its thread builds
        self._runtime: Runtime | None = None
        self._ready: Runtime | None = None

    def get(self) -> Runtime:
        """Return the runtime, built by the first thread that asks.

        :raises ConfigurationError: the settings can't be used; the next call tries again
        """
        # The mark is read first: a runtime that is read after it can't be the parent's.
        runtime = self._runtime if PROCESS_MARK[0] else None
        if runtime is None or runtime.only_until_restored:
            return self._build()
        return runtime

    def _build(self) -> Runtime:
        check_may_wait()
        notice_fork()
        with self._lock:
            if not _is_usable(self._runtime):
                runtime = self._ready if _is_usable(self._ready) else self._wire()
                if not _is_usable(self._runtime):  # a signal handler may have come between
                    self._runtime, self._ready = runtime, None
            return self._runtime  # type: ignore[return-value]

    def _wire(self) -> Runtime:
        overrides = self._in_force()
        return wire(read_settings(overrides.settings), overrides, only_until_restored=snapshot_is_ahead())

    def _in_force(self) -> Overrides:
        overrides, pinned = self._overrides or Overrides(), self._pinned
        return overrides if pinned is None else _pinned_over(pinned, overrides)

    def count_early_end(self, operation: Operation, error: WarmkeyError) -> None:
        """Count a message that ended with *error* before the client was asked; nothing where there can't be one."""
        with suppress(ConfigurationError):
            ended_early(self.get().cmm, operation, error)

    def overrides(self) -> Overrides:
        """Return what the runtime is, or will be, built with."""
        with self._lock:
            return self._in_force()

    def configure(self, overrides: Overrides) -> None:
        """Use *overrides* from the first use on; build the runtime now where ``WARMKEY_INIT`` is ``eager``.

        :raises ConfigurationError: the runtime is in use already, unless a test has pinned its own; or a setting can't
            be used
        """
        check_keywords(overrides.settings)
        notice_fork()
        with self._lock:
            if self._pinned is None and _is_usable(self._runtime):
                raise ConfigurationError(
                    "configure() came after the first use of warmkey; call it once, before that, or reset() first"
                )
            self._start_again(overrides, self._pinned)
        self.choose_signatures()
        self.prepare_if_eager()

    def choose_signatures(self) -> None:
        """Tell which library signs and verifies from now on, in clients of one's own too.

        :raises ConfigurationError: the setting can't be used, or the library can't be loaded
        """
        given = self._in_force().settings
        signature_library.choose(cast("SignatureChoice", one_setting("signatures", given)))
        if function_name() is not None and _may_sign(given):
            signature_library.cryptography_library()  # at init, where Lambda gives more CPU than to an invocation

    def prepare_if_eager(self) -> None:
        """Build the runtime ahead of the first use where the settings say so; ``configure`` may still follow.

        :raises ConfigurationError: the settings can't be used
        """
        with self._lock:
            if one_setting("init", self._in_force().settings) is Init.EAGER:
                self._ready = self._wire()

    def discard(self) -> None:
        """Forget everything, including what was configured; what a test has pinned stays."""
        notice_fork()
        with self._lock:
            self._start_again(None, self._pinned)
        signature_library.choose(SignatureChoice.AUTO)
        signature_library.start_over()
        with suppress(ConfigurationError):  # the next use says so
            self.choose_signatures()

    @contextmanager
    def pinned(self, overrides: Overrides) -> Iterator[None]:
        """Keep *overrides* in force for the length of the block, whatever ``configure`` is given meanwhile.

        The KMS, the keys and the clock are those of *overrides*, and its settings win over those of ``configure``;
        ``emit`` of both is told. Afterwards everything is as it was before, but not yet built.

        :raises ConfigurationError: a setting can't be used
        """
        with self._lock:
            before = (self._overrides, self._pinned)
        chosen_before = signature_library.chosen()
        try:
            self.pin(overrides)
            yield
        finally:
            with self._lock:
                self._start_again(*before)
            signature_library.choose(chosen_before)

    def pin(self, overrides: Overrides) -> None:
        """Put *overrides* in place of what :meth:`pinned` has been given.

        :raises ConfigurationError: a setting can't be used
        """
        check_keywords(overrides.settings)
        with self._lock:
            self._start_again(self._overrides, overrides)

    def _start_again(self, overrides: Overrides | None, pinned: Overrides | None) -> None:
        forgotten = (self._runtime, self._ready)
        self._overrides, self._pinned = overrides, pinned
        self._runtime = self._ready = None
        for runtime in forgotten:
            if runtime is not None and runtime.settings.cache:
                runtime.cmm.purge()
            if runtime is not None and runtime.branch_keys is not None:
                runtime.branch_keys.purge()


def _pinned_over(pinned: Overrides, overrides: Overrides) -> Overrides:
    """Return what is in force where *pinned* wins over *overrides*."""
    settings = {name: value for name, value in overrides.settings.items() if name not in _OF_THE_KMS}
    return replace(
        pinned,
        botocore_config=pinned.botocore_config or overrides.botocore_config,
        emit=pinned.emit if overrides.emit is pinned.emit else fan_out(pinned.emit, overrides.emit),
        settings={**settings, **pinned.settings},
    )


def _may_sign(settings: Mapping[str, object]) -> bool:
    with suppress(ConfigurationError):  # the first use says so
        suite = cast("AlgorithmSuite | None", one_setting("algorithm_suite", settings))
        return suite is None or suite.signature is not None
    return False


def _is_usable(runtime: Runtime | None) -> bool:
    if runtime is None:
        return False
    return not runtime.only_until_restored or snapshot_is_ahead()


DEFAULT = DefaultClient()
