"""Cryptographic materials caches (CMC): where the caching CMM keeps materials.

``LocalCMC`` and ``CacheEntry`` are in ``warmkey`` too. Each is loaded when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.lazy_names import load_later

if TYPE_CHECKING:
    from warmkey.caches.interface import CacheEntry, CryptographicMaterialsCache
    from warmkey.caches.local import LocalCMC
    from warmkey.caches.null import NullCMC
else:
    __getattr__, __dir__ = load_later(
        __name__,
        {
            "interface": ("CacheEntry", "CryptographicMaterialsCache"),
            "local": ("LocalCMC",),
            "null": ("NullCMC",),
        },
    )

__all__ = ["CacheEntry", "CryptographicMaterialsCache", "LocalCMC", "NullCMC"]
