"""The algorithm suites of the AWS Encryption SDK, a row each, and the commitment policies that choose among them.

Code asks a suite what it does (``suite.commits``, ``suite.signature``) and never compares identifiers.

Source: framework/algorithm-suites.md#supported-algorithm-suites, framework/commitment-policy.md
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Self

from warmkey.choices import Choice

__all__ = ["AlgorithmSuite", "CommitmentPolicy", "Hash", "SignatureAlgorithm"]

# Members are singletons, and Enum's own hash is a Python call on every dictionary look-up: all of them here have
# object's instead.

# spec: framework/algorithm-suites.md#encryption-algorithm-mode d0ca
IV_LENGTH = 12
# spec: framework/algorithm-suites.md#encryption-algorithm-mode 34f8
TAG_LENGTH = 16


class Hash(Choice, Enum):
    """A hash function, by the name that ``hashlib`` knows."""

    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"

    __hash__ = object.__hash__


class SignatureAlgorithm(Choice, Enum):
    """ECDSA over a named curve with a hash function."""

    #             curve        hash         coordinate and digest in bytes
    ECDSA_P256 = ("secp256r1", Hash.SHA256, 32, 32)
    ECDSA_P384 = ("secp384r1", Hash.SHA384, 48, 48)

    def __init__(self, curve: str, hash_function: Hash, coordinate_length: int, digest_length: int) -> None:
        self.curve = curve
        self.hash_function = hash_function
        self.coordinate_length = coordinate_length
        self.digest_length = digest_length

    __hash__ = object.__hash__


_P256 = SignatureAlgorithm.ECDSA_P256
_P384 = SignatureAlgorithm.ECDSA_P384


# spec: framework/algorithm-suites.md#overview a12b
# spec: framework/algorithm-suites.md#structure 9d05
# spec: framework/algorithm-suites.md#algorithm-suite-id f30c
# spec: framework/algorithm-suites.md#supported-algorithm-suites 712c 584c
class AlgorithmSuite(Choice, Enum):
    """An algorithm suite; ``AlgorithmSuite(0x0478)`` finds one by its identifier.

    :ivar message_version: 1 or 2, the layout of the message header
    :ivar data_key_length: length of the plaintext data key and of the derived key, in bytes
    :ivar kdf_hash: hash function of HKDF; ``None`` for the identity KDF
    :ivar commits: whether messages carry a key commitment
    :ivar signature: the signature algorithm, or ``None``
    :ivar suite_data_length: bytes of algorithm suite data in the header
    :ivar message_id_length: bytes of message ID in the header
    """

    #                                                id     version key kdf          commits signature
    # spec: framework/algorithm-suites.md#identity-kdf d734
    AES_128_GCM_IV12_TAG16_NO_KDF = (0x0014, 1, 16, None, False, None)
    AES_192_GCM_IV12_TAG16_NO_KDF = (0x0046, 1, 24, None, False, None)
    AES_256_GCM_IV12_TAG16_NO_KDF = (0x0078, 1, 32, None, False, None)
    AES_128_GCM_IV12_TAG16_HKDF_SHA256 = (0x0114, 1, 16, Hash.SHA256, False, None)
    AES_192_GCM_IV12_TAG16_HKDF_SHA256 = (0x0146, 1, 24, Hash.SHA256, False, None)
    AES_256_GCM_IV12_TAG16_HKDF_SHA256 = (0x0178, 1, 32, Hash.SHA256, False, None)
    AES_128_GCM_IV12_TAG16_HKDF_SHA256_ECDSA_P256 = (0x0214, 1, 16, Hash.SHA256, False, _P256)
    AES_192_GCM_IV12_TAG16_HKDF_SHA384_ECDSA_P384 = (0x0346, 1, 24, Hash.SHA384, False, _P384)
    AES_256_GCM_IV12_TAG16_HKDF_SHA384_ECDSA_P384 = (0x0378, 1, 32, Hash.SHA384, False, _P384)
    AES_256_GCM_HKDF_SHA512_COMMIT_KEY = (0x0478, 2, 32, Hash.SHA512, True, None)
    AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384 = (0x0578, 2, 32, Hash.SHA512, True, _P384)

    message_version: int
    data_key_length: int
    kdf_hash: Hash | None
    commits: bool
    signature: SignatureAlgorithm | None
    id_bytes: bytes
    has_identity_kdf: bool
    suite_data_length: int
    message_id_length: int

    def __new__(cls, suite_id: int, *row: Any) -> Self:  # noqa: ANN401 - the columns of the table above
        """One row of the table; users call the class with an identifier alone."""
        suite = object.__new__(cls)
        suite._value_ = suite_id
        version, suite.data_key_length, suite.kdf_hash, suite.commits, suite.signature = row
        # spec: framework/algorithm-suites.md#message-format-version 5729
        suite.message_version = version
        # spec: framework/algorithm-suites.md#algorithm-suite-id f30c
        suite.id_bytes = suite_id.to_bytes(2, "big")
        suite.has_identity_kdf = suite.kdf_hash is None
        # spec: framework/algorithm-suites.md#algorithm-suite-data-length 1605
        suite.suite_data_length = 32 if suite.commits else 0
        suite.message_id_length = {1: 16, 2: 32}[version]
        return suite

    __hash__ = object.__hash__


class CommitmentPolicy(Choice, Enum):
    """Which suites a client may encrypt with, and which it may decrypt.

    :ivar default_suite: what ``encrypt`` uses when the caller names no suite
    """

    FORBID_ENCRYPT_ALLOW_DECRYPT = "FORBID_ENCRYPT_ALLOW_DECRYPT"
    REQUIRE_ENCRYPT_ALLOW_DECRYPT = "REQUIRE_ENCRYPT_ALLOW_DECRYPT"
    REQUIRE_ENCRYPT_REQUIRE_DECRYPT = "REQUIRE_ENCRYPT_REQUIRE_DECRYPT"

    def __init__(self, name: str) -> None:
        requires = name.startswith("REQUIRE_ENCRYPT")
        # spec: framework/commitment-policy.md#esdkforbid_encrypt_allow_decrypt 8a07
        # spec: framework/commitment-policy.md#esdkrequire_encrypt_allow_decrypt f6c9
        # spec: framework/commitment-policy.md#esdkrequire_encrypt_require_decrypt f6c9
        self.encrypt_suites: frozenset[AlgorithmSuite] = frozenset(s for s in AlgorithmSuite if s.commits is requires)
        # spec: framework/commitment-policy.md#esdkforbid_encrypt_allow_decrypt 158b
        # spec: framework/commitment-policy.md#esdkrequire_encrypt_allow_decrypt 158b
        # spec: framework/commitment-policy.md#esdkrequire_encrypt_require_decrypt 57fa
        self.decrypt_suites: frozenset[AlgorithmSuite] = frozenset(
            s for s in AlgorithmSuite if s.commits or name.endswith("ALLOW_DECRYPT")
        )
        # spec: framework/commitment-policy.md#esdkrequire_encrypt_allow_decrypt cae3
        # spec: framework/commitment-policy.md#esdkrequire_encrypt_require_decrypt cae3
        self.default_suite: AlgorithmSuite = (
            AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384
            if requires
            else AlgorithmSuite.AES_256_GCM_IV12_TAG16_HKDF_SHA384_ECDSA_P384
        )

    __hash__ = object.__hash__
