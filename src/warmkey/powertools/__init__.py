"""Powertools for AWS Lambda over the caching CMM of the helpers: Data Masking, and streams of S3 objects.

:class:`WarmkeyProvider` encrypts and decrypts for Data Masking, :class:`DataMaskingWithFields` also single fields of a
record, and :class:`DecryptTransform` decrypts what ``S3Object`` streams. Each is loaded when it is first asked for,
because Data Masking needs a package that the others do not. Nothing else in warmkey imports this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.lazy_names import load_later

if TYPE_CHECKING:
    from warmkey.powertools.data_masking import DataMaskingWithFields, WarmkeyProvider
    from warmkey.powertools.streaming import DecryptTransform
else:
    __getattr__, __dir__ = load_later(
        __name__,
        {
            "data_masking": ("DataMaskingWithFields", "WarmkeyProvider"),
            "streaming": ("DecryptTransform",),
        },
    )

__all__ = ["DataMaskingWithFields", "DecryptTransform", "WarmkeyProvider"]
