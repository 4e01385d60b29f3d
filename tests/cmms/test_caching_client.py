"""Clients of different tenants and policies over one cache: what each checks again on what the cache returns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.cmms.stage import FORBID, LENIENT, STRICT, WITHOUT_COMMITMENT, Stage, outcomes
from warmkey import (
    CachingCMM,
    Client,
    DefaultCMM,
    InvalidRequest,
    KeyUnavailable,
    MultiKeyring,
    PolicyRefused,
    WarmkeyError,
)
from warmkey.algorithm_suites import AlgorithmSuite
from warmkey.events import Operation
from warmkey.keyrings import RawAesKeyring

ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT
TENANT_A, TENANT_B = {"tenant": "a"}, {"tenant": "b"}


def test_a_tenant_can_not_read_another_tenants_message_cold_or_warm() -> None:
    cmm = Stage().cmm()
    client = Client()
    message = client.encrypt(b"for a", cmm=cmm, encryption_context=TENANT_A).ciphertext
    with pytest.raises(PolicyRefused):
        client.decrypt(message, cmm=cmm, encryption_context=TENANT_B)
    assert client.decrypt(message, cmm=cmm, encryption_context=TENANT_A).plaintext == b"for a"
    for _ in range(2):
        with pytest.raises(PolicyRefused):
            client.decrypt(message, cmm=cmm, encryption_context=TENANT_B)

    assert client.decrypt(message, cmm=cmm, encryption_context=TENANT_A).plaintext == b"for a"


def test_a_pair_that_the_message_never_had_is_refused_cold_or_warm() -> None:
    cmm = Stage().cmm()
    client = Client()
    message = client.encrypt(b"x", cmm=cmm, encryption_context=TENANT_A).ciphertext
    for _ in range(2):
        with pytest.raises(WarmkeyError):
            client.decrypt(message, cmm=cmm, encryption_context={**TENANT_A, "more": "1"})
        client.decrypt(message, cmm=cmm)


def test_a_refused_read_says_which_key_and_no_value() -> None:
    cmm = Stage().cmm()
    message = Client().encrypt(b"x", cmm=cmm, encryption_context={"tenant": "value-of-a"}).ciphertext
    with pytest.raises(PolicyRefused, match="'tenant'") as caught:
        Client().decrypt(message, cmm=cmm, encryption_context={"tenant": "value-of-b"})

    assert "value-of" not in str(caught.value)


def test_clients_of_different_policies_over_one_cache_and_partition_each_get_what_theirs_allows() -> None:
    stage = Stage()
    cmms = [stage.cmm(partition_id="p") for _ in range(2)]
    forbid, strict = Client(commitment_policy=FORBID), Client(commitment_policy=STRICT)
    for _ in range(2):
        for cmm in cmms:
            assert not forbid.encrypt(b"x", cmm=cmm).algorithm_suite.commits
            assert strict.encrypt(b"x", cmm=cmm).algorithm_suite.commits


def test_a_strict_client_does_not_decrypt_what_a_lenient_one_has_warmed() -> None:
    stage = Stage()
    cmm = stage.cmm()
    message = Client(commitment_policy=FORBID).encrypt(b"x", cmm=cmm, algorithm_suite=WITHOUT_COMMITMENT).ciphertext
    assert Client(commitment_policy=LENIENT).decrypt(message, cmm=cmm).plaintext == b"x"
    with pytest.raises(PolicyRefused):
        Client(commitment_policy=STRICT).decrypt(message, cmm=cmm)

    assert Client(commitment_policy=LENIENT).decrypt(message, cmm=cmm).plaintext == b"x"


class Careless:
    """A CMM that answers every request with what the first one was given."""

    def __init__(self, below: Any) -> None:
        self._below = below
        self._encryption: Any = None
        self._decryption: Any = None

    def get_encryption_materials(self, request: Any, /) -> Any:
        self._encryption = self._encryption or self._below.get_encryption_materials(request)
        return self._encryption

    def decrypt_materials(self, request: Any, /) -> Any:
        self._decryption = self._decryption or self._below.decrypt_materials(request)
        return self._decryption


def test_a_client_checks_the_policy_on_whatever_a_cmm_returns() -> None:
    cmm = Careless(Stage().below)
    Client(commitment_policy=FORBID).encrypt(b"x", cmm=cmm)
    with pytest.raises(PolicyRefused):
        Client(commitment_policy=STRICT).encrypt(b"x", cmm=cmm)


def test_a_client_checks_the_context_on_whatever_a_cmm_returns() -> None:
    cmm = Careless(Stage().below)
    client = Client()
    message = client.encrypt(b"x", cmm=cmm, encryption_context=TENANT_A).ciphertext
    assert client.decrypt(message, cmm=cmm, encryption_context=TENANT_A).plaintext == b"x"
    with pytest.raises(PolicyRefused):
        client.decrypt(message, cmm=cmm, encryption_context=TENANT_B)
    with pytest.raises(WarmkeyError):
        client.encrypt(b"x", cmm=cmm, encryption_context=TENANT_B)


def test_a_client_counts_the_encrypted_data_keys_of_warm_materials() -> None:
    stage = Stage()
    keyring = MultiKeyring(
        RawAesKeyring("n", "1", bytes(32)), [RawAesKeyring("n", str(number), bytes(32)) for number in (2, 3)]
    )
    cmm = stage.cmm(cmm=None, keyring=keyring)
    message = Client().encrypt(b"x", cmm=cmm).ciphertext
    Client().decrypt(message, cmm=cmm)
    careful = Client(max_encrypted_data_keys=2)
    with pytest.raises(PolicyRefused):
        careful.encrypt(b"x", cmm=cmm)
    with pytest.raises(PolicyRefused):
        careful.decrypt(message, cmm=cmm)

    assert Client(max_encrypted_data_keys=3).decrypt(message, cmm=cmm).plaintext == b"x"


# spec: client-apis/encrypt.md#encryption-context 5df9
def test_reserved_keys_are_refused_on_encrypt_and_compared_on_decrypt() -> None:
    cmm = Stage().cmm()
    client = Client()
    with pytest.raises(InvalidRequest, match="reserved"):
        client.encrypt(b"x", cmm=cmm, encryption_context={"aws-crypto-anything": "1"})
    result = client.encrypt(b"x", cmm=cmm, encryption_context=TENANT_A)
    public_key = {"aws-crypto-public-key": result.encryption_context["aws-crypto-public-key"]}
    for _ in range(2):
        assert client.decrypt(result.ciphertext, cmm=cmm, encryption_context=public_key).plaintext == b"x"
        with pytest.raises(PolicyRefused):
            client.decrypt(result.ciphertext, cmm=cmm, encryption_context={"aws-crypto-public-key": "another"})


def test_changing_a_returned_context_or_the_callers_changes_no_later_message() -> None:
    cmm = Stage().cmm()
    client = Client()
    context = {"tenant": "a"}
    result = client.encrypt(b"x", cmm=cmm, encryption_context=context)
    decrypted = client.decrypt(result.ciphertext, cmm=cmm)
    for mine in (context, result.encryption_context, decrypted.encryption_context):
        mine["tenant"] = "changed"
    again = client.encrypt(b"y", cmm=cmm, encryption_context={"tenant": "a"})

    assert client.decrypt(again.ciphertext, cmm=cmm, encryption_context={"tenant": "a"}).plaintext == b"y"
    assert client.decrypt(result.ciphertext, cmm=cmm).encryption_context["tenant"] == "a"
    assert cmm.statistics(ENCRYPT).hits == 1


@pytest.mark.parametrize("suite", [suite for suite in AlgorithmSuite if not suite.has_identity_kdf])
def test_messages_of_one_data_key_differ_in_message_id_and_ciphertext(suite: AlgorithmSuite) -> None:
    policy = STRICT if suite.commits else FORBID
    client = Client(commitment_policy=policy)
    cmm = Stage().cmm()
    results = [client.encrypt(b"the same", cmm=cmm, algorithm_suite=suite) for _ in range(20)]

    assert len({result.header.encrypted_data_keys for result in results}) == 1
    assert len({result.header.message_id for result in results}) == 20
    assert len({result.ciphertext for result in results}) == 20
    assert {client.decrypt(result.ciphertext, cmm=cmm).plaintext for result in results} == {b"the same"}
    assert outcomes(cmm.statistics(DECRYPT)) == {"miss:absent": 1, "hits": 19}


def test_the_length_that_is_counted_is_the_plaintexts() -> None:
    stage = Stage()
    cmm = stage.cmm(max_bytes_encrypted=100)
    client = Client()
    keys = [
        client.encrypt(bytes(length), cmm=cmm, frame_length=10).header.encrypted_data_keys for length in (60, 40, 0, 1)
    ]

    assert [key == keys[0] for key in keys] == [True, True, True, False]


def test_a_message_that_fails_the_commitment_of_warm_materials_is_refused() -> None:
    stage = Stage()
    client = Client()
    cmm = stage.cmm()
    message = client.encrypt(b"x", cmm=cmm, algorithm_suite=AlgorithmSuite(0x0478)).ciphertext
    client.decrypt(message, cmm=cmm)
    stage.below.answer = lambda materials: replace(materials, plaintext_data_key=b"0" * 32)
    stage.clock.tick(60)
    with pytest.raises(WarmkeyError):
        client.decrypt(message, cmm=cmm)


def test_a_caching_cmm_under_another_cmm_works() -> None:
    class AddsTenant:
        def __init__(self, inner: CachingCMM) -> None:
            self._inner = inner

        def get_encryption_materials(self, request: Any, /) -> Any:
            return self._inner.get_encryption_materials(
                replace(request, encryption_context={**request.encryption_context, **TENANT_A})
            )

        def decrypt_materials(self, request: Any, /) -> Any:
            return self._inner.decrypt_materials(request)

    stage = Stage()
    cmm = AddsTenant(stage.cmm())
    message = Client().encrypt(b"x", cmm=cmm)
    Client().encrypt(b"x", cmm=cmm)

    assert message.encryption_context["tenant"] == "a"
    assert Client().decrypt(message.ciphertext, cmm=cmm, encryption_context=TENANT_A).plaintext == b"x"
    assert len(stage.below.encrypt_requests) == 1


def test_a_message_of_another_wrapping_key_is_not_read_with_a_warm_cache() -> None:
    stage = Stage()
    cmm = stage.cmm()
    foreign = DefaultCMM(RawAesKeyring("stage", "one key for all stages", b"1" * 32))
    message = Client().encrypt(b"x", cmm=foreign).ciphertext
    Client().encrypt(b"x", cmm=cmm)
    with pytest.raises(KeyUnavailable):
        Client().decrypt(message, cmm=cmm)
