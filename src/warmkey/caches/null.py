"""The cache that keeps nothing: caching turned off without another code path."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from warmkey.caches.interface import CacheEntry

__all__ = ["NullCMC"]


class NullCMC:
    """A cryptographic materials cache that stores nothing; every request goes to the underlying CMM."""

    capacity = 0

    def put_cache_entry(self, identifier: bytes, entry: CacheEntry, /) -> None:
        """Drop *entry*."""

    def get_cache_entry(self, identifier: bytes, /) -> None:
        """Always a cache miss."""

    def delete_cache_entry(self, identifier: bytes, /) -> None:
        """Nothing to forget."""

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True
