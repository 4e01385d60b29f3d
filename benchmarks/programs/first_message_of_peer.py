"""The same with the official client and its caching CMM; ``without-mpl``: as if that library were not installed."""

import os
import sys
import time

if "without-mpl" in sys.argv:
    sys.modules["aws_cryptographic_material_providers"] = None  # type: ignore[assignment]

import aws_encryption_sdk

keys = aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(key_ids=[os.environ["WARMKEY_KMS_KEY_ARNS"]])
cmm = aws_encryption_sdk.CachingCryptoMaterialsManager(
    master_key_provider=keys, cache=aws_encryption_sdk.LocalCryptoMaterialsCache(100), max_age=300.0
)
client = aws_encryption_sdk.EncryptionSDKClient()
message, _ = client.encrypt(source=b"first message", materials_manager=cmm, encryption_context={"purpose": "benchmark"})
print(time.monotonic(), message.hex())
