"""Derive the keys of one message from the data key of the materials.

Source: framework/transitive-requirements.md#hkdf-encryption-key, #hkdf-commit-key
"""

from __future__ import annotations

from hmac import compare_digest

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

from warmkey.algorithm_suites import AlgorithmSuite, Hash
from warmkey.exceptions import AuthenticationFailed

__all__ = ["check_commitment", "derive_keys"]

_HASHES: dict[Hash, hashes.HashAlgorithm] = {
    Hash.SHA256: hashes.SHA256(),
    Hash.SHA384: hashes.SHA384(),
    Hash.SHA512: hashes.SHA512(),
}
# What every committing suite has in common.
_SHA512 = _HASHES[Hash.SHA512]
_KEY_LENGTH = 32
# spec: framework/algorithm-suites.md#algorithm-suite-id fdc3
# spec: framework/transitive-requirements.md#hkdf-encryption-key 5cfb
_ENCRYPTION_KEY_INFO = {suite: suite.id_bytes + b"DERIVEKEY\x01" for suite in AlgorithmSuite if suite.commits}
# spec: framework/transitive-requirements.md#hkdf-commit-key 3955
_COMMIT_KEY_INFO = b"COMMITKEY\x01"


def derive_keys(suite: AlgorithmSuite, data_key: bytes, message_id: bytes) -> tuple[bytes, bytes]:
    """Return the encryption key and the commit key, which is empty if *suite* does not commit.

    Every expansion of HKDF here is one block, so it is one HMAC: one extraction and one keyed HMAC, copied, serve
    both keys (4.8 µs; two HKDF objects take 7.8).
    """
    info = _ENCRYPTION_KEY_INFO.get(suite)
    if info is None:
        return _encryption_key(suite, data_key, message_id), b""
    # spec: framework/transitive-requirements.md#hkdf-encryption-key 11e0 c3ad
    # spec: framework/transitive-requirements.md#hkdf-commit-key a111 7fb8 2dee
    extract = HMAC(message_id, _SHA512)
    # spec: framework/transitive-requirements.md#hkdf-encryption-key c7b2 5f2c
    # spec: framework/transitive-requirements.md#hkdf-commit-key c7b2 d1b1
    extract.update(data_key)
    # spec: framework/transitive-requirements.md#hkdf-encryption-key 566f
    # spec: framework/transitive-requirements.md#hkdf-commit-key 566f 4793
    expand = HMAC(extract.finalize(), _SHA512)
    expand_commit_key = expand.copy()
    expand.update(info)
    expand_commit_key.update(_COMMIT_KEY_INFO)
    # spec: framework/algorithm-suites.md#encryption-algorithm 936c
    # spec: framework/algorithm-suites.md#encryption-key-derivation-algorithm 6d6c
    # spec: framework/algorithm-suites.md#commit-key-derivation-algorithm d130
    # spec: framework/transitive-requirements.md#hkdf-encryption-key 2f66
    # spec: framework/transitive-requirements.md#hkdf-commit-key 1f63
    return expand.finalize()[:_KEY_LENGTH], expand_commit_key.finalize()[:_KEY_LENGTH]


def _encryption_key(suite: AlgorithmSuite, data_key: bytes, message_id: bytes) -> bytes:
    if suite.kdf_hash is None:
        # spec: framework/algorithm-suites.md#identity-kdf f385
        return data_key
    # spec: framework/transitive-requirements.md#hkdf-encryption-key 11e0 e009
    algorithm = _HASHES[suite.kdf_hash]
    # spec: framework/transitive-requirements.md#hkdf-encryption-key e1a5
    extract = HMAC(bytes(algorithm.digest_size), algorithm)
    # spec: framework/transitive-requirements.md#hkdf-encryption-key c7b2 5f2c
    extract.update(data_key)
    # spec: framework/transitive-requirements.md#hkdf-encryption-key 566f
    expand = HMAC(extract.finalize(), algorithm)
    # spec: framework/transitive-requirements.md#hkdf-encryption-key 94f6
    expand.update(suite.id_bytes + message_id + b"\x01")
    # spec: framework/algorithm-suites.md#encryption-algorithm 936c
    # spec: framework/algorithm-suites.md#encryption-key-derivation-algorithm 6d6c
    # spec: framework/transitive-requirements.md#hkdf-encryption-key 2f66
    return expand.finalize()[: suite.data_key_length]


def check_commitment(commit_key: bytes, stored_commit_key: bytes) -> None:
    """Check that the commit key in the header is the one derived from the data key.

    :raises AuthenticationFailed: it is not

    Source: client-apis/decrypt.md#get-the-decryption-materials
    """
    # spec: framework/transitive-requirements.md#hkdf-commit-key cf5b
    if not compare_digest(commit_key, stored_commit_key):
        raise AuthenticationFailed("the key commitment of the message does not belong to its data key")
