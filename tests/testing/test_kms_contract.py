"""What every KMS promises, run over the fake and over moto's, so that neither is right by our word alone.

Left to the fake alone, because moto is not faithful there: disabled keys, keys pending deletion, wrong key IDs,
multi-Region keys, asymmetric keys, grant tokens.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError
from moto import mock_aws

from warmkey.testing import FakeKms

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTEXT = {"tenant": "a", "purpose": "tests"}


@dataclass(frozen=True)
class Kms:
    client: Any
    key_arn: str
    alias_arn: str

    @property
    def key_id(self) -> str:
        return self.key_arn.rpartition("/")[2]

    @property
    def names(self) -> list[str]:
        """Everything that a key can be called."""
        return [self.key_arn, self.key_id, self.alias_arn, self.alias_arn[self.alias_arn.index("alias/") :]]


def fake() -> Kms:
    client = FakeKms("eu-west-1")
    key_arn = client.create_key()
    return Kms(client, key_arn, client.create_alias("alias/contract", key_arn))


def moto() -> Kms:
    client = boto3.client("kms", region_name="eu-west-1")
    key_arn = client.create_key()["KeyMetadata"]["Arn"]
    client.create_alias(AliasName="alias/contract", TargetKeyId=key_arn)
    return Kms(client, key_arn, f"{key_arn.rpartition(':')[0]}:alias/contract")


@pytest.fixture(scope="module", params=["fake", "moto"])
def kms(request: pytest.FixtureRequest) -> Iterator[Kms]:
    if request.param == "fake":
        yield fake()
    else:
        with mock_aws():
            yield moto()


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    code: str = error.value.response["Error"]["Code"]
    return code


def test_a_generated_data_key_comes_back_from_its_ciphertext(kms: Kms) -> None:
    generated = kms.client.generate_data_key(KeyId=kms.key_arn, NumberOfBytes=32, EncryptionContext=CONTEXT)

    decrypted = kms.client.decrypt(
        KeyId=kms.key_arn, CiphertextBlob=generated["CiphertextBlob"], EncryptionContext=CONTEXT
    )

    assert generated["Plaintext"] == decrypted["Plaintext"]
    assert len(generated["Plaintext"]) == 32


def test_an_encrypted_plaintext_comes_back(kms: Kms) -> None:
    encrypted = kms.client.encrypt(KeyId=kms.key_arn, Plaintext=b"data key", EncryptionContext=CONTEXT)

    decrypted = kms.client.decrypt(CiphertextBlob=encrypted["CiphertextBlob"], EncryptionContext=CONTEXT)

    assert decrypted["Plaintext"] == b"data key"


def test_the_answer_names_the_key_by_its_arn_whatever_the_request_called_it(kms: Kms) -> None:
    for name in kms.names:
        generated = kms.client.generate_data_key(KeyId=name, KeySpec="AES_256")
        encrypted = kms.client.encrypt(KeyId=name, Plaintext=b"x")
        decrypted = kms.client.decrypt(KeyId=kms.key_arn, CiphertextBlob=encrypted["CiphertextBlob"])

        assert [kms.key_arn] * 3 == [generated["KeyId"], encrypted["KeyId"], decrypted["KeyId"]]


def test_decrypt_finds_the_key_in_the_ciphertext(kms: Kms) -> None:
    blob = kms.client.generate_data_key(KeyId=kms.key_arn, NumberOfBytes=32)["CiphertextBlob"]

    assert kms.key_arn == kms.client.decrypt(CiphertextBlob=blob)["KeyId"]


@pytest.mark.parametrize(("spec", "length"), [("AES_128", 16), ("AES_256", 32)])
def test_a_key_spec_decides_the_length(kms: Kms, spec: str, length: int) -> None:
    assert length == len(kms.client.generate_data_key(KeyId=kms.key_arn, KeySpec=spec)["Plaintext"])


@pytest.mark.parametrize("length", [1, 16, 24, 1024])
def test_number_of_bytes_decides_the_length(kms: Kms, length: int) -> None:
    assert length == len(kms.client.generate_data_key(KeyId=kms.key_arn, NumberOfBytes=length)["Plaintext"])


def test_no_two_data_keys_are_alike(kms: Kms) -> None:
    answers = [kms.client.generate_data_key(KeyId=kms.key_arn, NumberOfBytes=32) for _ in range(8)]

    assert len({answer["Plaintext"] for answer in answers}) == 8
    assert len({answer["CiphertextBlob"] for answer in answers}) == 8


def test_the_order_of_the_context_does_not_matter(kms: Kms) -> None:
    blob = kms.client.encrypt(KeyId=kms.key_arn, Plaintext=b"x", EncryptionContext=CONTEXT)["CiphertextBlob"]
    turned = dict(reversed(CONTEXT.items()))

    assert kms.client.decrypt(CiphertextBlob=blob, EncryptionContext=turned)["Plaintext"] == b"x"


def test_no_context_is_the_empty_context(kms: Kms) -> None:
    blob = kms.client.encrypt(KeyId=kms.key_arn, Plaintext=b"x")["CiphertextBlob"]

    assert kms.client.decrypt(CiphertextBlob=blob, EncryptionContext={})["Plaintext"] == b"x"


@pytest.mark.parametrize(
    "context",
    [{}, {"tenant": "a"}, {**CONTEXT, "tenant": "b"}, {**CONTEXT, "more": ""}, {"TENANT": "a", "purpose": "tests"}],
    ids=["none", "less", "another-value", "more", "another-case"],
)
def test_another_context_does_not_decrypt(kms: Kms, context: dict[str, str]) -> None:
    blob = kms.client.encrypt(KeyId=kms.key_arn, Plaintext=b"x", EncryptionContext=CONTEXT)["CiphertextBlob"]

    with pytest.raises(kms.client.exceptions.InvalidCiphertextException) as error:
        kms.client.decrypt(CiphertextBlob=blob, EncryptionContext=context)

    assert code_of(error) == "InvalidCiphertextException"


def test_a_changed_ciphertext_does_not_decrypt(kms: Kms) -> None:
    blob = kms.client.encrypt(KeyId=kms.key_arn, Plaintext=b"x")["CiphertextBlob"]
    changed = blob[:-1] + bytes([blob[-1] ^ 1])

    with pytest.raises(kms.client.exceptions.InvalidCiphertextException):
        kms.client.decrypt(KeyId=kms.key_arn, CiphertextBlob=changed)


@pytest.mark.parametrize("operation", ["generate_data_key", "encrypt", "decrypt", "describe_key"])
@pytest.mark.parametrize("key_id", ["00000000-0000-4000-8000-000000000000", "alias/nothing"])
def test_a_key_that_does_not_exist_is_not_found(kms: Kms, operation: str, key_id: str) -> None:
    blob = kms.client.encrypt(KeyId=kms.key_arn, Plaintext=b"x")["CiphertextBlob"]
    arguments: dict[str, dict[str, Any]] = {
        "generate_data_key": {"NumberOfBytes": 32},
        "encrypt": {"Plaintext": b"x"},
        "decrypt": {"CiphertextBlob": blob},
        "describe_key": {},
    }

    with pytest.raises(kms.client.exceptions.NotFoundException) as error:
        getattr(kms.client, operation)(KeyId=key_id, **arguments[operation])

    assert code_of(error) == "NotFoundException"


@pytest.mark.parametrize(
    "arguments",
    [{}, {"NumberOfBytes": 32, "KeySpec": "AES_256"}, {"NumberOfBytes": 1025}, {"KeySpec": "AES_512"}],
    ids=["no-length", "two-lengths", "too-long", "no-such-spec"],
)
def test_a_length_that_makes_no_sense_is_refused_by_the_service(kms: Kms, arguments: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as error:
        kms.client.generate_data_key(KeyId=kms.key_arn, **arguments)

    assert code_of(error) == "ValidationException"


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("generate_data_key", {"NumberOfBytes": 32}),
        ("generate_data_key", {"KeyId": "k", "NumberOfBytes": "32"}),
        ("generate_data_key", {"KeyId": "k", "NumberOfBytes": 0}),
        ("generate_data_key", {"KeyId": "", "NumberOfBytes": 32}),
        ("generate_data_key", {"KeyId": None, "NumberOfBytes": 32}),
        ("generate_data_key", {"KeyId": "k", "NumberOfBytes": 32, "EncryptionContext": None}),
        ("generate_data_key", {"KeyId": "k", "NumberOfBytes": 32, "EncryptionContext": {"tenant": 1}}),
        ("generate_data_key", {"KeyId": "k", "NumberOfBytes": 32, "GrantTokens": "token"}),
        ("generate_data_key", {"KeyId": "k", "NumberOfBytes": 32, "GrantTokens": [""]}),
        ("generate_data_key", {"KeyId": "k", "number_of_bytes": 32}),
        ("encrypt", {"KeyId": "k"}),
        ("encrypt", {"KeyId": "k", "Plaintext": 1}),
        ("decrypt", {"CiphertextBlob": b"x", "KeyID": "k"}),
        ("describe_key", {}),
        ("get_public_key", {}),
        ("derive_shared_secret", {"KeyId": "k", "PublicKey": b"x"}),
    ],
)
def test_parameters_that_boto3_refuses_are_refused_before_anything_is_sent(
    kms: Kms, operation: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ParamValidationError):
        getattr(kms.client, operation)(**arguments)


def test_methods_take_keyword_arguments_only(kms: Kms) -> None:
    with pytest.raises(TypeError):
        kms.client.describe_key(kms.key_arn)


def test_blobs_may_be_bytearrays(kms: Kms) -> None:
    blob = kms.client.encrypt(KeyId=kms.key_arn, Plaintext=bytearray(b"x"))["CiphertextBlob"]

    plaintext = kms.client.decrypt(CiphertextBlob=bytearray(blob))["Plaintext"]

    assert (bytes, b"x") == (type(plaintext), plaintext)


def test_blobs_may_be_text_but_no_files(kms: Kms) -> None:
    blob = kms.client.encrypt(KeyId=kms.key_arn, Plaintext="x")["CiphertextBlob"]

    assert kms.client.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    with pytest.raises(TypeError):
        kms.client.encrypt(KeyId=kms.key_arn, Plaintext=io.BytesIO(b"x"))


def test_an_empty_plaintext_is_refused_by_the_service(kms: Kms) -> None:
    with pytest.raises(ClientError) as error:
        kms.client.encrypt(KeyId=kms.key_arn, Plaintext=b"")

    assert code_of(error) == "ValidationException"


def test_a_plaintext_over_4096_bytes_is_refused_by_the_service(kms: Kms) -> None:
    blob = kms.client.encrypt(KeyId=kms.key_arn, Plaintext=bytes(4096))["CiphertextBlob"]
    assert len(kms.client.decrypt(CiphertextBlob=blob)["Plaintext"]) == 4096

    with pytest.raises(ClientError) as error:
        kms.client.encrypt(KeyId=kms.key_arn, Plaintext=bytes(4097))

    assert code_of(error) == "ValidationException"


def test_answers_carry_what_boto3_adds(kms: Kms) -> None:
    metadata = kms.client.generate_data_key(KeyId=kms.key_arn, NumberOfBytes=32)["ResponseMetadata"]

    assert (metadata["HTTPStatusCode"], metadata["RetryAttempts"]) == (200, 0)


def test_refusals_carry_what_boto3_adds(kms: Kms) -> None:
    with pytest.raises(ClientError) as error:
        kms.client.describe_key(KeyId="alias/nothing")

    metadata = error.value.response["ResponseMetadata"]
    assert (metadata["HTTPStatusCode"], metadata["RetryAttempts"]) == (400, 0)
    assert error.value.operation_name == "DescribeKey"
    assert str(error.value).startswith("An error occurred (NotFoundException) when calling the DescribeKey operation: ")


def test_describe_key_tells_what_a_key_is(kms: Kms) -> None:
    metadata = kms.client.describe_key(KeyId=kms.alias_arn)["KeyMetadata"]

    expected = {
        "AWSAccountId": kms.key_arn.split(":")[4],
        "Arn": kms.key_arn,
        "KeyId": kms.key_id,
        "Enabled": True,
        "KeyState": "Enabled",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
    }
    assert expected == {name: metadata[name] for name in expected}


def test_the_client_knows_its_region_and_closes(kms: Kms) -> None:
    kms.client.close()

    assert kms.client.meta.region_name == "eu-west-1"
    assert kms.client.meta.service_model.service_name == "kms"
