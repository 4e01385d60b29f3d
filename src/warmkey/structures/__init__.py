"""Hold the values that travel between rooms: encryption context, encrypted data key, requests and materials.

All but the requests are immutable, the context inside them too, so a cached value can be handed out as it is.

Source: framework/structures.md, framework/cmm-interface.md#inputs
"""

from warmkey.structures.encrypted_data_key import (
    EncryptedDataKey,
    VerifiedKeys,
    decoded_provider_id,
    encoded_provider_id,
)
from warmkey.structures.encryption_context import (
    KIND_KEY,
    MAX_UINT16,
    PUBLIC_KEY_FIELD,
    RESERVED_PREFIX,
    EncryptionContext,
    is_reserved,
)
from warmkey.structures.materials import DecryptionMaterials, EncryptionMaterials, SigningKey, VerificationKey
from warmkey.structures.requests import DecryptMaterialsRequest, EncryptionMaterialsRequest

__all__ = [
    "KIND_KEY",
    "MAX_UINT16",
    "PUBLIC_KEY_FIELD",
    "RESERVED_PREFIX",
    "DecryptMaterialsRequest",
    "DecryptionMaterials",
    "EncryptedDataKey",
    "EncryptionContext",
    "EncryptionMaterials",
    "EncryptionMaterialsRequest",
    "SigningKey",
    "VerificationKey",
    "VerifiedKeys",
    "decoded_provider_id",
    "encoded_provider_id",
    "is_reserved",
]
