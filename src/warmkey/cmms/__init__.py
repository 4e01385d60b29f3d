"""Cryptographic materials managers (CMM): default, caching, required encryption context.

``CachingCMM`` and ``DefaultCMM`` are in ``warmkey`` too. Each is loaded when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.lazy_names import load_later

if TYPE_CHECKING:
    from warmkey.cmms.caching import CachingCMM
    from warmkey.cmms.default import DefaultCMM
    from warmkey.cmms.interface import CryptographicMaterialsManager
    from warmkey.cmms.required_encryption_context import RequiredEncryptionContextCMM
    from warmkey.cmms.statistics import OperationStatistics
else:
    __getattr__, __dir__ = load_later(
        __name__,
        {
            "caching": ("CachingCMM",),
            "default": ("DefaultCMM",),
            "interface": ("CryptographicMaterialsManager",),
            "required_encryption_context": ("RequiredEncryptionContextCMM",),
            "statistics": ("OperationStatistics",),
        },
    )

__all__ = [
    "CachingCMM",
    "CryptographicMaterialsManager",
    "DefaultCMM",
    "OperationStatistics",
    "RequiredEncryptionContextCMM",
]
