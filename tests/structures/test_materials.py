"""Materials can't be changed, alias nothing, and what is secret in them stays there."""

# Source: framework/structures.md#encryption-materials
# Source: framework/structures.md#decryption-materials

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from warmkey import AlgorithmSuite, DecryptionMaterials, EncryptedDataKey, EncryptionMaterials

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


@BOTH_MATERIALS
def test_materials_show_no_secret(make: Any) -> None:
    materials = make(plaintext_data_key=DATA_KEY)

    for text in (repr(materials), str(materials), f"{materials}", f"{[materials]!r}"):
        assert "data key, of which" not in text
        assert VALUE not in text


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
