from __future__ import annotations

import pytest

from tests.keyrings.line_up import CONTEXT, EAST, WEST, encrypted, replicas, to_decrypt
from warmkey import AwsKmsKeyring, KeyUnavailable, MultiKeyring
from warmkey.keyrings import AwsKmsMrkKeyring
from warmkey.testing import FakeKms


# spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt 1f12 c994
def test_a_replica_decrypts_in_its_own_region() -> None:
    """It is asked for itself, never for the key that the message names."""
    east, primary, west, replica = replicas()
    made = encrypted(AwsKmsMrkKeyring(primary, kms_client=east))

    unwrapped = AwsKmsMrkKeyring(replica, kms_client=west).on_decrypt(to_decrypt(), made.encrypted_data_keys)

    assert made.plaintext_data_key == unwrapped.plaintext_data_key
    assert made.encrypted_data_keys[0].key_provider_info == primary.encode()
    assert [(call.operation, call.key_id, call.encryption_context) for call in west.calls] == [
        ("Decrypt", replica, CONTEXT)
    ]
    assert east.count("Decrypt") == 0


def test_the_strict_keyring_knows_no_replicas() -> None:
    east, primary, west, replica = replicas()
    made = encrypted(AwsKmsKeyring(primary, kms_client=east))

    with pytest.raises(KeyUnavailable) as failure:
        AwsKmsKeyring(replica, kms_client=west).on_decrypt(to_decrypt(), made.encrypted_data_keys)
    assert failure.value.attempts == ()
    assert west.calls == []


def test_a_single_region_key_is_strict() -> None:
    east = FakeKms(EAST)
    west = FakeKms(WEST, world=east.world)
    made = encrypted(AwsKmsMrkKeyring(east.create_key(), kms_client=east))

    with pytest.raises(KeyUnavailable) as failure:
        AwsKmsMrkKeyring(west.create_key(), kms_client=west).on_decrypt(to_decrypt(), made.encrypted_data_keys)
    assert failure.value.attempts == ()


def test_another_multi_region_key_is_not_tried() -> None:
    east, primary, _, _ = replicas()
    made = encrypted(AwsKmsMrkKeyring(primary, kms_client=east))
    other = AwsKmsMrkKeyring(east.create_key(multi_region=True), kms_client=east)

    with pytest.raises(KeyUnavailable) as failure:
        other.on_decrypt(to_decrypt(), made.encrypted_data_keys)
    assert failure.value.attempts == ()


def test_an_answer_of_another_replica_is_refused() -> None:
    east, primary, west, replica = replicas()
    made = encrypted(AwsKmsMrkKeyring(primary, kms_client=east))
    west.fail("Decrypt", error="another-key")

    with pytest.raises(KeyUnavailable, match="KMS answered for another key"):
        AwsKmsMrkKeyring(replica, kms_client=west).on_decrypt(to_decrypt(), made.encrypted_data_keys)


def test_wraps_a_data_key_that_is_there() -> None:
    east, primary, west, replica = replicas()
    both = MultiKeyring(AwsKmsMrkKeyring(primary, kms_client=east), [AwsKmsMrkKeyring(replica, kms_client=west)])

    made = encrypted(both)

    assert [key.key_provider_info.decode() for key in made.encrypted_data_keys] == [primary, replica]
    assert (east.counts(), west.counts()) == ({"GenerateDataKey": 1}, {"Encrypt": 1})


def test_a_key_id_can_encrypt_but_messages_name_arns() -> None:
    """So a configured key ID matches nothing, even that of a multi-Region key."""
    east, primary, _, _ = replicas()
    keyring = AwsKmsMrkKeyring(primary.rpartition("/")[2], kms_client=east)
    made = encrypted(keyring)

    with pytest.raises(KeyUnavailable):
        keyring.on_decrypt(to_decrypt(), made.encrypted_data_keys)
    assert made.encrypted_data_keys[0].key_provider_info == primary.encode()


def test_repr_names_class_and_key() -> None:
    _, _, west, replica = replicas()

    assert repr(AwsKmsMrkKeyring(replica, kms_client=west)) == f"AwsKmsMrkKeyring({replica!r})"
