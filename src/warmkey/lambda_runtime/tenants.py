"""``WARMKEY_TENANT_CONTEXT_KEY``: a CMM that serves only the tenant that Lambda invoked the function for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.cmms.interface import forget_unverified
from warmkey.exceptions import PolicyRefused
from warmkey.observability.invocations import TenantUnknownError, current_tenant_id
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from warmkey.branch_keys.cmm import BranchKeyCMM
    from warmkey.caches.interface import CryptographicMaterialsCache
    from warmkey.cmms.caching import CachingCMM
    from warmkey.cmms.statistics import OperationStatistics
    from warmkey.events import Emit, Operation
    from warmkey.structures import (
        DecryptionMaterials,
        DecryptMaterialsRequest,
        EncryptionMaterials,
        EncryptionMaterialsRequest,
    )

__all__ = ["TenantGuardCMM", "TenantRule"]


class TenantRule:
    """Demands that an encryption context has *key* with the tenant ID of the current invocation as its value."""

    def __init__(self, key: str) -> None:
        self.key = key

    def check(self, supplied: Mapping[str, str]) -> None:
        """:raises PolicyRefused: the tenant is not known, or *supplied* is not for it"""
        try:
            tenant_id = current_tenant_id()
        except TenantUnknownError as error:
            problem = f"WARMKEY_TENANT_CONTEXT_KEY is set, and the current tenant is not known: {error}"
            raise PolicyRefused(problem) from None
        found = supplied.get(self.key)
        if found != tenant_id:
            raise PolicyRefused(
                f"the encryption context must have {self.key!r} with the tenant ID of the current invocation, because "
                f"WARMKEY_TENANT_CONTEXT_KEY is set; it {'lacks the key' if found is None else 'has another value'}"
            )


@safe_repr
class TenantGuardCMM:
    """Asks *cmm* only for messages of the tenant that *rule* allows.

    It is above the cache, unlike the guard of required keys: which tenant is allowed differs from one invocation to the
    next, so a hit must be checked too. When decrypting, the context that counts is the one that the caller supplies.
    """

    def __init__(self, cmm: CachingCMM | BranchKeyCMM, rule: TenantRule) -> None:
        self._cmm = cmm
        self._rule = rule

    def __repr__(self) -> str:
        return f"TenantGuardCMM({self._cmm!r}, {self._rule.key!r})"

    @property
    def cache(self) -> CryptographicMaterialsCache:
        """Where the entries of *cmm* live."""
        return self._cmm.cache

    @property
    def partition_id(self) -> str:
        """The partition ID of *cmm*."""
        return self._cmm.partition_id

    @property
    def emit(self) -> Emit:
        """Who is told what becomes of messages."""
        return self._cmm.emit

    def statistics(self, operation: Operation) -> OperationStatistics:
        """Return how the requests that were not refused ended so far."""
        return self._cmm.statistics(operation)

    def purge(self) -> int:
        """Forget every entry of this partition, whatever the tenant; return how many there were."""
        return self._cmm.purge()

    def get_encryption_materials(self, request: EncryptionMaterialsRequest, /) -> EncryptionMaterials:
        """:raises PolicyRefused: the encryption context is not of the current tenant, or that is not known"""
        self._rule.check(request.encryption_context)
        return self._cmm.get_encryption_materials(request)

    def decrypt_materials(self, request: DecryptMaterialsRequest, /) -> DecryptionMaterials:
        """:raises PolicyRefused: the caller's context is not of the current tenant, or that is not known"""
        self._rule.check(request.reproduced_encryption_context)
        return self._cmm.decrypt_materials(request)

    def forget_unverified(self, request: DecryptMaterialsRequest, /) -> None:
        """Tell the CMM below that the message of *request* is not authentic."""
        forget_unverified(self._cmm, request)
