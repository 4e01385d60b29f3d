"""ReEncrypt and GenerateDataKeyWithoutPlaintext of the fake KMS, which a key store relies on."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from warmkey.testing import FakeKms

FROM, TO = {"type": "from"}, {"type": "to"}


@pytest.fixture
def kms() -> FakeKms:
    return FakeKms()


def refusal(method: Any, **arguments: Any) -> str:
    """The error code of a request that fails."""
    with pytest.raises(ClientError) as error:
        method(**arguments)
    return str(error.value.response["Error"]["Code"])


def generate(kms: FakeKms, key: str) -> bytes:
    blob: bytes = kms.generate_data_key_without_plaintext(KeyId=key, NumberOfBytes=32, EncryptionContext=FROM)[
        "CiphertextBlob"
    ]
    return blob


def re_encrypt(kms: FakeKms, key: str, blob: bytes, **changes: Any) -> dict[str, Any]:
    given = {
        "SourceKeyId": key,
        "SourceEncryptionContext": FROM,
        "CiphertextBlob": blob,
        "DestinationKeyId": key,
        "DestinationEncryptionContext": TO,
        **changes,
    }
    return kms.re_encrypt(**{name: value for name, value in given.items() if value is not None})


def test_a_data_key_without_its_plaintext(kms: FakeKms) -> None:
    key = kms.create_key()

    answer = kms.generate_data_key_without_plaintext(KeyId=key, NumberOfBytes=32, EncryptionContext=FROM)

    assert answer.keys() == {"CiphertextBlob", "KeyId", "ResponseMetadata"}
    assert answer["KeyId"] == key
    opened = kms.decrypt(CiphertextBlob=answer["CiphertextBlob"], EncryptionContext=FROM)
    assert len(opened["Plaintext"]) == 32


def test_re_encrypting_changes_the_context_and_not_the_plaintext(kms: FakeKms) -> None:
    key = kms.create_key()
    blob = generate(kms, key)

    answer = re_encrypt(kms, key, blob)

    assert (answer["SourceKeyId"], answer["KeyId"]) == (key, key)
    before = kms.decrypt(CiphertextBlob=blob, EncryptionContext=FROM)
    after = kms.decrypt(CiphertextBlob=answer["CiphertextBlob"], EncryptionContext=TO)
    assert before["Plaintext"] == after["Plaintext"]
    assert refusal(kms.decrypt, CiphertextBlob=answer["CiphertextBlob"], EncryptionContext=FROM) == (
        "InvalidCiphertextException"
    )


def test_re_encrypting_may_change_the_key(kms: FakeKms) -> None:
    source, destination = kms.create_key(), kms.create_key()

    answer = re_encrypt(kms, source, generate(kms, source), DestinationKeyId=destination)

    assert (answer["SourceKeyId"], answer["KeyId"]) == (source, destination)
    assert kms.decrypt(KeyId=destination, CiphertextBlob=answer["CiphertextBlob"], EncryptionContext=TO)


def test_the_source_key_may_be_left_out(kms: FakeKms) -> None:
    key = kms.create_key()

    assert re_encrypt(kms, key, generate(kms, key), SourceKeyId=None)["SourceKeyId"] == key


def test_a_source_key_that_did_not_make_the_ciphertext_is_the_incorrect_one(kms: FakeKms) -> None:
    key = kms.create_key()

    code = refusal(re_encrypt, kms=kms, key=key, blob=generate(kms, key), SourceKeyId=kms.create_key())

    assert code == "IncorrectKeyException"


@pytest.mark.parametrize("context", [{}, {"type": "other"}, {**FROM, "more": "x"}])
def test_another_source_context_is_refused(kms: FakeKms, context: dict[str, str]) -> None:
    key = kms.create_key()

    code = refusal(re_encrypt, kms=kms, key=key, blob=generate(kms, key), SourceEncryptionContext=context)

    assert code == "InvalidCiphertextException"


@pytest.mark.parametrize("side", ["source", "destination"])
def test_either_key_has_to_be_enabled(kms: FakeKms, side: str) -> None:
    keys = {"source": kms.create_key(), "destination": kms.create_key()}
    blob = generate(kms, keys["source"])
    kms.disable_key(keys[side])

    code = refusal(re_encrypt, kms=kms, key=keys["source"], blob=blob, DestinationKeyId=keys["destination"])

    assert code == "DisabledException"


def test_a_destination_that_does_not_exist_is_not_found(kms: FakeKms) -> None:
    key = kms.create_key()

    code = refusal(re_encrypt, kms=kms, key=key, blob=generate(kms, key), DestinationKeyId="alias/nothing")

    assert code == "NotFoundException"


def test_replicas_re_encrypt_what_their_primary_made(kms: FakeKms) -> None:
    primary = kms.create_key(multi_region=True)
    ireland = FakeKms("eu-west-1", world=kms.world)
    replica = kms.replicate_key(primary, "eu-west-1")

    answer = re_encrypt(ireland, replica, generate(kms, primary))

    assert (answer["SourceKeyId"], answer["KeyId"]) == (replica, replica)
    assert kms.decrypt(KeyId=primary, CiphertextBlob=answer["CiphertextBlob"], EncryptionContext=TO)


def test_it_takes_two_permissions(kms: FakeKms) -> None:
    key, other = kms.create_key(), kms.create_key()
    blob = generate(kms, key)
    for action, denied in (("ReEncryptFrom", key), ("ReEncryptTo", other), ("ReEncrypt", None), ("ReEncryptTo", None)):
        kms.deny(action, denied)

        assert refusal(re_encrypt, kms=kms, key=key, blob=blob, DestinationKeyId=other) == "AccessDeniedException"
        kms.allow(action, denied)

    kms.deny("ReEncryptFrom", other)
    kms.deny("ReEncryptTo", key)

    assert re_encrypt(kms, key, blob, DestinationKeyId=other)


def test_a_grant_permits_each(kms: FakeKms) -> None:
    key = kms.create_key()
    blob = generate(kms, key)
    both = kms.create_grant(key, "ReEncryptFrom", "ReEncryptTo")
    kms.deny("ReEncryptFrom")
    kms.deny("ReEncryptTo")

    assert re_encrypt(kms, key, blob, GrantTokens=[both])
    one = kms.create_grant(key, "ReEncryptFrom")
    assert refusal(re_encrypt, kms=kms, key=key, blob=blob, GrantTokens=[one]) == "AccessDeniedException"


def test_a_dry_run_makes_nothing(kms: FakeKms) -> None:
    key = kms.create_key()

    assert refusal(re_encrypt, kms=kms, key=key, blob=generate(kms, key), DryRun=True) == "DryRunOperationException"


def test_asymmetric_keys_re_encrypt_by_their_algorithms(kms: FakeKms) -> None:
    symmetric, rsa = kms.create_key(), kms.create_key(key_spec="RSA_2048")
    algorithm = "RSAES_OAEP_SHA_256"

    there = re_encrypt(
        kms,
        symmetric,
        generate(kms, symmetric),
        DestinationKeyId=rsa,
        DestinationEncryptionContext=None,
        DestinationEncryptionAlgorithm=algorithm,
    )
    back = re_encrypt(
        kms,
        rsa,
        there["CiphertextBlob"],
        SourceEncryptionContext=None,
        SourceEncryptionAlgorithm=algorithm,
        DestinationKeyId=symmetric,
    )

    assert there["DestinationEncryptionAlgorithm"] == back["SourceEncryptionAlgorithm"] == algorithm
    assert len(kms.decrypt(CiphertextBlob=back["CiphertextBlob"], EncryptionContext=TO)["Plaintext"]) == 32


def test_a_call_is_recorded_with_both_sides(kms: FakeKms) -> None:
    source, destination = kms.create_key(), kms.create_key()
    blob = generate(kms, source)
    kms.clear_calls()

    re_encrypt(kms, source, blob, DestinationKeyId=destination)

    [call] = kms.calls
    assert (call.operation, call.key_arn, call.destination_key_arn) == ("ReEncrypt", source, destination)
    assert (dict(call.encryption_context), dict(call.destination_encryption_context)) == (FROM, TO)
    assert "from" not in repr(call).replace("ReEncryptFrom", "")


def test_a_tampered_answer_names_another_source(kms: FakeKms) -> None:
    key = kms.create_key()
    blob = generate(kms, key)

    with kms.fail("ReEncrypt", error="another-key"):
        answer = re_encrypt(kms, key, blob)

    assert answer["SourceKeyId"] != key
    assert answer["KeyId"] != key
