"""Materials can't be changed, alias nothing, and what is secret in them stays there."""

# Source: framework/structures.md#encryption-materials
# Source: framework/structures.md#decryption-materials

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from warmkey import AlgorithmSuite, DecryptionMaterials, EncryptedDataKey, EncryptionMaterials, InvalidRequest
from warmkey.clock import Birth, Instant
from warmkey.structures import EncryptionContext
from warmkey.testing import SettableClock

if TYPE_CHECKING:
    from collections.abc import Callable

SUITE = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
KEY = EncryptedDataKey(key_provider_id="p", key_provider_info=b"i", ciphertext=b"c")
DATA_KEY = b"the data key, of which nobody..."
VALUE = "blue-whale"


def encryption_materials(**changes: Any) -> EncryptionMaterials:
    fields = {
        "algorithm_suite": SUITE,
        "encryption_context": {"tenant": VALUE},
        "encrypted_data_keys": [KEY],
        "plaintext_data_key": DATA_KEY,
    }
    return EncryptionMaterials(**{**fields, **changes})


def decryption_materials(**changes: Any) -> DecryptionMaterials:
    fields = {"algorithm_suite": SUITE, "encryption_context": {"tenant": VALUE}, "plaintext_data_key": DATA_KEY}
    return DecryptionMaterials(**{**fields, **changes})


BOTH_MATERIALS = pytest.mark.parametrize("make", [encryption_materials, decryption_materials])


# spec: framework/structures.md#plaintext-data-key 2358
# spec: framework/structures.md#plaintext-data-key-1 7a0c
@BOTH_MATERIALS
def test_materials_show_no_secret(make: Any) -> None:
    materials = make(plaintext_data_key=DATA_KEY)

    for text in (repr(materials), str(materials), f"{materials}", f"{[materials]!r}"):
        assert "data key, of which" not in text
        assert VALUE not in text


@BOTH_MATERIALS
def test_materials_show_their_suite_and_required_keys_alone(make: Any) -> None:
    materials = make(required_encryption_context_keys={"tenant"}, requested=Birth(SettableClock(), Instant(1.0, 2.0)))

    shown = f"algorithm_suite={SUITE!r}, required_encryption_context_keys=frozenset({{'tenant'}})"
    assert repr(materials) == f"{type(materials).__name__}({shown})"


@BOTH_MATERIALS
def test_when_they_were_requested_does_not_tell_materials_apart(make: Any) -> None:
    assert (
        make(requested=Birth(SettableClock(), Instant(1.0, 2.0)))
        == make(requested=Birth(SettableClock(), Instant(4.0, 5.0)))
        == make()
    )


@BOTH_MATERIALS
@pytest.mark.parametrize(
    "leave",
    [
        pickle.dumps,
        lambda materials: pickle.dumps(materials, protocol=0),
        lambda materials: pickle.dumps([{"deep": materials}]),
        copy.copy,
        copy.deepcopy,
        lambda materials: materials.__getstate__(),
        lambda materials: materials.__reduce__(),
        lambda materials: materials.__reduce_ex__(2),
    ],
    ids=range(8),
)
def test_materials_refuse_to_leave(make: Any, leave: Any) -> None:
    with pytest.raises(TypeError, match="Materials holds key material and can't be pickled or copied"):
        leave(make())


# spec: framework/structures.md#plaintext-data-key 14cb
# spec: framework/structures.md#plaintext-data-key-1 14cb
@BOTH_MATERIALS
def test_materials_cannot_be_changed_and_replace_makes_others(make: Any) -> None:
    materials = make()
    with pytest.raises(dataclasses.FrozenInstanceError):
        materials.plaintext_data_key = b""

    replaced = dataclasses.replace(materials, plaintext_data_key=b"another")

    assert (materials.plaintext_data_key, replaced.plaintext_data_key) == (DATA_KEY, b"another")
    assert replaced.encryption_context == materials.encryption_context


@BOTH_MATERIALS
def test_materials_alias_nothing_of_the_callers(make: Any) -> None:
    context, data_key = {"tenant": VALUE}, bytearray(DATA_KEY)
    materials = make(
        encryption_context=context, plaintext_data_key=data_key, required_encryption_context_keys={"tenant"}
    )
    context.clear()
    data_key[:] = bytes(len(data_key))

    assert materials.encryption_context == {"tenant": VALUE}
    assert materials.plaintext_data_key == DATA_KEY
    assert materials.required_encryption_context_keys == frozenset({"tenant"})


# spec: framework/structures.md#overview 3016
# spec: framework/structures.md#structure-2 a981
# spec: framework/structures.md#signing-key 3366
# spec: framework/structures.md#required-encryption-context-keys 4e23
# spec: framework/structures.md#encrypted-data-keys 27ea
@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({}, None),
        ({"plaintext_data_key": None}, "no plaintext data key of 32 bytes"),
        ({"plaintext_data_key": bytes(31)}, "no plaintext data key of 32 bytes"),
        ({"plaintext_data_key": bytes(33)}, "no plaintext data key of 32 bytes"),
        ({"encrypted_data_keys": ()}, "no encrypted data key, so nobody could decrypt the message"),
        ({"signing_key": object()}, f"a signing key for {SUITE.name}"),
        ({"required_encryption_context_keys": {"other"}}, "an encryption context without a key that is required"),
    ],
    ids=range(7),
)
def test_encryption_materials_say_what_they_lack(changes: dict[str, Any], missing: str | None) -> None:
    assert encryption_materials(**changes).missing == missing


# spec: framework/structures.md#overview 3016
# spec: framework/structures.md#fields e3cf
# spec: framework/structures.md#required-encryption-context-keys-1 4e23
@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({}, None),
        ({"plaintext_data_key": None}, "no plaintext data key of 32 bytes"),
        ({"plaintext_data_key": bytes(16)}, "no plaintext data key of 32 bytes"),
        ({"verification_key": object()}, f"a verification key for {SUITE.name}"),
        ({"required_encryption_context_keys": {"other"}}, "an encryption context without a key that is required"),
    ],
    ids=range(5),
)
def test_decryption_materials_say_what_they_lack(changes: dict[str, Any], missing: str | None) -> None:
    assert decryption_materials(**changes).missing == missing


# spec: framework/structures.md#signing-key 3366
# spec: framework/structures.md#structure-2 deb5
# spec: framework/structures.md#fields 06e6
@pytest.mark.parametrize("kind", ["signing", "verification"])
def test_a_suite_that_signs_wants_a_key_for_it(kind: str) -> None:
    make = encryption_materials if kind == "signing" else decryption_materials
    signs = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384

    assert make(algorithm_suite=signs).missing == f"no {kind} key for {signs.name}"
    assert make(algorithm_suite=signs, **{f"{kind}_key": object()}).missing is None


# spec: framework/raw-aes-keyring.md#onencrypt 1985
# spec: framework/raw-aes-keyring.md#ondecrypt 404d
# spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt 1985
# spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 404d
# spec: framework/raw-ecdh-keyring.md#onencrypt 1985
# spec: framework/raw-ecdh-keyring.md#ondecrypt 404d
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-wrapping-and-unwrapping-aad 2f77
@BOTH_MATERIALS
@pytest.mark.parametrize("context", [{"k": 1}, {"k": "\ud800"}, {"k": "v" * 65_536}], ids=range(3))
def test_a_context_that_can_not_be_serialized_is_refused(make: Any, context: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        make(encryption_context=context)


def test_what_was_derived_from_materials_is_no_part_of_their_value_and_not_inherited() -> None:
    materials = encryption_materials()
    materials.header_parts["derived"] = "something"

    assert materials == encryption_materials()
    assert dataclasses.replace(materials).header_parts == {}
    assert "something" not in repr(materials)


@pytest.mark.parametrize("convert", [dataclasses.asdict, dataclasses.astuple])
@pytest.mark.parametrize("kind", [EncryptionMaterials, DecryptionMaterials])
def test_they_become_neither_dict_nor_tuple(kind: Any, convert: Callable[[Any], Any]) -> None:
    """That is how a value gets into JSON logs."""
    materials = kind(algorithm_suite=AlgorithmSuite(0x0478), plaintext_data_key=b"white-shark" * 2)

    with pytest.raises(TypeError, match="holds key material") as error:
        convert(materials)
    assert "white-shark" not in repr(error.value)
    assert dataclasses.replace(materials).plaintext_data_key == b"white-shark" * 2


# --- the shorter ways to make them

OTHER_SUITE = AlgorithmSuite(0x0014)
SIGNED = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384


def every_field(materials: Any) -> dict[str, Any]:
    """Also those that neither their comparison nor their ``repr`` has."""
    return {field.name: getattr(materials, field.name) for field in dataclasses.fields(materials)}


@pytest.mark.parametrize("suite", [SUITE, OTHER_SUITE, SIGNED])
@pytest.mark.parametrize("required", [frozenset(), frozenset({"tenant"}), frozenset({"not there"})])
@pytest.mark.parametrize("has_key", [True, False])
def test_materials_of_checked_are_what_the_constructor_makes(
    suite: AlgorithmSuite, required: frozenset[str], has_key: bool
) -> None:
    context, key = EncryptionContext.of({"tenant": VALUE}), object() if has_key else None
    common: dict[str, Any] = {
        "algorithm_suite": suite,
        "encryption_context": context,
        "required_encryption_context_keys": required,
    }
    pairs: list[tuple[Any, Any]] = [
        (
            EncryptionMaterials.of_checked(suite, context, required, key),  # type: ignore[arg-type]
            EncryptionMaterials(**common, signing_key=key),
        ),
        (
            DecryptionMaterials.of_checked(suite, context, required, key),  # type: ignore[arg-type]
            DecryptionMaterials(**common, verification_key=key),
        ),
    ]

    for made, expected in pairs:
        assert every_field(made) == every_field(expected)
        assert type(made.encryption_context) is EncryptionContext


@pytest.mark.parametrize("suite", [SUITE, OTHER_SUITE, SIGNED])
@pytest.mark.parametrize("required", [frozenset(), frozenset({"tenant"}), frozenset({"not there"})])
@pytest.mark.parametrize("length", [16, 32])
def test_filled_materials_are_what_the_constructor_makes(
    suite: AlgorithmSuite, required: frozenset[str], length: int
) -> None:
    given: dict[str, Any] = {"algorithm_suite": suite, "required_encryption_context_keys": required}
    data_key = bytes(length)
    encrypting, decrypting = encryption_materials(**given), decryption_materials(**given, plaintext_data_key=None)
    pairs: list[tuple[Any, Any]] = [
        (
            encrypting.with_data_key(data_key, KEY),
            encryption_materials(**given, plaintext_data_key=data_key, encrypted_data_keys=[KEY, KEY]),
        ),
        (decrypting.with_data_key(data_key), decryption_materials(**given, plaintext_data_key=data_key)),
    ]

    for made, expected in pairs:
        assert every_field(made) == every_field(expected)
