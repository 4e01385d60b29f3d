"""Encrypt under branch keys, and go on reading what was written before there were any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.branch_keys.wrapping import PROVIDER_ID
from warmkey.cmms.interface import forget_unverified
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from warmkey.caches.interface import CryptographicMaterialsCache
    from warmkey.cmms.caching import CachingCMM
    from warmkey.cmms.interface import CryptographicMaterialsManager
    from warmkey.cmms.statistics import OperationStatistics
    from warmkey.events import Emit, Operation
    from warmkey.structures import (
        DecryptionMaterials,
        DecryptMaterialsRequest,
        EncryptionMaterials,
        EncryptionMaterialsRequest,
    )

__all__ = ["BranchKeyCMM"]


@safe_repr
class BranchKeyCMM:
    """Gives each message a data key of its own under a branch key; older messages go through the data key cache.

    :param branch_keys: encrypts all messages, and decrypts those that have an encrypted data key under a branch key
    :param older: decrypts all others
    :param encrypts: whether *branch_keys* encrypts; else *older* still does, until every reader knows branch keys
    """

    def __init__(self, *, branch_keys: CryptographicMaterialsManager, older: CachingCMM, encrypts: bool = True) -> None:
        self._branch_keys = branch_keys
        self._older = older
        self._encrypting: CryptographicMaterialsManager = branch_keys if encrypts else older

    def __repr__(self) -> str:
        return f"BranchKeyCMM(branch_keys={self._branch_keys!r}, older={self._older!r})"

    @property
    def cache(self) -> CryptographicMaterialsCache:
        """Where data keys of older messages are kept, and branch keys too."""
        return self._older.cache

    @property
    def partition_id(self) -> str:
        """The partition ID of both."""
        return self._older.partition_id

    @property
    def emit(self) -> Emit:
        """Who is told what becomes of messages."""
        return self._older.emit

    def statistics(self, operation: Operation) -> OperationStatistics:
        """Return how the requests for data keys of older messages ended so far."""
        return self._older.statistics(operation)

    def purge(self) -> int:
        """Forget the data keys and branch keys of this partition; return how many there were."""
        return self._older.purge()

    def get_encryption_materials(self, request: EncryptionMaterialsRequest, /) -> EncryptionMaterials:
        """Return materials with a fresh data key under a branch key.

        :raises WarmkeyError: what the CMM that is asked raises
        """
        return self._encrypting.get_encryption_materials(request)

    def decrypt_materials(self, request: DecryptMaterialsRequest, /) -> DecryptionMaterials:
        """Return the materials of one message.

        :raises WarmkeyError: what the CMM that is asked raises
        """
        return self._decrypting(request).decrypt_materials(request)

    def forget_unverified(self, request: DecryptMaterialsRequest, /) -> None:
        """Tell the CMM that was asked that the message of *request* is not authentic."""
        forget_unverified(self._decrypting(request), request)

    def _decrypting(self, request: DecryptMaterialsRequest) -> CryptographicMaterialsManager:
        for key in request.encrypted_data_keys:
            if key.key_provider_id == PROVIDER_ID:
                return self._branch_keys
        return self._older
