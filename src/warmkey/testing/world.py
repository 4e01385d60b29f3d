"""Hold the keys, aliases and grants of an imaginary AWS account, in all its Regions.

One world stands behind the :class:`~warmkey.testing.FakeKms` clients of several Regions, as AWS stands behind boto3's.
Reading takes no lock, so that a forked process never inherits one in mid-air.
"""

from __future__ import annotations

import os
import threading
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from warmkey.choices import Choice
from warmkey.safe_repr import safe_repr
from warmkey.testing.authorization import Role
from warmkey.testing.materials import AsymmetricMaterial, Material, SymmetricMaterial

if TYPE_CHECKING:
    from warmkey.testing.policies import Policy

__all__ = ["KEY_SPECS", "FakeKey", "FakeKmsWorld", "Grant", "KeySpec", "KeyState"]

DEFAULT_ACCOUNT: Final = "111122223333"


class KeyState(Choice, StrEnum):
    """Says what a key's life cycle allows."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"
    PENDING_DELETION = "PendingDeletion"


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class KeySpec:
    """Describes one kind of key: what it may be used for, the first by default, and with which algorithms."""

    usages: tuple[str, ...]
    encryption_algorithms: tuple[str, ...] = ()
    key_agreement_algorithms: tuple[str, ...] = ()


_RSA = KeySpec(
    usages=("ENCRYPT_DECRYPT", "SIGN_VERIFY"), encryption_algorithms=("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")
)
_ECC = KeySpec(usages=("KEY_AGREEMENT", "SIGN_VERIFY"), key_agreement_algorithms=("ECDH",))
KEY_SPECS: Final = {
    "SYMMETRIC_DEFAULT": KeySpec(usages=("ENCRYPT_DECRYPT",), encryption_algorithms=("SYMMETRIC_DEFAULT",)),
    "RSA_2048": _RSA,
    "RSA_3072": _RSA,
    "RSA_4096": _RSA,
    "ECC_NIST_P256": _ECC,
    "ECC_NIST_P384": _ECC,
    "ECC_NIST_P521": _ECC,
}


@safe_repr
@dataclass(slots=True, kw_only=True)
class FakeKey:
    """Holds a key in one Region. The replicas of a multi-Region key share ``material`` and nothing else.

    :ivar policy: the key policy; ``None`` for the default, which lets the IAM policies of its account decide
    """

    arn: str
    spec: str
    usage: str
    material: Material = field(repr=False)
    state: KeyState = KeyState.ENABLED
    policy: Policy | None = None

    @property
    def key_id(self) -> str:
        """Return the last part of the ARN."""
        return self.arn.rpartition("/")[2]

    @property
    def region(self) -> str:
        """Return the Region in the ARN."""
        return self.arn.split(":")[3]

    @property
    def account(self) -> str:
        """Return the account in the ARN."""
        return self.arn.split(":")[4]

    @property
    def multi_region(self) -> bool:
        """Return whether the key can be replicated."""
        return self.key_id.startswith("mrk-")


@safe_repr
@dataclass(frozen=True, slots=True)
class Grant:
    """Holds a permission that its token carries."""

    key_arn: str
    operations: frozenset[str]

    def permits(self, operation: str, key_arn: str | None) -> bool:
        """Return whether it covers this operation on this key."""
        return key_arn == self.key_arn and operation in self.operations


@safe_repr
class FakeKmsWorld:
    """Holds an account's keys; share one between clients: ``FakeKms("eu-west-1", world=world)``.

    :param account: the account that bare key IDs and aliases belong to
    """

    def __init__(self, *, account: str = DEFAULT_ACCOUNT, partition: str = "aws") -> None:
        self.account = account
        self.partition = partition
        self._keys: dict[str, FakeKey] = {}
        self._aliases: dict[str, str] = {}
        self._grants: dict[str, Grant] = {}
        self._roles: dict[str, Role] = {}
        self._admin = threading.RLock()

    def __repr__(self) -> str:
        return f"<FakeKmsWorld account={self.account} keys={len(self._keys)}>"

    def arn(self, resource: str, *, region: str, account: str | None = None) -> str:
        """Return the ARN of ``key/…`` or ``alias/…``."""
        return f"arn:{self.partition}:kms:{region}:{account or self.account}:{resource}"

    def create_key(
        self, spec: str, *, usage: str | None, multi_region: bool, region: str, account: str | None
    ) -> FakeKey:
        """Make a key.

        :raises ValueError: KMS does not know the spec, or the spec does not have the usage
        """
        if spec not in KEY_SPECS:
            raise ValueError(f"key_spec {spec!r} is none of {', '.join(KEY_SPECS)}")
        usages = KEY_SPECS[spec].usages
        if usage is not None and usage not in usages:
            raise ValueError(f"key_usage {usage!r} is none of {', '.join(usages)}, which {spec} allows")
        material = SymmetricMaterial() if spec == "SYMMETRIC_DEFAULT" else AsymmetricMaterial(spec)
        key_id = f"mrk-{uuid.uuid4().hex}" if multi_region else str(uuid.uuid4())
        arn = self.arn(f"key/{key_id}", region=region, account=account)
        return self._add(FakeKey(arn=arn, spec=spec, usage=usage or usages[0], material=material))

    def replicate(self, key: FakeKey, region: str) -> FakeKey:
        """Make a replica of *key* in *region*.

        :raises ValueError: not a multi-Region key, or that Region has it already
        """
        if not key.multi_region:
            raise ValueError(f"{key.arn} is not a multi-Region key: create it with multi_region=True")
        arn = self.arn(f"key/{key.key_id}", region=region, account=key.account)
        if arn in self._keys:
            raise ValueError(f"{arn} exists already")
        return self._add(FakeKey(arn=arn, spec=key.spec, usage=key.usage, material=key.material))

    def point_alias(self, name: str, key: FakeKey) -> str:
        """Point the alias *name* to *key*, in its Region, and return the ARN of the alias.

        :raises ValueError: a name that KMS would not accept
        """
        if not name.startswith("alias/") or name.startswith("alias/aws/"):
            raise ValueError(f"an alias is alias/NAME, outside alias/aws/; not {name!r}")
        arn = self.arn(name, region=key.region, account=key.account)
        with self._admin:
            self._aliases[arn] = key.arn
        return arn

    def grant(self, key: FakeKey, operations: frozenset[str]) -> str:
        """Make a grant and return its token."""
        token = f"fake-grant-{uuid.uuid4()}"
        with self._admin:
            self._grants[token] = Grant(key.arn, operations)
        return token

    def find_grant(self, token: str) -> Grant | None:
        """Return what *token* permits; ``None`` if this world never issued it."""
        return self._grants.get(token)

    def role(self, arn: str) -> Role:
        """Return the role of this ARN, which is made when it is first asked for."""
        with self._admin:
            return self._roles.setdefault(arn, Role(arn, _role_id()))

    def recreate_role(self, arn: str) -> None:
        """Delete the role and make another one of the same ARN: key policies keep naming the one that is gone."""
        old = self.role(arn)
        with self._admin:
            self._roles[arn] = Role(arn, _role_id())
            for key in self._keys.values():
                if key.policy is not None:
                    key.policy = key.policy.renamed(arn, old.unique_id)

    def find(self, key_id: str, *, region: str) -> FakeKey | None:
        """Find the key that a key ID, key ARN, alias name or alias ARN means in *region*; ``None`` if there is none."""
        if not key_id.startswith("arn:"):
            resource = key_id if key_id.startswith("alias/") else f"key/{key_id}"
            key_id = self.arn(resource, region=region)
        key = self._keys.get(self._aliases.get(key_id, key_id))
        return key if key and key.region == region else None

    def find_by_blob_id(self, blob_id: bytes | None, *, region: str) -> FakeKey | None:
        """Find the key in *region* whose material made a ciphertext blob; ``None`` if there is none."""
        for key in tuple(self._keys.values()):
            if key.region == region and isinstance(key.material, SymmetricMaterial) and key.material.blob_id == blob_id:
                return key
        return None

    def count_keys(self, region: str) -> int:
        """Return how many keys *region* has."""
        return sum(key.region == region for key in tuple(self._keys.values()))

    def _add(self, key: FakeKey) -> FakeKey:
        with self._admin:
            self._keys[key.arn] = key
        return key


def _role_id() -> str:
    """Return an ID as IAM gives it to a role: never the same one twice."""
    return f"AROA{os.urandom(10).hex().upper()[:17]}"
