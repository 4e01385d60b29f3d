"""WARMKEY_SIGNATURES holds for the whole process, whatever client is used, from import on."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

import warmkey
from tests.lambda_runtime.processes import in_new_process
from warmkey.crypto.signature_library import SignatureChoice, chosen
from warmkey.keyrings import RawAesKeyring
from warmkey.testing import fake_kms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from warmkey.testing import KmsSession

AUTO, CRYPTOGRAPHY, AWSCRT = SignatureChoice
CONTEXT = {"tenant": "a"}

OWN_CLIENT = """
import warmkey
from warmkey.crypto.signatures import library_in_use
from warmkey.keyrings import RawAesKeyring
keyring = RawAesKeyring("n", "k", bytes(32))
message = warmkey.Client().encrypt(b"order", keyring=keyring).ciphertext
assert warmkey.Client().decrypt(message, keyring=keyring).plaintext == b"order"
print(library_in_use())
"""


@pytest.fixture
def session() -> Iterator[KmsSession]:
    with fake_kms() as session:
        yield session


@pytest.mark.parametrize(
    ("variables", "library"),
    [
        ({}, "cryptography"),
        ({"WARMKEY_SIGNATURES": "auto"}, "cryptography"),
        ({"WARMKEY_SIGNATURES": "AWSCRT"}, ""),
        ({"WARMKEY_SIGNATURES": "awscrt"}, "awscrt"),
        ({"WARMKEY_SIGNATURES": "cryptography"}, "cryptography"),
    ],
    ids=str,
)
def test_a_client_of_ones_own_uses_what_the_variable_says(variables: dict[str, str], library: str) -> None:
    done = in_new_process(OWN_CLIENT, **variables)

    assert done.stdout.strip() == library, done.stderr


def test_cryptography_is_not_left_for_an_awscrt_that_is_loaded() -> None:
    done = in_new_process(f"import _awscrt\n{OWN_CLIENT}", WARMKEY_SIGNATURES="cryptography")

    assert done.stdout.strip() == "cryptography", done.stderr


@pytest.mark.parametrize("value", ["openssl", ""])
def test_another_value_fails_the_import_and_says_what_is_allowed(value: str) -> None:
    done = in_new_process("import warmkey", WARMKEY_SIGNATURES=value)

    last = done.stderr.splitlines()[-1]
    assert "ConfigurationError: WARMKEY_SIGNATURES must be auto, cryptography or awscrt, not" in last


def test_awscrt_that_is_missing_fails_the_import() -> None:
    without = "import sys; sys.modules['awscrt'] = sys.modules['_awscrt'] = None\nimport warmkey"
    done = in_new_process(without, WARMKEY_SIGNATURES="awscrt")

    last = done.stderr.splitlines()[-1]
    assert "ConfigurationError: WARMKEY_SIGNATURES is awscrt, but awscrt is not installed" in last


def test_configure_loads_it_at_once(session: KmsSession) -> None:
    warmkey.configure(kms_client=session.client, signatures="awscrt")

    assert chosen() is AWSCRT
    assert warmkey.cache_info().signatures == "awscrt"


@pytest.mark.parametrize(
    ("function", "suite", "is_loaded"), [("ship", None, True), ("ship", 0x0478, False), (None, None, False)]
)
def test_in_lambda_what_signs_is_loaded_at_init_where_messages_may_be_signed(
    function: str | None, suite: int | None, monkeypatch: pytest.MonkeyPatch, *, is_loaded: bool
) -> None:
    if function is not None:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", function)
    monkeypatch.delattr("warmkey.crypto.ecdsa_by_cryptography", raising=False)
    monkeypatch.delitem(sys.modules, "warmkey.crypto.ecdsa_by_cryptography", raising=False)
    warmkey.configure(**({} if suite is None else {"algorithm_suite": suite}))

    assert ("warmkey.crypto.ecdsa_by_cryptography" in sys.modules) is is_loaded


def test_configure_fails_where_it_is_missing(session: KmsSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("warmkey.crypto.ecdsa_by_awscrt", raising=False)
    for name in ("warmkey.crypto.ecdsa_by_awscrt", "awscrt", "_awscrt"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(warmkey.ConfigurationError, match="awscrt is not installed"):
        warmkey.configure(kms_client=session.client, signatures="awscrt")


def test_what_was_configured_holds_for_clients_of_ones_own(session: KmsSession) -> None:
    warmkey.configure(kms_client=session.client, signatures="awscrt")
    warmkey.Client().encrypt(b"order", keyring=RawAesKeyring("n", "k", bytes(32)))

    assert warmkey.cache_info().signatures == "awscrt"


def test_a_variable_that_was_set_after_the_import_counts_at_the_first_use(
    session: KmsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARMKEY_SIGNATURES", "awscrt")
    warmkey.encrypt(b"order", CONTEXT)

    assert warmkey.cache_info().signatures == "awscrt"


def test_reset_goes_back_to_the_environment_and_decides_again(
    session: KmsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    warmkey.configure(kms_client=session.client, signatures="awscrt")
    warmkey.reset()
    assert (chosen(), warmkey.cache_info().signatures) == (AUTO, None)

    monkeypatch.setenv("WARMKEY_SIGNATURES", "awscrt")
    warmkey.reset()
    assert chosen() is AWSCRT


def test_reset_itself_never_fails_and_the_next_use_says_what_is_wrong(
    session: KmsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    warmkey.configure(kms_client=session.client, signatures="awscrt")
    monkeypatch.setenv("WARMKEY_SIGNATURES", "openssl")
    warmkey.reset()
    assert chosen() is AUTO

    with pytest.raises(warmkey.ConfigurationError, match="WARMKEY_SIGNATURES must be auto"):
        warmkey.encrypt(b"order", CONTEXT)


def test_what_a_test_has_pinned_ends_with_it() -> None:
    with fake_kms(signatures="awscrt"):
        warmkey.encrypt(b"order", CONTEXT)
        assert chosen() is AWSCRT

    assert chosen() is AUTO


@pytest.mark.parametrize(("writer", "reader"), [("awscrt", "cryptography"), ("cryptography", "awscrt")])
def test_each_reads_what_the_other_signed(writer: str, reader: str, session: KmsSession) -> None:
    client, keyring = warmkey.Client(), RawAesKeyring("n", "k", bytes(32))
    warmkey.configure(kms_client=session.client, signatures=writer)
    messages = [client.encrypt(b"order", keyring=keyring).ciphertext for _ in range(20)]
    warmkey.configure(kms_client=session.client, signatures=reader)

    assert {client.decrypt(message, keyring=keyring).plaintext for message in messages} == {b"order"}


def test_cache_info_is_json_with_it(session: KmsSession) -> None:
    def signatures() -> Any:
        return json.loads(json.dumps(warmkey.cache_info().as_dict()))["signatures"]

    assert signatures() is None
    warmkey.encrypt(b"order", CONTEXT)
    assert signatures() == "cryptography"
