"""How long a message will be: equal to real ones, of signed ones an upper bound."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

import warmkey
from tests.vectors.forge import SUITES
from tests.vectors.readers import COMMITTING, NOT_COMMITTING
from warmkey import (
    AlgorithmSuite,
    AwsKmsKeyring,
    DefaultCMM,
    EncryptedDataKey,
    InvalidRequest,
    MultiKeyring,
    message_length,
)
from warmkey.branch_keys import AwsKmsHierarchicalKeyring
from warmkey.client_apis.encrypt import encrypt
from warmkey.testing import FakeKms, fake_kms
from warmkey.testing.branch_keys import FakeBranchKeyStore

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from warmkey import EncryptionMaterials

UNSIGNED = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
pairs = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6).filter(lambda key: not key.startswith("aws-crypto-")),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
    max_size=4,
)
# AWS KMS: provider aws-kms, an ARN, a blob. The hierarchical keyring: aws-kms-hierarchy, a branch key's name, salt, IV,
# version, data key and tag. Raw AES: key name with IV and lengths.
key_shapes = st.sampled_from([(7, 75, 167), (17, 36, 92), (17, 3, 92), (5, 25, 48), (1, 0, 0), (30, 300, 512)])


class ShapedKeyring:
    """Gives encrypted data keys of given lengths."""

    def __init__(self, shapes: Collection[tuple[int, int, int]]) -> None:
        self._keys = tuple(
            EncryptedDataKey(
                key_provider_id="p" * provider, key_provider_info=b"i" * info, ciphertext=b"c" * ciphertext
            )
            for provider, info, ciphertext in shapes
        )

    def on_encrypt(self, materials: EncryptionMaterials, /) -> EncryptionMaterials:
        key = os.urandom(materials.algorithm_suite.data_key_length)
        return replace(materials, plaintext_data_key=key, encrypted_data_keys=self._keys)

    def on_decrypt(self, materials: Any, keys: Any, /) -> NoReturn:
        raise NotImplementedError


def real_message(
    suite: AlgorithmSuite, plaintext: bytes, *, context: dict[str, str], shapes: Any, frame_length: Any, kind: Any
) -> bytes:
    client = COMMITTING if suite.commits else NOT_COMMITTING
    return encrypt(
        plaintext,
        cmm=DefaultCMM(ShapedKeyring(shapes)),
        commitment_policy=client.commitment_policy,
        max_encrypted_data_keys=None,
        encryption_context=context,
        algorithm_suite=suite,
        frame_length=frame_length,
        kind=kind,
    ).ciphertext


@given(
    suite=st.sampled_from([AlgorithmSuite(suite_id) for suite_id in SUITES]),
    length=st.integers(0, 300) | st.sampled_from([4095, 4096, 4097, 8192, 70_000]),
    context=pairs,
    shapes=st.lists(key_shapes, min_size=1, max_size=4),
    frame_length=st.integers(1, 100) | st.sampled_from([4096, 2**32 - 1, "auto"]),
    kind=st.sampled_from([None, "record", "token", "checkpoint"]),
)
def test_it_is_that_of_the_real_message(
    suite: AlgorithmSuite, length: int, context: dict[str, str], shapes: Any, frame_length: Any, kind: Any
) -> None:
    message = real_message(suite, bytes(length), context=context, shapes=shapes, frame_length=frame_length, kind=kind)

    told = message_length(
        length,
        algorithm_suite=suite,
        encryption_context=context if kind is None else {**context, "warmkey-kind": kind},
        frame_length=frame_length,
        encrypted_data_key_lengths=(6 + sum(shape) for shape in shapes),
    )

    if suite.signature is None:
        assert told == len(message)
    else:
        assert told - 8 <= len(message) <= told


@pytest.mark.parametrize("suite", [suite for suite in AlgorithmSuite if suite.signature is not None], ids=str)
def test_the_longest_signature_fits_exactly(suite: AlgorithmSuite) -> None:
    """Its two numbers have a zero byte in front: one signature in four, so one of two hundred."""
    lengths = {
        len(real_message(suite, b"", context={}, shapes=[(7, 75, 167)], frame_length=4096, kind=None))
        for _ in range(200)
    }

    assert max(lengths) == message_length(0, algorithm_suite=suite)


def lengths_of(keys: Iterable[EncryptedDataKey]) -> list[int]:
    return [6 + len(key.key_provider_id) + len(key.key_provider_info) + len(key.ciphertext) for key in keys]


def test_without_more_it_is_that_of_a_signed_message_with_one_kms_key() -> None:
    """FakeKms' ciphertext blobs have 85 bytes; those of AWS KMS have 167."""
    kms = FakeKms()
    keyring = AwsKmsKeyring(kms.create_key(), kms_client=kms)
    lengths = {len(warmkey.Client().encrypt(bytes(100), keyring=keyring).ciphertext) for _ in range(200)}

    assert max(lengths) == message_length(100) - 167 + 85


def test_two_kms_keys_are_two_lengths() -> None:
    kms = FakeKms()
    first, second = (AwsKmsKeyring(kms.create_key(), kms_client=kms) for _ in range(2))
    result = COMMITTING.encrypt(
        b"", keyring=MultiKeyring(first, [second]), encryption_context={"tenant": "a"}, algorithm_suite=UNSIGNED
    )

    assert len(result.ciphertext) == message_length(
        0,
        algorithm_suite=UNSIGNED,
        encryption_context={"tenant": "a"},
        encrypted_data_key_lengths=lengths_of(result.header.encrypted_data_keys),
    )


@pytest.mark.parametrize("branch_key_id", ["tenant-a", "5f0c7a52-6f0f-4b44-8f0c-0f2ad1a7a2f1"])
def test_the_hierarchical_keyring_has_the_lengths_that_the_page_gives(branch_key_id: str) -> None:
    """docs/places.md: 17, the length of the branch key's name, and 92; and 6, as for every key."""
    store = FakeBranchKeyStore()
    store.add(branch_key_id)
    keyring = AwsKmsHierarchicalKeyring(store, branch_key_id=branch_key_id, ttl_seconds=60)

    message = COMMITTING.encrypt(bytes(10), keyring=keyring, algorithm_suite=UNSIGNED).ciphertext

    lengths = [6 + 17 + len(branch_key_id) + 92]
    assert len(message) == message_length(10, algorithm_suite=UNSIGNED, encrypted_data_key_lengths=lengths)


def test_what_the_sealing_functions_write_is_computed_with_their_pair() -> None:
    with fake_kms() as session:
        session.configure(algorithm_suite=UNSIGNED)
        sealed = warmkey.seal_record({"name": "x"}, ["name"], {"tenant": "a"})
        token = warmkey.seal_token(b"cursor", {"tenant": "a"})

    # [1,[["name","x"]],[],[]]; and a version, an expiry and the data.
    for kind, plaintext, written in (("record", 24, len(sealed["_sealed"])), ("token", 15, len(token))):
        length = message_length(
            plaintext,
            algorithm_suite=UNSIGNED,
            encryption_context={"tenant": "a", "warmkey-kind": kind},
            encrypted_data_key_lengths=[255 - 167 + 85],
        )
        assert written == (length if kind == "record" else -(-length * 4 // 3))


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"plaintext_length": -1}, "plaintext_length must be an int of 0 or more, not -1"),
    ({"plaintext_length": True}, "plaintext_length must be an int of 0 or more, not True"),
    ({"plaintext_length": b"plaintext"}, "plaintext_length must be an int of 0 or more, not bytes"),
    ({"plaintext_length": 10**5000}, "needs more than 4294967295 frames"),
    ({"plaintext_length": 2**33, "frame_length": 1}, "needs more than 4294967295 frames of 1 byte"),
    ({"plaintext_length": 2**32, "frame_length": 2**32 - 1}, "a frame of more than"),
    ({"frame_length": 0}, "frame_length"),
    ({"frame_length": "large"}, "frame_length"),
    ({"algorithm_suite": 7}, "algorithm_suite must be a member of AlgorithmSuite, not 7"),
    ({"algorithm_suite": "fast"}, "algorithm_suite must be a member of AlgorithmSuite"),
    ({"encryption_context": {"aws-crypto-public-key": "x"}}, "'aws-crypto-public-key' is reserved; it is counted"),
    ({"encryption_context": ["tenant"]}, "the encryption context must be a mapping"),
    ({"encrypted_data_key_lengths": 255}, "encrypted_data_key_lengths must be several lengths, not 255"),
    ({"encrypted_data_key_lengths": []}, "encrypted_data_key_lengths must have 1 to 65535 lengths, not 0"),
    ({"encrypted_data_key_lengths": [5]}, "each of encrypted_data_key_lengths must be an int of 6 or more, not 5"),
    (
        {"encrypted_data_key_lengths": ["255"]},
        "each of encrypted_data_key_lengths must be an int of 6 or more, not str",
    ),
    ({"encrypted_data_key_lengths": [255] * 65536}, "must have 1 to 65535 lengths, not 65536"),
]


@pytest.mark.parametrize(("arguments", "problem"), REFUSED, ids=map(str, range(len(REFUSED))))
def test_what_no_message_can_have_is_refused(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        message_length(**({"plaintext_length": 0} | arguments))


def test_large_messages_are_only_computed() -> None:
    assert message_length(2**40, algorithm_suite=UNSIGNED, frame_length=2**16) == 2**40 + 387 + 32 * (2**24 - 1)
