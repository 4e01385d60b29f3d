"""What ``inspect`` prints, for a person and as JSON."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.client_apis.sources import KEYRING, SIGNED, message_of, plaintext_of
from tests.vectors.forge import Forgery, sized
from warmkey import AwsKmsKeyring, Client, MultiKeyring
from warmkey.cli.message_walk import examine
from warmkey.cli.report import as_json, as_text
from warmkey.testing import FakeKms


def text_of(message: bytes) -> list[str]:
    return as_text(examine(io.BytesIO(message)), "a.message").splitlines()


def json_of(message: bytes) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(as_json(examine(io.BytesIO(message)), "a.message"))
    return report


SIGNED_MESSAGE = Forgery(suite_id=SIGNED, pairs=[(b"tenant", b"a")], frame_length=100).message(plaintext_of(250))
POINT = "AoirZgKjeR0m5MgxKUn8eFbLryve2CNpA1qLQGM82bvzlHpxQW84o24AYn2SP9/GEw=="
MESSAGE_ID = "6465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f80818283"


def test_for_a_person() -> None:
    assert text_of(SIGNED_MESSAGE) == [
        "file        a.message",
        "format      version 2",
        "suite       0x0578 AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384 (with key commitment, signed)",
        f"message ID  {MESSAGE_ID}",
        "context     2 pairs, stored unencrypted",
        f"    aws-crypto-public-key = {POINT}",
        "    tenant = a",
        "data key    encrypted 1 time",
        "    1. forge: anvil (48 bytes)",
        "body        3 frames of up to 100 bytes, the last of 50; 250 bytes of plaintext",
        "signature   103 bytes, ECDSA_P384",
        "length      741 bytes, 282 of them header",
        "verdict     complete; only the key can show whether it is authentic",
    ]


def test_as_json() -> None:
    assert json_of(SIGNED_MESSAGE) == {
        "file": "a.message",
        "length": 741,
        "complete": True,
        "problem": None,
        "version": 2,
        "algorithm_suite": {
            "id": "0x0578",
            "name": "AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384",
            "commits": True,
            "signed": True,
        },
        "message_id": MESSAGE_ID,
        "encryption_context": {"aws-crypto-public-key": POINT, "tenant": "a"},
        "encrypted_data_keys": [{"key_provider_id": "forge", "key_name": "anvil", "ciphertext_length": 48}],
        "header_length": 282,
        "content_type": "framed",
        "frame_length": 100,
        "frames": 3,
        "last_frame_length": 50,
        "plaintext_length": 250,
        "signature_length": 103,
    }


def test_an_old_message() -> None:
    message = message_of(b"x" * 1234, 0x0014, framed=False)
    text = "\n".join(text_of(message))

    assert "version 1" in text
    assert "0x0014 AES_128_GCM_IV12_TAG16_NO_KDF (without key commitment, not signed)" in text
    assert "context     empty" in text
    assert "body        not framed, 1,234 bytes of plaintext" in text
    assert "signature   none; the suite does not sign" in text
    report = json_of(message)
    assert (report["content_type"], report["plaintext_length"], report["signature_length"]) == (
        "non-framed",
        1234,
        None,
    )
    assert "frame_length" not in report


def test_kms_keys_are_named_by_their_arn() -> None:
    kms = FakeKms("eu-west-1")
    arns = [kms.create_key() for _ in range(2)]
    keyrings = [AwsKmsKeyring(arn, kms_client=kms) for arn in arns]
    message = Client().encrypt(b"", keyring=MultiKeyring(keyrings[0], [*keyrings[1:], KEYRING])).ciphertext

    keys = json_of(message)["encrypted_data_keys"]
    assert [(key["key_provider_id"], key.get("key_arn")) for key in keys] == [
        ("aws-kms", arns[0]),
        ("aws-kms", arns[1]),
        ("forge", None),
    ]
    text = text_of(message)
    assert "data key    encrypted 3 times" in text
    assert any(line.startswith(f"    2. aws-kms: {arns[1]} (") for line in text)


BRANCH_KEY_VERSION = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
HIERARCHY = bytes(16 + 12) + UUID(BRANCH_KEY_VERSION).bytes + bytes(32 + 16)


# Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#ciphertext
def test_a_branch_key_is_shown_as_what_it_is_and_not_as_an_arn() -> None:
    message = message_of(b"", keys=[sized(b"aws-kms-hierarchy") + sized(b"tenant-a") + sized(HIERARCHY)])

    assert json_of(message)["encrypted_data_keys"] == [
        {
            "key_provider_id": "aws-kms-hierarchy",
            "branch_key_id": "tenant-a",
            "branch_key_version": BRANCH_KEY_VERSION,
            "ciphertext_length": 92,
        }
    ]
    assert f"    1. aws-kms-hierarchy: branch key tenant-a, version {BRANCH_KEY_VERSION} (92 bytes)" in text_of(message)


def test_a_branch_keys_version_is_left_out_where_the_ciphertext_is_too_short_to_have_one() -> None:
    message = message_of(b"", keys=[sized(b"aws-kms-hierarchy") + sized(b"tenant-a") + sized(HIERARCHY[:43])])

    assert json_of(message)["encrypted_data_keys"] == [
        {"key_provider_id": "aws-kms-hierarchy", "branch_key_id": "tenant-a", "ciphertext_length": 43}
    ]


@pytest.mark.parametrize(
    ("provider", "field"),
    [
        (b"aws-kms", "key_arn"),
        (b"aws-kms-rsa", "key_arn"),
        (b"aws-kms-ecdh", "key_provider_info_hex"),
        (b"raw-ecdh", "key_provider_info_hex"),
        (b"aws-kms-custom", "key_name"),
        (b"aws-kms-hierarchy2", "key_name"),
        (b"", "key_name"),
    ],
)
def test_only_what_kms_wrapped_has_a_key_arn(provider: bytes, field: str) -> None:
    message = message_of(b"", keys=[sized(provider) + sized(b"information") + sized(b"blob")])
    (key,) = json_of(message)["encrypted_data_keys"]

    assert set(key) == {"key_provider_id", field, "ciphertext_length"}


def test_information_that_is_no_text_is_hexadecimal() -> None:
    message = message_of(b"", keys=[sized(b"other") + sized(b"\xff\x00") + sized(b"blob")])

    assert json_of(message)["encrypted_data_keys"] == [
        {"key_provider_id": "other", "key_provider_info_hex": "ff00", "ciphertext_length": 4}
    ]


def test_text_of_a_message_cannot_command_the_terminal() -> None:
    message = message_of(b"", pairs=[(b"key", b"\x1b[2Jgone"), ("größe".encode(), "\u202eabc".encode())])
    text = "\n".join(text_of(message))

    assert "    key = '\\x1b[2Jgone'" in text
    assert "    größe = '\\u202eabc'" in text
    assert text.replace("\n", "").isprintable()


def test_a_damaged_message_says_where_and_what_came_before() -> None:
    message = message_of(plaintext_of(100))[:-100]
    text = text_of(message)

    assert text[-1] == f"verdict     damaged: frame 5 › content at byte {len(message) - 24}: needs 32 bytes, 24 left"
    assert "body        4 frames of up to 16 bytes, the last of 16; 64 bytes of plaintext" in text
    assert json_of(message)["problem"] == {
        "where": "frame 5 › content",
        "offset": len(message) - 24,
        "problem": "needs 32 bytes, 24 left",
    }


def test_a_signature_that_was_not_reached() -> None:
    assert "signature   not reached" in text_of(SIGNED_MESSAGE[:-200])


@pytest.mark.parametrize(("data", "verdict"), [(b"hello", "104 is unknown"), (b"", "is empty")])
def test_something_else(data: bytes, verdict: str) -> None:
    assert text_of(data)[:-1] == ["file        a.message", f"length      {len(data)} bytes"]
    assert verdict in text_of(data)[-1]
    assert json_of(data)["complete"] is False


def test_base64_text_gets_a_hint() -> None:
    assert text_of(b"AgV4AAAAAAAA")[-1].endswith("decode it first; --base64 does that here")


# ------------------------------------------------------------------------------------------------------ docs/inspect.md

PAGE = (Path(__file__).parents[2] / "docs/inspect.md").read_text()
KMS_KEY = b"arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def letter() -> bytes:
    """The message of the page, but for what is random in it."""
    keys = [sized(b"aws-kms") + sized(KMS_KEY) + sized(bytes(184))]
    return message_of(bytes(1_000_000), SIGNED, frame_length=4096, pairs=[(b"tenant", b"acme")], keys=keys)


def shown_after(command: str) -> list[str]:
    """What the page says the command prints."""
    return PAGE.partition(f"$ {command}\n")[2].partition("```")[0].splitlines()


def test_the_page_shows_what_is_printed() -> None:
    shown = shown_after("warmkey inspect letter.encrypted")
    printed = as_text(examine(io.BytesIO(letter())), "letter.encrypted").splitlines()
    random = ("message ID", "    aws-crypto-public-key")

    assert [line for line in printed if not line.startswith(random)] == [
        line for line in shown if not line.startswith(random)
    ]
    assert list(map(len, shown)) == list(map(len, printed))


def test_the_page_shows_where_a_message_breaks() -> None:
    assert (
        shown_after("head --bytes 100000 letter.encrypted | warmkey inspect - | tail -n 3")
        == text_of(letter()[:100_000])[-3:]
    )


def test_the_page_names_every_field() -> None:
    rows = re.findall(r"^\| (`[^|]+) \|", PAGE, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}

    assert named == json_of(SIGNED_MESSAGE).keys()


@pytest.mark.parametrize(("data", "kind"), [(b'{"note": "hello"}', "JSON"), (b"a note", "plain text")])
def test_what_is_not_a_message_is_not_called_damaged(data: bytes, kind: str) -> None:
    text = text_of(data)

    assert text[-1].endswith(f"this is not an AWS Encryption SDK message; it looks like {kind}")
    assert "damaged" not in text[-1]
