from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.cmms.stage import Below, decrypt_request, encrypt_request
from warmkey import (
    AlgorithmSuite,
    AuthenticationFailed,
    CachingCMM,
    Client,
    CommitmentPolicy,
    ConfigurationError,
    DefaultCMM,
    KeyUnavailable,
    LocalCMC,
    MultiKeyring,
    PolicyRefused,
    WarmkeyError,
)
from warmkey.cmms import RequiredEncryptionContextCMM
from warmkey.events import Operation
from warmkey.keyrings import RawAesKeyring

if TYPE_CHECKING:
    from collections.abc import Callable

    from warmkey import DecryptionMaterials, EncryptionMaterials
    from warmkey.cmms.interface import CryptographicMaterialsManager

KEYRING = RawAesKeyring("ns", "name", bytes(32))
CONTEXT = {"tenant": "the tenant's name", "purpose": "test"}
TENANT = {"tenant": "the tenant's name"}
ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT


def below(answer: Callable[[Any], Any] = lambda materials: materials) -> Below:
    """An underlying CMM that remembers what it was asked, and may change what it answers."""
    cmm = Below()
    cmm.answer = answer
    return cmm


def required(*keys: str, cmm: CryptographicMaterialsManager | None = None) -> RequiredEncryptionContextCMM:
    return RequiredEncryptionContextCMM(keys or ("tenant",), cmm=cmm or DefaultCMM(KEYRING))


class TestGetEncryptionMaterials:
    # spec: framework/required-encryption-context-cmm.md#get-encryption-materials 3e5d 97fc
    def test_the_required_keys_become_part_of_the_request_and_of_the_materials(self) -> None:
        underlying = below()

        materials = required("tenant", cmm=underlying).get_encryption_materials(
            encrypt_request(7, CONTEXT, required=["purpose"])
        )

        assert underlying.encrypt_requests == [encrypt_request(7, CONTEXT, required=["tenant", "purpose"])]
        assert materials.required_encryption_context_keys == {"tenant", "purpose"}

    # spec: framework/required-encryption-context-cmm.md#overview 865f
    # spec: framework/required-encryption-context-cmm.md#get-encryption-materials 3073
    @pytest.mark.parametrize("context", [{}, {"purpose": "test"}, {"tenant": "", "Region": ""}, {"Tenant": ""}])
    def test_a_context_without_a_required_key_is_refused(self, context: dict[str, str]) -> None:
        underlying = below()

        with pytest.raises(PolicyRefused, match=r"must be supplied with .*'region'"):
            required("tenant", "region", cmm=underlying).get_encryption_materials(encrypt_request(1, context))
        assert underlying.calls == 0

    # spec: framework/required-encryption-context-cmm.md#overview 865f
    # spec: framework/required-encryption-context-cmm.md#get-encryption-materials 1c88
    def test_an_underlying_cmm_that_would_store_the_pair_is_refused(self) -> None:
        underlying = below(lambda materials: replace(materials, required_encryption_context_keys=frozenset()))

        with pytest.raises(ConfigurationError, match="dropped a required encryption context key"):
            required(cmm=underlying).get_encryption_materials(encrypt_request(1, CONTEXT))


class TestDecryptMaterials:
    # spec: framework/required-encryption-context-cmm.md#decrypt-materials 0290
    def test_the_request_goes_on_unchanged(self) -> None:
        underlying = below()
        cmm = required(cmm=underlying)
        request = decrypt_request(
            cmm.get_encryption_materials(encrypt_request(1, CONTEXT)), TENANT, stored={"purpose": "test"}
        )

        materials = cmm.decrypt_materials(request)

        assert underlying.decrypt_requests == [request]
        assert materials.encryption_context == CONTEXT
        assert materials.required_encryption_context_keys == {"tenant"}

    # spec: framework/cmm-interface.md#decrypt-materials bb2f
    # spec: framework/required-encryption-context-cmm.md#overview 865f
    # spec: framework/required-encryption-context-cmm.md#decrypt-materials 5381
    @pytest.mark.parametrize("reproduced", [None, {}, {"purpose": "test"}])
    def test_a_caller_who_does_not_supply_the_key_is_refused(self, reproduced: dict[str, str] | None) -> None:
        """Also where the message stores the pair: it comes from whoever wrote the message."""
        underlying = below()
        materials = underlying.get_encryption_materials(encrypt_request(1, CONTEXT))

        for stored in ({"purpose": "test"}, CONTEXT):
            with pytest.raises(PolicyRefused, match="must be supplied with 'tenant'"):
                required(cmm=underlying).decrypt_materials(decrypt_request(materials, reproduced, stored=stored))
        assert underlying.decrypt_requests == []

    # spec: framework/required-encryption-context-cmm.md#decrypt-materials e8fb
    def test_an_underlying_cmm_that_left_the_pair_out_is_refused(self) -> None:
        """The header would not authenticate it then."""
        underlying = below(
            lambda materials: replace(
                materials, encryption_context={"purpose": "test"}, required_encryption_context_keys=frozenset()
            )
        )
        made = required(cmm=below()).get_encryption_materials(encrypt_request(1, CONTEXT))

        with pytest.raises(ConfigurationError, match="left a required key out of the encryption context"):
            required(cmm=underlying).decrypt_materials(decrypt_request(made, TENANT, stored={"purpose": "test"}))


@pytest.mark.parametrize("suite", AlgorithmSuite)
class TestMessages:
    """Stored pairs are in the message in clear; required pairs are authenticated and nowhere."""

    @staticmethod
    def client(suite: AlgorithmSuite) -> Client:
        name = "REQUIRE_ENCRYPT_REQUIRE_DECRYPT" if suite.commits else "FORBID_ENCRYPT_ALLOW_DECRYPT"
        return Client(commitment_policy=CommitmentPolicy[name])

    def test_round_trip(self, suite: AlgorithmSuite) -> None:
        client = self.client(suite)
        message = client.encrypt(b"text", cmm=required(), encryption_context=CONTEXT, algorithm_suite=suite).ciphertext

        result = client.decrypt(message, cmm=required(), encryption_context=TENANT)

        assert result.plaintext == b"text"
        assert result.encryption_context.items() >= CONTEXT.items()
        assert b"purpose" in message
        assert b"tenant" not in message

    def test_all_pairs_may_be_required(self, suite: AlgorithmSuite) -> None:
        client, cmm = self.client(suite), required("tenant", "purpose")
        message = client.encrypt(b"text", cmm=cmm, encryption_context=CONTEXT, algorithm_suite=suite).ciphertext

        assert client.decrypt(message, cmm=cmm, encryption_context=CONTEXT).plaintext == b"text"
        assert b"purpose" not in message

    def test_another_value_does_not_decrypt(self, suite: AlgorithmSuite) -> None:
        client = self.client(suite)
        message = client.encrypt(b"text", cmm=required(), encryption_context=CONTEXT, algorithm_suite=suite).ciphertext

        with pytest.raises(KeyUnavailable):
            client.decrypt(message, cmm=required(), encryption_context={"tenant": "another"})

    def test_who_knows_the_pair_needs_no_such_cmm(self, suite: AlgorithmSuite) -> None:
        client = self.client(suite)
        message = client.encrypt(b"text", cmm=required(), encryption_context=CONTEXT, algorithm_suite=suite).ciphertext

        assert client.decrypt(message, keyring=KEYRING, encryption_context=TENANT).plaintext == b"text"
        with pytest.raises(WarmkeyError):
            client.decrypt(message, keyring=KEYRING)

    def test_a_stored_pair_is_checked_against_the_callers(self, suite: AlgorithmSuite) -> None:
        client = self.client(suite)
        message = client.encrypt(b"text", keyring=KEYRING, encryption_context=CONTEXT, algorithm_suite=suite).ciphertext

        assert client.decrypt(message, cmm=required(), encryption_context=TENANT).plaintext == b"text"
        with pytest.raises(PolicyRefused, match="another value for 'tenant'"):
            client.decrypt(message, cmm=required(), encryption_context={"tenant": "another"})


def test_a_required_pair_is_authenticated_by_the_header_even_where_the_keyring_binds_no_context() -> None:
    class Blind:
        """As a raw RSA keyring: one data key, whatever the context."""

        def on_encrypt(self, materials: EncryptionMaterials) -> EncryptionMaterials:
            wrapped = KEYRING.on_encrypt(replace(materials, encryption_context={}, signing_key=None,
                                                 required_encryption_context_keys=frozenset()))  # fmt: skip
            return replace(
                materials,
                plaintext_data_key=wrapped.plaintext_data_key,
                encrypted_data_keys=wrapped.encrypted_data_keys,
            )

        def on_decrypt(self, materials: DecryptionMaterials, keys: Any) -> DecryptionMaterials:
            bare = replace(materials, encryption_context={}, required_encryption_context_keys=frozenset())
            return replace(materials, plaintext_data_key=KEYRING.on_decrypt(bare, keys).plaintext_data_key)

    client, cmm = Client(), RequiredEncryptionContextCMM(["tenant"], keyring=Blind())
    message = client.encrypt(b"text", cmm=cmm, encryption_context=CONTEXT).ciphertext

    assert client.decrypt(message, cmm=cmm, encryption_context=TENANT).plaintext == b"text"
    with pytest.raises(AuthenticationFailed, match="header"):
        client.decrypt(message, cmm=cmm, encryption_context={"tenant": "another"})


class TestNesting:
    def test_two_of_them_require_both(self) -> None:
        client, cmm = Client(), required("purpose", cmm=required("tenant"))
        message = client.encrypt(b"text", cmm=cmm, encryption_context=CONTEXT).ciphertext

        assert client.decrypt(message, cmm=cmm, encryption_context=CONTEXT).plaintext == b"text"
        for context in (TENANT, {"purpose": "test"}):
            with pytest.raises(PolicyRefused):
                client.decrypt(message, cmm=cmm, encryption_context=context)

    def test_over_a_multi_keyring(self) -> None:
        client = Client()
        cmm = RequiredEncryptionContextCMM(
            ["tenant"], keyring=MultiKeyring(KEYRING, [RawAesKeyring("ns", "second", bytes(16))])
        )
        message = client.encrypt(b"text", cmm=cmm, encryption_context=CONTEXT).ciphertext

        assert client.decrypt(message, cmm=cmm, encryption_context=TENANT).plaintext == b"text"


def caching(cmm: CryptographicMaterialsManager, cache: LocalCMC | None = None, partition_id: str = "p") -> CachingCMM:
    return CachingCMM(cache=cache or LocalCMC(10), max_age=60, cmm=cmm, partition_id=partition_id)


def inside() -> tuple[CryptographicMaterialsManager, CachingCMM]:
    """The caching CMM inside the requiring one: the requests that it caches have required keys."""
    cached = caching(DefaultCMM(KEYRING))
    return required("tenant", cmm=cached), cached


def outside() -> tuple[CryptographicMaterialsManager, CachingCMM]:
    """The caching CMM around the requiring one: only the materials that it caches have required keys."""
    cached = caching(required("tenant"))
    return cached, cached


@pytest.mark.parametrize("build", [inside, outside])
@pytest.mark.parametrize(
    "suite",
    [AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY, AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384],
)
class TestWithTheCachingCMM:
    def test_a_hit_keeps_the_pair_out_of_the_message_too(self, build: Any, suite: AlgorithmSuite) -> None:
        cmm, cached = build()
        client = Client()

        messages = [
            client.encrypt(b"text", cmm=cmm, encryption_context=CONTEXT, algorithm_suite=suite).ciphertext
            for _ in range(3)
        ]

        assert cached.statistics(ENCRYPT).hits == 2
        for message in messages:
            assert b"tenant" not in message
            assert client.decrypt(message, cmm=cmm, encryption_context=TENANT).plaintext == b"text"
        assert cached.statistics(DECRYPT).hits == 2

    @pytest.mark.parametrize("reproduced", [None, {}, {"purpose": "test"}, {"tenant": "another"}])
    def test_a_warm_decrypt_refuses_what_a_cold_one_does(
        self, build: Any, suite: AlgorithmSuite, reproduced: dict[str, str] | None
    ) -> None:
        cmm, cached = build()
        client = Client()
        message = client.encrypt(b"text", cmm=cmm, encryption_context=CONTEXT, algorithm_suite=suite).ciphertext
        with pytest.raises(WarmkeyError) as cold:
            client.decrypt(message, cmm=cmm, encryption_context=reproduced)
        client.decrypt(message, cmm=cmm, encryption_context=TENANT)

        with pytest.raises(type(cold.value)):
            client.decrypt(message, cmm=cmm, encryption_context=reproduced)
        assert cached.statistics(DECRYPT).hits == 0

    def test_more_context_than_is_needed_is_an_entry_of_its_own(self, build: Any, suite: AlgorithmSuite) -> None:
        cmm, cached = build()
        client = Client()
        message = client.encrypt(b"text", cmm=cmm, encryption_context=CONTEXT, algorithm_suite=suite).ciphertext

        for reproduced in (TENANT, CONTEXT, CONTEXT):
            assert client.decrypt(message, cmm=cmm, encryption_context=reproduced).plaintext == b"text"
        assert cached.statistics(DECRYPT).hits == 1

    def test_a_warm_encrypt_without_the_key_is_refused(self, build: Any, suite: AlgorithmSuite) -> None:
        cmm, _ = build()
        client = Client()
        client.encrypt(b"text", cmm=cmm, encryption_context=CONTEXT, algorithm_suite=suite)

        with pytest.raises(PolicyRefused):
            client.encrypt(b"text", cmm=cmm, encryption_context={"purpose": "test"}, algorithm_suite=suite)


def test_one_cache_and_partition_under_requiring_and_plain_cmms_mixes_nothing_up() -> None:
    """Two caching CMMs share entries; one serves requests that require the tenant, the other requests that store it."""
    cache, client = LocalCMC(10), Client()
    plain, requiring = caching(DefaultCMM(KEYRING), cache), required("tenant", cmm=caching(DefaultCMM(KEYRING), cache))

    for _ in range(2):
        stored = client.encrypt(b"text", cmm=plain, encryption_context=CONTEXT).ciphertext
        hidden = client.encrypt(b"text", cmm=requiring, encryption_context=CONTEXT).ciphertext

        assert b"tenant" in stored
        assert b"tenant" not in hidden
        assert client.decrypt(stored, cmm=plain).plaintext == b"text"
        assert client.decrypt(hidden, cmm=requiring, encryption_context=TENANT).plaintext == b"text"
        with pytest.raises(WarmkeyError):
            client.decrypt(hidden, cmm=plain)


class TestConstructor:
    # spec: framework/required-encryption-context-cmm.md#initialization 7eb2
    def test_a_keyring_gets_a_default_cmm(self) -> None:
        cmm = RequiredEncryptionContextCMM(["b", "a"], keyring=KEYRING)

        assert repr(cmm) == "RequiredEncryptionContextCMM(['a', 'b'], DefaultCMM(RawAesKeyring('ns', 'name')))"

    # spec: framework/required-encryption-context-cmm.md#initialization 0ddd
    def test_cmm_or_keyring(self) -> None:
        for arguments in ({}, {"cmm": DefaultCMM(KEYRING), "keyring": KEYRING}):
            with pytest.raises(ConfigurationError, match="give either cmm or keyring"):
                RequiredEncryptionContextCMM(["tenant"], **arguments)  # type: ignore[arg-type]

    # spec: framework/required-encryption-context-cmm.md#initialization f56d
    @pytest.mark.parametrize("keys", [[], "tenant", b"tenant", None, 1, [1], [""], ["tenant", None]], ids=repr)
    def test_the_keys_are_one_or_more_texts(self, keys: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"required_encryption_context_keys (is|must)"):
            RequiredEncryptionContextCMM(keys, keyring=KEYRING)

    @pytest.mark.parametrize("key", ["aws-crypto-public-key", "aws-crypto-"])
    def test_reserved_keys_are_nobodys_to_supply(self, key: str) -> None:
        with pytest.raises(ConfigurationError, match="which no caller may supply"):
            RequiredEncryptionContextCMM(["tenant", key], keyring=KEYRING)

    def test_any_iterable_of_keys_works_and_is_copied(self) -> None:
        keys = {"tenant"}
        cmm = RequiredEncryptionContextCMM(keys, keyring=KEYRING)
        keys.clear()

        with pytest.raises(PolicyRefused):
            cmm.get_encryption_materials(encrypt_request(1, {}))
