"""Record one request to KMS for a test to read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KmsCall"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KmsCall:
    """Records what a :class:`~warmkey.testing.FakeKms` was asked. It holds no key and no plaintext.

    :ivar operation: the API's name, for example ``GenerateDataKey``
    :ivar key_id: the ``KeyId`` that was given, or ``None``
    :ivar key_arn: the key that it means, or that made the ciphertext blob; ``None`` if there is none in this Region
    :ivar encryption_context: as given; its values are not in the ``repr``
    :ivar number_of_bytes: the ``NumberOfBytes`` that was given, or ``None``
    """

    operation: str
    key_id: str | None
    key_arn: str | None
    region: str
    encryption_context: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    grant_tokens: tuple[str, ...] = ()
    number_of_bytes: int | None = None

    @property
    def encryption_context_keys(self) -> frozenset[str]:
        """Return the keys of the encryption context."""
        return frozenset(self.encryption_context)
