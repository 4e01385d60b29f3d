"""What the AWS KMS keyrings share; each of them is a test of its own beside this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.keyrings.line_up import to_decrypt
from warmkey import EncryptedDataKey, KeyUnavailable
from warmkey.keyrings.kms_decryption import KmsDecryption
from warmkey.keyrings.kms_requests import KmsRequests

if TYPE_CHECKING:
    from warmkey.keyrings.aws_kms_key_arn import KmsArn

ARN = "arn:aws:kms:us-east-1:111122223333:key/"


class Scripted:
    """A client that answers in order, and remembers the key it was asked for."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def decrypt(self, **parameters: Any) -> dict[str, Any]:
        self.asked.append(parameters["KeyId"])
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"KeyId": parameters["KeyId"], **answer}


class Evens(KmsDecryption):
    """Its keys end in an even digit; it asks for key 0 instead of key 2."""

    def _is_ours(self, arn: KmsArn) -> bool:
        return int(arn.resource_id) % 2 == 0

    def _key_to_ask(self, arn: KmsArn) -> str:
        return str(arn).replace("key/2", "key/0")


def evens(client: Scripted) -> Evens:
    return Evens(KmsRequests(client, keyring="Evens"))


def key(number: int, provider_id: str = "aws-kms") -> EncryptedDataKey:
    return EncryptedDataKey(
        key_provider_id=provider_id, key_provider_info=f"{ARN}{number}".encode(), ciphertext=b"ciphertext"
    )


# spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt 9453 9e2b bc46 449c
# spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt 9453 9e2b bc46 504c
def test_the_first_that_decrypts_ends_it() -> None:
    client = Scripted(OSError(), {"Plaintext": bytes(32)})

    unwrapped = evens(client).on_decrypt(to_decrypt(), [key(1), key(2), key(3), key(4, "aws-kms-rsa"), key(6), key(8)])

    assert unwrapped.plaintext_data_key == bytes(32)
    assert client.asked == [f"{ARN}0", f"{ARN}6"]


@pytest.mark.parametrize(
    "answer", [{}, {"Plaintext": b""}, {"Plaintext": bytes(31)}, {"KeyId": None}, {"KeyId": 1}, {"KeyId": f"{ARN}2"}],
    ids=repr,
)  # fmt: skip
def test_no_answer_of_kms_is_a_foreign_exception(answer: dict[str, Any]) -> None:
    with pytest.raises(KeyUnavailable) as failure:
        evens(Scripted(answer)).on_decrypt(to_decrypt(), [key(2)])

    assert [(attempt.keyring, attempt.key) for attempt in failure.value.attempts] == [("Evens", f"{ARN}0")]


def test_a_blob_may_be_any_buffer() -> None:
    client = Scripted({"Plaintext": bytearray(32)})

    data_key = evens(client).on_decrypt(to_decrypt(), [key(0)]).plaintext_data_key

    assert type(data_key) is bytes


@pytest.mark.parametrize("info", [b"", b"not an ARN", ARN.replace(":key/", ":alias/name").encode(), b"\xff"])
def test_what_is_not_a_key_arn_is_judged_before_kms_is_asked(info: bytes) -> None:
    client = Scripted({"Plaintext": bytes(32)})
    unusable = EncryptedDataKey(key_provider_id="aws-kms", key_provider_info=info, ciphertext=b"ciphertext")

    with pytest.raises(KeyUnavailable, match="the message names something that is not an AWS KMS key ARN"):
        evens(client).on_decrypt(to_decrypt(), [key(2), unusable])

    assert client.asked == []
