"""Change KMS between two requests as an administrator could, and the network as a test wants it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from warmkey.testing.faults import Fault
from warmkey.testing.gate import Gate
from warmkey.testing.service import OPERATIONS
from warmkey.testing.world import FakeKey, FakeKmsWorld, KeyState

if TYPE_CHECKING:
    from collections.abc import Callable

    from warmkey.testing.calls import KmsCall

__all__ = ["Administration"]


class Administration:
    """Offers the part of :class:`~warmkey.testing.FakeKms` that tests call themselves.

    Keys are named as everywhere in KMS: key ID, key ARN, alias name or alias ARN. None of this counts as a KMS request.

    :ivar world: the keys of all Regions
    :ivar latency: called with each request before it is answered; let it move a clock, or wait for something
    """

    def __init__(self, region_name: str, world: FakeKmsWorld) -> None:
        self.world = world
        self.latency: Callable[[KmsCall], object] | None = None
        self._region = region_name
        self._calls: list[KmsCall] = []
        self._denied: frozenset[tuple[str, str | None]] = frozenset()
        self._faults: tuple[Fault, ...] = ()
        self._gates: tuple[Gate, ...] = ()

    # Reading back

    @property
    def calls(self) -> list[KmsCall]:
        """Return every request so far, the oldest first; a request is recorded when it arrives."""
        return list(self._calls)

    def count(self, operation: str | None = None) -> int:
        """Return how many requests there were, of one operation or of all."""
        return sum(operation in {None, call.operation} for call in self.calls)

    def counts(self) -> dict[str, int]:
        """Return how many requests there were of each operation: ``{"GenerateDataKey": 1}``."""
        return dict(Counter(call.operation for call in self.calls))

    def clear_calls(self) -> None:
        """Forget the requests so far."""
        self._calls.clear()

    # Keys

    def create_key(
        self,
        *,
        key_spec: str = "SYMMETRIC_DEFAULT",
        key_usage: str | None = None,
        multi_region: bool = False,
        region: str | None = None,
        account: str | None = None,
    ) -> str:
        """Make a key and return its ARN.

        :param key_spec: one of :data:`warmkey.testing.KEY_SPECS`
        :param key_usage: by default to encrypt and decrypt, and key agreement for elliptic curves
        :param region: by default the Region of this client
        :param account: by default the account of this world
        :raises ValueError: no such spec or usage
        """
        return self.world.create_key(
            key_spec, usage=key_usage, multi_region=multi_region, region=region or self._region, account=account
        ).arn

    def replicate_key(self, key: str, region: str) -> str:
        """Replicate a multi-Region key into *region* and return the ARN that it has there.

        :raises ValueError: not a multi-Region key, or that Region has it already
        """
        return self.world.replicate(self._key(key), region).arn

    def create_alias(self, name: str, key: str) -> str:
        """Point *name* (``alias/…``) to *key*, whatever it pointed to before, and return the ARN of the alias."""
        return self.world.point_alias(name, self._key(key))

    def disable_key(self, key: str) -> None:
        """Make requests that use the key fail with ``DisabledException``."""
        self._key(key).state = KeyState.DISABLED

    def enable_key(self, key: str) -> None:
        """Make the key work again, whether it was disabled or pending deletion."""
        self._key(key).state = KeyState.ENABLED

    def schedule_deletion(self, key: str) -> None:
        """Make requests that use the key fail with ``KMSInvalidStateException``."""
        self._key(key).state = KeyState.PENDING_DELETION

    # Permissions

    def deny(self, operation: str, key: str | None = None) -> None:
        """Make this client's requests fail with ``AccessDeniedException`` until :meth:`allow`, for one key or for all.

        :raises ValueError: no such operation or key
        """
        self._denied |= {(_known(operation), key and self._key(key).arn)}

    def allow(self, operation: str, key: str | None = None) -> None:
        """Take back :meth:`deny` with the same arguments."""
        self._denied -= {(_known(operation), key and self._key(key).arn)}

    def create_grant(self, key: str, *operations: str) -> str:
        """Create a grant token that permits *operations* on *key* even if they are denied.

        As in KMS, a request with a token that was never issued fails.

        :raises ValueError: no such operation or key
        """
        return self.world.grant(self._key(key), frozenset(map(_known, operations)))

    # Bad days

    def fail(
        self,
        operation: str | None = None,
        *,
        error: str | BaseException,
        times: int | None = 1,
        when: Callable[[KmsCall], bool] | None = None,
        retries: int = 0,
    ) -> Fault:
        """Make requests fail; faults strike in the order in which they were made.

        :param operation: for example ``"Decrypt"``; by default any
        :param error: one of :data:`warmkey.testing.FAULTS`, or the exception to raise
        :param times: how many requests it hits; ``None`` for all until it is cancelled
        :param when: hits only the requests for which it returns true
        :param retries: how often the client had tried again before, as its answer then reports
        :raises ValueError: no such operation or error
        """
        fault = Fault(error, operation=operation and _known(operation), times=times, when=when, retries=retries)
        self._faults += (fault,)
        return fault

    def heal(self) -> None:
        """End all faults."""
        self._faults = ()

    def hold(self, operation: str | None = None) -> Gate:
        """Hold the requests of one operation, or all, at a :class:`~warmkey.testing.Gate` until it is opened.

        :raises ValueError: no such operation
        """
        gate = Gate(operation and _known(operation))
        self._gates = (*(other for other in self._gates if not other.is_open), gate)
        return gate

    def _key(self, key_id: str) -> FakeKey:
        # An administrator sees every Region: an ARN says which.
        region = key_id.split(":")[3] if key_id.startswith("arn:") else self._region
        key = self.world.find(key_id, region=region)
        if key is None:
            raise ValueError(f"there is no key {key_id!r} in {region}; create_key() returns the ARN of a new one")
        return key

    def __reduce_ex__(self, protocol: Any) -> Any:  # noqa: ANN401 - the signature of the pickle protocol
        raise TypeError(f"{type(self).__name__} holds key material and can't be pickled or copied")


def _known(operation: str) -> str:
    if operation not in OPERATIONS:  # a misspelt one would never happen, and the test would pass for nothing
        raise ValueError(f"operation {operation!r} is none of {', '.join(OPERATIONS)}")
    return operation
