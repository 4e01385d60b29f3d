"""The three designs that are compared, each as one container has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import warmkey
from warmkey.branch_keys import AwsKmsHierarchicalKeyring, BranchKeyStore
from warmkey.keyrings import AwsKmsKeyring

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from warmkey.clock import Clock
    from warmkey.cmms import CryptographicMaterialsManager
    from warmkey.keyrings import Keyring

__all__ = ["DESIGNS", "TENANT", "Container", "Servers"]

TENANT = "tenant"
# The signature would need a hundred times the rest, and no request.
_SUITE = warmkey.AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
_CAPACITY = 1000


class Servers(NamedTuple):
    """What all containers share, and their limits."""

    kms: Any
    key_arn: str
    store: BranchKeyStore
    clock: Clock
    max_age_seconds: float
    ttl_seconds: float


class Container:
    """One execution environment: a client, and caches of its own."""

    def __init__(self, **source: Any) -> None:  # noqa: ANN401 - a keyring or a CMM
        self._source = source
        self._client = warmkey.Client()

    def write(self, tenant: str) -> bytes:
        """Encrypt a record of *tenant*."""
        return self._client.encrypt(
            b"a record", encryption_context={TENANT: tenant}, algorithm_suite=_SUITE, **self._source
        ).ciphertext

    def read(self, message: bytes, tenant: str) -> None:
        """Decrypt a record of *tenant*."""
        self._client.decrypt(message, encryption_context={TENANT: tenant}, **self._source)


def _caching(servers: Servers) -> Container:
    return Container(cmm=_cmm(servers, AwsKmsKeyring(servers.key_arn, kms_client=servers.kms)))


def _hierarchical(servers: Servers) -> Container:
    return Container(keyring=_branch_keys(servers))


def _both(servers: Servers) -> Container:
    return Container(cmm=_cmm(servers, _branch_keys(servers)))


def _cmm(servers: Servers, keyring: Keyring) -> CryptographicMaterialsManager:
    return warmkey.CachingCMM(
        cache=warmkey.LocalCMC(_CAPACITY, clock=servers.clock),
        clock=servers.clock,
        max_age=servers.max_age_seconds,
        keyring=keyring,
    )


def _branch_keys(servers: Servers) -> AwsKmsHierarchicalKeyring:
    return AwsKmsHierarchicalKeyring(
        servers.store,
        branch_key_id_supplier=lambda context: context[TENANT],
        ttl_seconds=servers.ttl_seconds,
        cache=warmkey.LocalCMC(_CAPACITY, clock=servers.clock),
        clock=servers.clock,
    )


DESIGNS: dict[str, Callable[[Servers], Container]] = {
    "data key cache": _caching,
    "branch keys": _hierarchical,
    "both": _both,
}
