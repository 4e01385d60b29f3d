"""`make vectors-official` runs every public format, and notices a vector that does not end as its manifest says."""

from __future__ import annotations

import json
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.tools.official_vectors.vector_files import (
    ALIAS,
    ECDH,
    ENCRYPT_ONLY,
    HIERARCHY,
    MRK_EAST,
    MRK_WEST,
    NO_KEY,
    PKCS1,
    PLAINTEXT,
    RAW,
    RSA,
    STATIC,
    Folder,
    encoded,
    keys_of_version_1,
)
from tests.vectors.forge import KEY_NAME, Forgery
from tools.official_vectors.__main__ import main
from warmkey.data_format.message_header import read_header
from warmkey.testing import FakeKms

if TYPE_CHECKING:
    from pathlib import Path

SMALL = {"small": len(PLAINTEXT), "tiny": 2}
MULTI = {"type": "multi-keyring", "generator": RAW, "childKeyrings": [RSA]}
REQUIRED = {"type": "required-encryption-context-cmm", "underlying": RAW, "requiredEncryptionContextKeys": ["a"]}
KMS_RSA = {"type": "aws-kms-rsa", "key": "kms-rsa", "encryption-algorithm": "RSAES_OAEP_SHA_256"}
KMS_ECDH = {"type": "aws-kms-ecdh", "sender": "kms-ecdh", "recipient": "kms-ecdh", "ecc-curve": "secp256r1"}
DISCOVERY = {"type": "aws-kms-mrk-aware-discovery", "default-mrk-region": "us-east-1"}
FILTER = {"partition": "aws", "account-ids": ["111122223333"]}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def run(folder: Folder, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    status = main([str(folder.path), *options])
    return status, capsys.readouterr().out


def passes(folder: Folder, capsys: pytest.CaptureFixture[str], count: int) -> None:
    status, printed = run(folder, capsys)

    assert f"{count} passed, 0 failed, 0 not run" in printed
    assert status == 0


def fails(folder: Folder, capsys: pytest.CaptureFixture[str], problem: str) -> None:
    status, printed = run(folder, capsys)

    assert "1 failed" in printed
    assert problem in printed
    assert status == 1


# --- messages to decrypt


def good(folder: Folder, **details: Any) -> dict[str, Any]:
    return {"ciphertext": folder.message("good", **details), "master-keys": [RAW]}


def result(plaintext: str = "file://plain") -> dict[str, Any]:
    return {"result": {"output": {"plaintext": plaintext}}}


def error(why: str = "not valid") -> dict[str, Any]:
    return {"result": {"error": {"error-description": why}}}


def test_version_1_names_the_plaintext_beside_the_ciphertext(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.write("keys.json", json.dumps(keys_of_version_1()).encode())
    case = {**good(folder), "master-keys": [{**RAW, "key": KEY_NAME}], "plaintext": "file://plain"}
    folder.manifest("awses-decrypt", 1, {"one": case})

    passes(folder, capsys, 1)


@pytest.mark.parametrize("version", [2, 3, 4])
def test_later_versions_have_results(folder: Folder, capsys: pytest.CaptureFixture[str], version: int) -> None:
    folder.write("cut", Forgery().message(PLAINTEXT)[:-1])
    signed = {**good(folder, suite_id=0x0578), "decryption-method": "streaming-unsigned-only"}
    unsigned = {"ciphertext": folder.message("unsigned"), "master-keys": [RAW]}
    tests = {
        "good": {**good(folder, suite_id=0x0578), **result()},
        "cut": {"ciphertext": "file://cut", "master-keys": [RAW], **error()},
        "signed": {**signed, **error()},
        "unsigned": {**unsigned, "decryption-method": "streaming-unsigned-only", **result()},
    }
    folder.manifest("awses-decrypt", version, tests)

    passes(folder, capsys, 4)


def test_version_5_describes_keys_and_the_required_context(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    case = {
        "type": "positive-esdk",
        "ciphertext": folder.message("good", pairs=[(b"b", b"2")], only_authenticated=[(b"a", b"1")]),
        "result": "file://plain",
        "decryptKeyDescription": REQUIRED,
        "reproduced-encryption-context": {"a": "1"},
    }
    wrong = {**case, "type": "negative-decrypt-esdk", "reproduced-encryption-context": {"a": "2"}}
    folder.manifest("awses-decrypt", 5, {"one": {"decryption-scenario": case}, "two": {"decryption-scenario": wrong}})

    passes(folder, capsys, 2)


def test_another_plaintext_is_noticed(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.write("plain", b"something else")
    folder.manifest("awses-decrypt", 2, {"one": {**good(folder), **result()}})

    fails(folder, capsys, "one: VectorError: another plaintext")


def test_a_good_message_that_must_fail_is_noticed(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.manifest("awses-decrypt", 2, {"one": {**good(folder), **error("no permission")}})

    fails(folder, capsys, "must fail and did not: no permission")


def test_a_message_that_must_decrypt_and_does_not_is_noticed(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    case = {**good(folder), "master-keys": [{**RAW, "key": "other-aes"}], **result()}
    folder.manifest("awses-decrypt", 2, {"one": case})

    fails(folder, capsys, "one: KeyUnavailable")


def test_many_failures_are_counted_and_the_first_are_shown(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.manifest("awses-decrypt", 2, {f"case {number}": {**good(folder), **error()} for number in range(22)})

    status, printed = run(folder, capsys)

    assert "22 failed" in printed
    assert "and 2 more" in printed
    assert status == 1


def test_what_needs_the_keys_of_its_author_is_counted_as_not_run(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = {
        "kms": {**good(folder), "master-keys": [ALIAS], **result()},
        "one of two": {**good(folder), "master-keys": [ALIAS, RAW], **result()},
        "method": {**good(folder), "decryption-method": "by hand", **result()},
    }
    folder.manifest("awses-decrypt", 2, tests)

    status, printed = run(folder, capsys)

    assert "1 passed, 0 failed, 2 not run" in printed
    assert "needs the KMS keys of its author" in printed
    assert "decryption method by hand" in printed
    assert status == 0


def test_with_aws_kms_is_asked(
    folder: Folder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kms = FakeKms("us-west-2")
    monkeypatch.setitem(sys.modules, "boto3", _Boto3(kms))
    folder.manifest("awses-decrypt", 2, {"one": {**good(folder), "master-keys": [ALIAS], **error()}})

    status, printed = run(folder, capsys, "--aws")

    assert "1 passed, 0 failed, 0 not run" in printed
    assert status == 0


class _Boto3:
    def __init__(self, kms: FakeKms) -> None:
        self._kms = kms

    def client(self, _service: str, *, region_name: str) -> FakeKms:
        assert region_name == "us-west-2"
        return self._kms


# --- messages to encrypt


def scenario(*keys: dict[str, str], plaintext: str = "small", suite: str = "0578", **more: Any) -> dict[str, Any]:
    context = {"a": "1", "key": "𐀂"}
    given = {"plaintext": plaintext, "algorithm": suite, "frame-size": 7, "encryption-context": context}
    return {**given, "master-keys": list(keys), **more}


def test_messages_to_encrypt_are_decrypted_again(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    tests = {
        "raw": scenario(RAW, RSA),
        "not framed": scenario(RSA, **{"frame-size": 0}, suite="0014"),
        "alias": scenario(ALIAS, ENCRYPT_ONLY),
    }
    folder.manifest("awses-encrypt", 2, tests, plaintexts=SMALL)

    passes(folder, capsys, 3)


def test_tampered_messages_have_to_fail(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    made = {"encryption-scenario": scenario(RAW, plaintext="tiny", suite="0478")}
    changed = {"change-edk-provider-info": ["arn:aws:kms:us-west-2:111122223333:alias/other"]}
    tests = {
        "good": made,
        "unsigned": {**made, "decryption-method": "streaming-unsigned-only"},
        "signed": {
            "encryption-scenario": scenario(RAW),
            "decryption-method": "streaming-unsigned-only",
            **error(),
        },
        "truncate": {**made, "tampering": "truncate"},
        "mutate": {**made, "tampering": "mutate"},
        "info": {"encryption-scenario": scenario(ALIAS), "tampering": changed},
        "other key": {**made, "decryption-master-keys": [{**RAW, "key": "other-aes"}], **error()},
    }
    folder.manifest("awses-decrypt-generate", 2, tests, plaintexts=SMALL)

    passes(folder, capsys, 7)


def test_tampering_that_nobody_knows_is_not_run(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    tests = {"one": {"encryption-scenario": scenario(RAW), "tampering": {"melt": []}}}
    folder.manifest("awses-decrypt-generate", 2, tests, plaintexts=SMALL)

    assert "1 not run" in run(folder, capsys)[1]


def test_a_key_that_can_not_encrypt_here_is_not_run(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.manifest("awses-encrypt", 2, {"one": scenario(RAW, {"type": "other", "key": "aes"})}, plaintexts=SMALL)

    assert "not run, key description of type other: 1" in run(folder, capsys)[1]


def test_scenarios_of_version_5(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    made = {
        "type": "positive-esdk",
        "plaintext": "small",
        "algorithmSuiteId": "0578",
        "frame-size": 7,
        "encryption-context": {"a": "1", "b": "2"},
        "encryptKeyDescription": REQUIRED,
        "decryptKeyDescription": REQUIRED,
        "reproduced-encryption-context": {"a": "1"},
    }
    lacks = {**made, "type": "negative-decrypt-esdk", "reproduced-encryption-context": {}}
    never = {**made, "type": "negative-encrypt-esdk", "encryption-context": {}, "keyDescription": REQUIRED}
    tests = {"good": made, "lacks": lacks, "never": never}
    folder.manifest(
        "awses-encrypt",
        5,
        {name: {"encryption-scenario": each} for name, each in tests.items()},
        plaintexts=SMALL,
    )

    passes(folder, capsys, 3)


# --- materials


def pair(encrypt: dict[str, Any], decrypt: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    given = {"type": "positive-keyring", "algorithmSuiteId": "0578", "encryptionContext": {"a": "1", "b": "2"}}
    return {**given, "encryptKeyDescription": encrypt, "decryptKeyDescription": decrypt or encrypt, **more}


MATERIALS = {
    "raw AES": pair(RAW),
    "multi": pair(MULTI, RSA),
    "raw RSA PKCS1": pair(PKCS1, {**RSA, "padding-algorithm": "pkcs1"}),
    "branch key": pair(HIERARCHY),
    "static": pair(STATIC),
    "KMS by alias": pair(ALIAS),
    "replica": pair(MRK_WEST, MRK_EAST),
    "replica by discovery": pair(MRK_WEST, DISCOVERY),
    "replica by a filter": pair(MRK_WEST, {**DISCOVERY, "aws-kms-discovery-filter": FILTER}),
    "ECDH static": pair(ECDH["static"]),
    "ECDH ephemeral": pair(ECDH["ephemeral"], ECDH["discovery"]),
    "required context": pair(REQUIRED, reproducedEncryptionContext={"a": "1"}),
    "required keys of the request": pair(
        RAW, requiredEncryptionContextKeys=["b"], reproducedEncryptionContext={"b": "2"}
    ),
    "wrong key": pair(
        RAW, {**RAW, "key": "other-aes"}, type="negative-decrypt-keyring", decryptErrorDescription="another key"
    ),
    "wrong KMS key": pair(
        MRK_WEST, ENCRYPT_ONLY, type="negative-decrypt-keyring", decryptErrorDescription="another key"
    ),
    "no data key to decrypt with": pair(
        STATIC, NO_KEY, type="negative-decrypt-keyring", decryptErrorDescription="no data key"
    ),
    "no data key to encrypt with": pair(
        {}, type="negative-encrypt-keyring", keyDescription=NO_KEY, errorDescription="no data key"
    ),
}


@pytest.mark.parametrize("name", MATERIALS)
def test_materials_there_and_back(folder: Folder, capsys: pytest.CaptureFixture[str], name: str) -> None:
    folder.manifest("awses-mpl-encrypt", 5, {"one": MATERIALS[name]})

    passes(folder, capsys, 1)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (pair(KMS_RSA, algorithmSuiteId="0478"), "the private half of its key is in AWS KMS"),
        (pair({**KMS_ECDH, "schema": "static"}), "the private half of its key is in AWS KMS"),
        (pair(RAW, algorithmSuiteId="6700"), "suite 6700, which is not one of the AWS Encryption SDK's"),
        (pair(RAW, type="odd"), "case of type odd"),
    ],
)
def test_materials_that_are_not_run(
    folder: Folder, capsys: pytest.CaptureFixture[str], case: dict[str, Any], reason: str
) -> None:
    folder.manifest("awses-mpl-encrypt", 5, {"one": case})

    assert f"not run, {reason}: 1" in run(folder, capsys)[1]


def test_a_data_key_that_is_another_one_is_noticed(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.manifest("awses-mpl-encrypt", 5, {"one": pair(RAW, STATIC)})

    fails(folder, capsys, "one: VectorError: another data key")


def unwrapping(**more: Any) -> dict[str, Any]:
    forgery = Forgery()
    entry = read_header(forgery.message()).encrypted_data_keys[0]
    described = {
        "keyProviderId": entry.key_provider_id,
        "keyProviderInfo": encoded(entry.key_provider_info),
        "ciphertext": encoded(entry.ciphertext),
    }
    assert forgery.data_key is not None
    return {
        "type": "positive-keyring",
        "algorithmSuiteId": "0478",
        "keyDescription": RAW,
        "encryptedDataKeys": [described],
        "encryptionContext": {},
        "result": {"plaintextDataKey": encoded(forgery.data_key), "requiredEncryptionContextKeys": []},
        **more,
    }


def test_encrypted_data_keys_are_unwrapped_or_refused(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    other = {"keyDescription": {**RAW, "key": "other-aes"}, "errorDescription": "another key"}
    folder.manifest(
        "awses-mpl-decrypt", 4, {"good": unwrapping(), "other": unwrapping(type="negative-keyring", **other)}
    )

    passes(folder, capsys, 2)


def test_another_result_is_noticed(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    expected = {"plaintextDataKey": encoded(bytes(32)), "requiredEncryptionContextKeys": []}
    folder.manifest("awses-mpl-decrypt", 4, {"one": unwrapping(result=expected)})

    fails(folder, capsys, "one: VectorError: another data key")


# --- the folder


def test_archives_are_read_as_they_are(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.manifest("awses-decrypt", 2, {"one": {**good(folder), **result()}})
    files = [path for path in folder.path.iterdir() if path.is_file()]
    with zipfile.ZipFile(folder.path / "vectors.zip", "w") as archive:
        for path in files:
            archive.write(path, f"inside/{path.name}")
            path.unlink()

    status, printed = run(folder, capsys)

    assert "vectors.zip/inside/manifest.json (awses-decrypt 2):" in printed
    assert "1 passed" in printed
    assert status == 0


def test_a_folder_without_manifests_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "broken.json").write_text("{")

    assert main([str(tmp_path)]) == 2
    assert "no manifest of a type that is known (awses-decrypt," in capsys.readouterr().out


def test_a_half_signed_message_has_to_fail(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    made = scenario(RAW, suite="0478")
    folder.manifest(
        "awses-decrypt-generate",
        2,
        {"one": {"encryption-scenario": made, "tampering": "half-sign"}},
        plaintexts=SMALL,
    )

    passes(folder, capsys, 1)
