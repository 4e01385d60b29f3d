"""Change KMS between two requests as an administrator could, and the network as a test wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from warmkey.testing.authorization import PolicyHolder
from warmkey.testing.calls import KmsCall
from warmkey.testing.policies import Policy
from warmkey.testing.service import OPERATIONS
from warmkey.testing.traffic import Traffic
from warmkey.testing.world import FakeKey, FakeKmsWorld, KeyState

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Administration"]

_PERMISSIONS_OF_RE_ENCRYPT: Final = ("ReEncryptFrom", "ReEncryptTo")


class Administration(PolicyHolder, Traffic[KmsCall]):
    """Offers the part of :class:`~warmkey.testing.FakeKms` that tests call themselves.

    Keys are named as everywhere in KMS: key ID, key ARN, alias name or alias ARN. None of this counts as a KMS request.

    :ivar world: the keys of all Regions
    :ivar role_arn: the role whose credentials this client has
    """

    def __init__(self, region_name: str, world: FakeKmsWorld, role_arn: str) -> None:
        super().__init__(OPERATIONS)
        self.world = world
        self.role_arn = role_arn
        self._region = region_name
        self._denied: frozenset[tuple[str, str | None]] = frozenset()

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
        :raises ValueError: KMS does not know the spec or the usage
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

        ReEncrypt takes two permissions, which may be denied one by one: ``ReEncryptFrom`` and ``ReEncryptTo``.

        :raises ValueError: the operation or the key is not known
        """
        self._denied |= {(self._known_action(operation), key and self._key(key).arn)}

    def allow(self, operation: str, key: str | None = None) -> None:
        """Take back :meth:`deny` with the same arguments."""
        self._denied -= {(self._known_action(operation), key and self._key(key).arn)}

    def set_key_policy(self, key: str, document: Mapping[str, Any] | str | None) -> None:
        """Give the key this policy in place of the one it has; ``None`` for the default.

        The default lets the IAM policies of the key's account decide, by a statement whose principal is that account.

        :raises UnsupportedPolicy: it has an operator, a condition key or an element that the fake can't evaluate
        """
        self._key(key).policy = None if document is None else Policy.of(document, of_key=True)

    def recreate_role(self) -> None:
        """Delete the role of this client and make another one of the same name.

        Its identity policies are attached to the new one. A key policy that names the role goes on naming the one that
        is gone, by its ID.
        """
        self.world.recreate_role(self.role_arn)

    def create_grant(self, key: str, *operations: str) -> str:
        """Create a grant token that permits *operations* on *key* even if they are denied.

        As in KMS, a request with a token that was never issued fails.

        :raises ValueError: the operation or the key is not known
        """
        return self.world.grant(self._key(key), frozenset(map(self._known_action, operations)))

    def _key(self, key_id: str) -> FakeKey:
        # An administrator sees every Region: an ARN says which.
        region = key_id.split(":")[3] if key_id.startswith("arn:") else self._region
        key = self.world.find(key_id, region=region)
        if key is None:
            raise ValueError(f"there is no key {key_id!r} in {region}; create_key() returns the ARN of a new one")
        return key

    def _known_action(self, action: str) -> str:
        return action if action in _PERMISSIONS_OF_RE_ENCRYPT else self._known(action)

    def __reduce_ex__(self, protocol: Any) -> Any:  # noqa: ANN401 - the signature of the pickle protocol
        raise TypeError(f"{type(self).__name__} holds key material and can't be pickled or copied")
