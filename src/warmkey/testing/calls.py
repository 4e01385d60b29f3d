"""One request to a fake service, as a test reads it afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Call", "DynamoDbCall", "KmsCall", "Permission"]


class Call(Protocol):
    """A request to some service."""

    @property
    def operation(self) -> str:
        """The API's name of what was asked for."""


class Permission(NamedTuple):
    """Holds what it takes to make a request: one action with one key.

    :ivar operation: the API's name of the request
    :ivar key_id: how the request named the key
    """

    operation: str
    action: str
    key_arn: str | None
    key_id: str | None
    encryption_context: Mapping[str, str]

    def __repr__(self) -> str:  # the values of the context are nobody's business
        return f"<Permission {self.action} on {self.key_arn}>"


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class KmsCall:
    """Records what a :class:`~warmkey.testing.FakeKms` was asked. It holds no key and no plaintext.

    :ivar operation: the API's name, for example ``GenerateDataKey``
    :ivar key_id: the ``KeyId`` that was given, or ``None``
    :ivar key_arn: the key that it means, or that made the ciphertext blob; ``None`` if there is none in this Region
    :ivar encryption_context: as given; its values are not in the ``repr``
    :ivar number_of_bytes: the ``NumberOfBytes`` that was given, or ``None``
    :ivar destination_key_id: ReEncrypt's ``DestinationKeyId``, or ``None``
    :ivar destination_key_arn: ReEncrypt's; the fields above are then its source
    :ivar destination_encryption_context: ReEncrypt's, as given; its values are not in the ``repr``
    """

    operation: str
    key_id: str | None
    key_arn: str | None
    region: str
    encryption_context: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    grant_tokens: tuple[str, ...] = ()
    number_of_bytes: int | None = None
    destination_key_id: str | None = None
    destination_key_arn: str | None = None
    destination_encryption_context: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)

    @property
    def encryption_context_keys(self) -> frozenset[str]:
        """Return the keys of the encryption context."""
        return frozenset(self.encryption_context)

    @property
    def permissions(self) -> tuple[Permission, ...]:
        """Return what it takes to make this request."""
        key = (self.key_arn, self.key_id, self.encryption_context)
        if self.operation != "ReEncrypt":
            return (Permission(self.operation, self.operation, *key),)
        destination = (self.destination_key_arn, self.destination_key_id, self.destination_encryption_context)
        return (
            Permission(self.operation, "ReEncryptFrom", *key),
            Permission(self.operation, "ReEncryptTo", *destination),
        )


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoDbCall:
    """What a :class:`~warmkey.testing.FakeDynamoDb` was asked.

    :ivar operation: the API's name, for example ``GetItem``
    :ivar tables: the names of the tables that it is about
    :ivar keys: the primary keys of the items that it is about, each the texts of partition key and sort key
    :ivar consistent: whether a read has to see every write before it
    """

    operation: str
    tables: tuple[str, ...] = ()
    keys: tuple[tuple[str, ...], ...] = ()
    consistent: bool = False
