"""The fake KMS, where moto is not faithful and where only a fake can go: states, Regions, key pairs, grants, calls."""

from __future__ import annotations

import copy
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from warmkey.testing import FakeKms, FakeKmsWorld, KmsCall, SettableClock, materials, service

if TYPE_CHECKING:
    from collections.abc import Callable

CONTEXT = {"tenant": "a"}


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    code: str = error.value.response["Error"]["Code"]
    return code


def refusal(method: Any, **arguments: Any) -> str:
    """The error code of a request that fails."""
    with pytest.raises(ClientError) as error:
        method(**arguments)
    return code_of(error)


# Keys and their states


def test_a_disabled_key_refuses_until_it_is_enabled() -> None:
    kms = FakeKms()
    key = kms.create_key()
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]

    kms.disable_key(key)

    assert refusal(kms.generate_data_key, KeyId=key, NumberOfBytes=32) == "DisabledException"
    assert refusal(kms.encrypt, KeyId=key, Plaintext=b"x") == "DisabledException"
    assert refusal(kms.decrypt, CiphertextBlob=blob) == "DisabledException"
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"

    kms.enable_key(key)

    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_a_key_pending_deletion_is_in_an_invalid_state() -> None:
    kms = FakeKms()
    key = kms.create_key()

    kms.schedule_deletion(key)

    assert refusal(kms.generate_data_key, KeyId=key, NumberOfBytes=32) == "KMSInvalidStateException"


def test_another_key_than_the_one_that_encrypted_is_the_incorrect_key() -> None:
    kms = FakeKms()
    blob = kms.encrypt(KeyId=kms.create_key(), Plaintext=b"x")["CiphertextBlob"]

    assert refusal(kms.decrypt, KeyId=kms.create_key(), CiphertextBlob=blob) == "IncorrectKeyException"


def test_a_ciphertext_of_nobody_is_invalid() -> None:
    kms = FakeKms()
    key = kms.create_key()

    assert refusal(kms.decrypt, CiphertextBlob=b"x") == "InvalidCiphertextException"
    assert refusal(kms.decrypt, KeyId=key, CiphertextBlob=b"x") == "InvalidCiphertextException"


def test_there_is_nothing_to_decrypt_without_a_ciphertext() -> None:
    # Older boto3 refuses this itself; a newer one leaves it to the service.
    with pytest.raises((ClientError, ParamValidationError)):
        FakeKms().decrypt()


def test_a_truncated_ciphertext_is_invalid_wherever_it_ends() -> None:
    kms = FakeKms()
    key = kms.create_key()
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]

    codes = {refusal(kms.decrypt, KeyId=key, CiphertextBlob=blob[:length]) for length in range(1, len(blob))}

    assert codes == {"InvalidCiphertextException"}


def test_a_ciphertext_from_another_world_says_what_kms_says_of_keys_it_does_not_have() -> None:
    elsewhere = FakeKms()
    blob = elsewhere.encrypt(KeyId=elsewhere.create_key(), Plaintext=b"x")["CiphertextBlob"]

    assert refusal(FakeKms().decrypt, CiphertextBlob=blob) == "AccessDeniedException"


def test_an_alias_can_be_moved_to_another_key() -> None:
    kms = FakeKms()
    first, second = kms.create_key(), kms.create_key()
    alias = kms.create_alias("alias/current", first)
    blob = kms.encrypt(KeyId=alias, Plaintext=b"x")["CiphertextBlob"]

    kms.create_alias("alias/current", second)

    assert second == kms.encrypt(KeyId="alias/current", Plaintext=b"x")["KeyId"]
    assert refusal(kms.decrypt, KeyId=alias, CiphertextBlob=blob) == "IncorrectKeyException"
    assert first == kms.decrypt(CiphertextBlob=blob)["KeyId"]


def test_a_key_of_another_account_is_reached_by_its_arn_only() -> None:
    kms = FakeKms()
    theirs = kms.create_key(account="444455556666")

    assert theirs.split(":")[4] == "444455556666"
    assert theirs == kms.generate_data_key(KeyId=theirs, NumberOfBytes=32)["KeyId"]
    assert refusal(kms.generate_data_key, KeyId=theirs.rpartition("/")[2], NumberOfBytes=32) == "NotFoundException"


def test_the_arn_of_another_region_is_not_found() -> None:
    kms = FakeKms("us-east-1")
    abroad = kms.create_key(region="eu-west-1")

    assert refusal(kms.generate_data_key, KeyId=abroad, NumberOfBytes=32) == "NotFoundException"


def test_a_world_may_be_of_another_account_and_partition() -> None:
    kms = FakeKms("cn-north-1", world=FakeKmsWorld(account="999999999999", partition="aws-cn"))

    assert kms.create_key().startswith("arn:aws-cn:kms:cn-north-1:999999999999:key/")
    assert kms.meta.partition == "aws-cn"


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda kms: kms.create_key(key_spec="AES"), "none of SYMMETRIC_DEFAULT"),
        (lambda kms: kms.create_key(key_usage="KEY_AGREEMENT"), "none of ENCRYPT_DECRYPT"),
        (lambda kms: kms.create_alias("orders", kms.create_key()), "alias/NAME"),
        (lambda kms: kms.create_alias("alias/aws/s3", kms.create_key()), "outside alias/aws/"),
        (lambda kms: kms.replicate_key(kms.create_key(), "eu-west-1"), "multi_region=True"),
        (lambda kms: kms.replicate_key(kms.create_key(multi_region=True), "us-east-1"), "exists already"),
        (lambda kms: kms.disable_key("alias/nothing"), "create_key"),
    ],
)
def test_a_mistake_in_the_test_itself_is_a_value_error_that_says_what_to_do(make: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        make(FakeKms())


# Regions


def test_a_replica_decrypts_what_its_primary_encrypted_and_answers_with_its_own_arn() -> None:
    here = FakeKms("us-east-1")
    there = FakeKms("eu-west-1", world=here.world)
    primary = here.create_key(multi_region=True)
    replica = here.replicate_key(primary, "eu-west-1")
    blob = here.generate_data_key(KeyId=primary, NumberOfBytes=32, EncryptionContext=CONTEXT)["CiphertextBlob"]

    for key_id in (replica, replica.rpartition("/")[2]):
        assert replica == there.decrypt(KeyId=key_id, CiphertextBlob=blob, EncryptionContext=CONTEXT)["KeyId"]
    assert replica == there.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)["KeyId"]
    assert primary.replace("us-east-1", "eu-west-1") == replica
    assert "/mrk-" in primary
    assert there.describe_key(KeyId=replica)["KeyMetadata"]["MultiRegion"] is True


def test_a_region_without_a_replica_does_not_decrypt() -> None:
    here = FakeKms("us-east-1")
    there = FakeKms("eu-west-1", world=here.world)
    key = here.create_key(multi_region=True)
    blob = here.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]

    assert refusal(there.decrypt, CiphertextBlob=blob) == "AccessDeniedException"
    assert refusal(there.decrypt, KeyId=key, CiphertextBlob=blob) == "NotFoundException"


def test_each_replica_has_a_state_and_aliases_of_its_own() -> None:
    here = FakeKms("us-east-1")
    there = FakeKms("eu-west-1", world=here.world)
    primary = here.create_key(multi_region=True)
    replica = there.replicate_key(primary, "eu-west-1")

    here.disable_key(primary)
    there.create_alias("alias/there", replica)

    assert replica == there.encrypt(KeyId="alias/there", Plaintext=b"x")["KeyId"]
    assert refusal(here.encrypt, KeyId="alias/there", Plaintext=b"x") == "NotFoundException"


# Key pairs


@pytest.mark.parametrize("algorithm", ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"])
def test_an_rsa_key_decrypts_what_was_encrypted_with_its_public_key_outside(algorithm: str) -> None:
    kms = FakeKms()
    key = kms.create_key(key_spec="RSA_2048")
    public_key = serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    assert isinstance(public_key, rsa.RSAPublicKey)
    digest = {"RSAES_OAEP_SHA_1": hashes.SHA1, "RSAES_OAEP_SHA_256": hashes.SHA256}[algorithm]
    oaep = padding.OAEP(mgf=padding.MGF1(digest()), algorithm=digest(), label=None)

    answer = kms.decrypt(KeyId=key, CiphertextBlob=public_key.encrypt(b"data key", oaep), EncryptionAlgorithm=algorithm)

    del answer["ResponseMetadata"]
    assert answer == {"KeyId": key, "Plaintext": b"data key", "EncryptionAlgorithm": algorithm}


@pytest.mark.parametrize("spec", ["RSA_2048", "RSA_3072", "RSA_4096"])
def test_an_rsa_key_has_the_size_of_its_spec(spec: str) -> None:
    kms = FakeKms()
    public_key = kms.get_public_key(KeyId=kms.create_key(key_spec=spec))
    loaded = serialization.load_der_public_key(public_key.pop("PublicKey"))
    assert isinstance(loaded, rsa.RSAPublicKey)

    assert spec == f"RSA_{loaded.key_size}" == public_key["KeySpec"]
    assert public_key["EncryptionAlgorithms"] == ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]


def test_an_rsa_key_refuses_what_kms_refuses() -> None:
    kms = FakeKms()
    key = kms.create_key(key_spec="RSA_2048")
    good = {"KeyId": key, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    blob = kms.encrypt(Plaintext=b"x", **good)["CiphertextBlob"]

    assert kms.decrypt(CiphertextBlob=blob, **good)["Plaintext"] == b"x"
    assert refusal(kms.encrypt, Plaintext=bytes(191), **good) == "ValidationException"
    assert refusal(kms.encrypt, Plaintext=b"x", EncryptionContext=CONTEXT, **good) == "ValidationException"
    assert refusal(kms.encrypt, KeyId=key, Plaintext=b"x") == "InvalidKeyUsageException"
    assert refusal(kms.generate_data_key, KeyId=key, NumberOfBytes=32) == "InvalidKeyUsageException"
    assert refusal(kms.decrypt, CiphertextBlob=blob[:-1], **good) == "InvalidCiphertextException"
    other_algorithm = {**good, "EncryptionAlgorithm": "RSAES_OAEP_SHA_1"}
    assert refusal(kms.decrypt, CiphertextBlob=blob, **other_algorithm) == "InvalidCiphertextException"
    assert refusal(kms.encrypt, Plaintext=b"x", KeyId=key, EncryptionAlgorithm="RSA") == "ValidationException"


CURVES = {"ECC_NIST_P256": ec.SECP256R1(), "ECC_NIST_P384": ec.SECP384R1(), "ECC_NIST_P521": ec.SECP521R1()}


@pytest.mark.parametrize("spec", CURVES)
def test_both_sides_derive_the_same_shared_secret(spec: str) -> None:
    kms = FakeKms()
    key = kms.create_key(key_spec=spec)
    theirs = serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    assert isinstance(theirs, ec.EllipticCurvePublicKey)
    mine = ec.generate_private_key(CURVES[spec])

    answer = kms.derive_shared_secret(KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=der(mine))

    del answer["ResponseMetadata"]
    assert answer == {
        "KeyId": key,
        "SharedSecret": mine.exchange(ec.ECDH(), theirs),
        "KeyAgreementAlgorithm": "ECDH",
        "KeyOrigin": "AWS_KMS",
    }


def der(private_key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return private_key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@pytest.mark.parametrize(
    "make_public_key",
    [
        lambda: b"no key",
        lambda: der(ec.generate_private_key(ec.SECP384R1())),
        lambda: der(rsa.generate_private_key(65537, 2048)),
    ],
    ids=["nonsense", "another-curve", "rsa"],
)
def test_a_public_key_that_does_not_fit_derives_nothing(make_public_key: Callable[[], bytes]) -> None:
    kms = FakeKms()
    key = kms.create_key(key_spec="ECC_NIST_P256")
    request = {"KeyId": key, "KeyAgreementAlgorithm": "ECDH", "PublicKey": make_public_key()}

    assert refusal(kms.derive_shared_secret, **request) == "ValidationException"


def test_a_key_is_refused_for_what_it_is_not_made_for() -> None:
    kms = FakeKms()
    symmetric = kms.create_key()
    signing = kms.create_key(key_spec="ECC_NIST_P256", key_usage="SIGN_VERIFY")
    peer = der(ec.generate_private_key(ec.SECP256R1()))

    for key in (symmetric, signing):
        request = {"KeyId": key, "KeyAgreementAlgorithm": "ECDH", "PublicKey": peer}
        assert refusal(kms.derive_shared_secret, **request) == "InvalidKeyUsageException"
    assert refusal(kms.encrypt, KeyId=signing, Plaintext=b"x") == "InvalidKeyUsageException"
    assert refusal(kms.get_public_key, KeyId=symmetric) == "UnsupportedOperationException"
    assert "KeyAgreementAlgorithms" not in kms.describe_key(KeyId=signing)["KeyMetadata"]


# Permissions


def test_deny_and_allow_for_every_key() -> None:
    kms = FakeKms()
    key = kms.create_key()
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]

    kms.deny("Decrypt")

    assert refusal(kms.decrypt, CiphertextBlob=blob) == "AccessDeniedException"
    kms.encrypt(KeyId=key, Plaintext=b"x")

    kms.allow("Decrypt")

    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_deny_for_one_key() -> None:
    kms = FakeKms()
    denied, free = kms.create_key(), kms.create_key()

    kms.deny("Encrypt", denied)

    assert refusal(kms.encrypt, KeyId=denied, Plaintext=b"x") == "AccessDeniedException"
    kms.encrypt(KeyId=free, Plaintext=b"x")


def test_a_grant_token_permits_its_operation_on_its_key() -> None:
    kms = FakeKms()
    key, other = kms.create_key(), kms.create_key()
    token = kms.create_grant(key, "Encrypt")
    kms.deny("Encrypt")
    kms.deny("GenerateDataKey")

    kms.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=[token])

    assert refusal(kms.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    assert refusal(kms.encrypt, KeyId=other, Plaintext=b"x", GrantTokens=[token]) == "AccessDeniedException"
    request = {"KeyId": key, "NumberOfBytes": 32, "GrantTokens": [token]}
    assert refusal(kms.generate_data_key, **request) == "AccessDeniedException"


def test_a_grant_token_that_was_never_issued_is_invalid() -> None:
    kms = FakeKms()
    request = {"KeyId": kms.create_key(), "Plaintext": b"x", "GrantTokens": ["made-up"]}

    assert refusal(kms.encrypt, **request) == "InvalidGrantTokenException"


def test_a_dry_run_says_whether_it_would_have_worked() -> None:
    kms = FakeKms()
    key = kms.create_key()

    assert refusal(kms.encrypt, KeyId=key, Plaintext=b"x", DryRun=True) == "DryRunOperationException"
    kms.disable_key(key)
    assert refusal(kms.encrypt, KeyId=key, Plaintext=b"x", DryRun=True) == "DisabledException"


def test_a_dry_run_of_decrypt_may_ignore_the_ciphertext() -> None:
    kms = FakeKms()
    key = kms.create_key()
    dry = {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}

    assert refusal(kms.decrypt, KeyId=key, **dry) == "DryRunOperationException"
    assert refusal(kms.decrypt, KeyId=key, CiphertextBlob=b"junk", **dry) == "DryRunOperationException"
    assert refusal(kms.decrypt, CiphertextBlob=b"junk", KeyId=key, DryRun=True) == "InvalidCiphertextException"
    kms.deny("Decrypt")
    assert refusal(kms.decrypt, KeyId=key, **dry) == "AccessDeniedException"
    kms.allow("Decrypt")
    kms.disable_key(key)
    assert refusal(kms.decrypt, KeyId=key, **dry) == "DisabledException"


def test_a_dry_run_of_re_encrypt_may_ignore_the_ciphertext() -> None:
    kms = FakeKms()
    source, destination = kms.create_key(), kms.create_key()
    request = {"SourceKeyId": source, "DestinationKeyId": destination, "DryRun": True}
    modified = {**request, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}

    assert refusal(kms.re_encrypt, **modified) == "DryRunOperationException"
    assert refusal(kms.re_encrypt, **request) == "ValidationException"
    kms.deny("ReEncryptTo", destination)
    assert refusal(kms.re_encrypt, **modified) == "AccessDeniedException"


@pytest.mark.parametrize(
    "parameters",
    [
        {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]},
        {"KeyId": "alias/a", "DryRunModifiers": ["IGNORE_CIPHERTEXT"]},
        {"KeyId": "alias/a", "DryRun": False, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]},
        {"KeyId": "alias/a", "DryRun": True, "DryRunModifiers": ["SOMETHING_ELSE"]},
    ],
)
def test_the_modifier_is_for_dry_runs_with_a_key_id(parameters: dict[str, Any]) -> None:
    kms = FakeKms()
    kms.create_alias("alias/a", kms.create_key())

    assert refusal(kms.decrypt, **parameters) == "ValidationException"


def test_an_answer_for_a_nitro_enclave_is_more_than_it_can_do() -> None:
    with pytest.raises(NotImplementedError):
        FakeKms().decrypt(CiphertextBlob=b"x", Recipient={})


# Calls


def test_calls_are_recorded_with_what_was_asked_and_which_key_it_meant() -> None:
    kms = FakeKms()
    key = kms.create_key()
    alias = kms.create_alias("alias/orders", key)
    token = kms.create_grant(key, "GenerateDataKey")

    answer = kms.generate_data_key(KeyId=alias, NumberOfBytes=32, EncryptionContext=CONTEXT, GrantTokens=[token])
    kms.decrypt(CiphertextBlob=answer["CiphertextBlob"], EncryptionContext=CONTEXT)

    common: dict[str, Any] = {"key_arn": key, "region": "us-east-1", "encryption_context": CONTEXT}
    assert kms.calls == [
        KmsCall(operation="GenerateDataKey", key_id=alias, grant_tokens=(token,), number_of_bytes=32, **common),
        KmsCall(operation="Decrypt", key_id=None, **common),
    ]
    assert kms.calls[0].encryption_context_keys == {"tenant"}


def test_refused_requests_count_and_those_that_never_left_do_not() -> None:
    kms = FakeKms()

    refusal(kms.encrypt, KeyId="nothing", Plaintext=b"x")
    with pytest.raises(Exception, match="Parameter validation failed"):
        kms.encrypt(KeyId="nothing")

    assert kms.calls == [KmsCall(operation="Encrypt", key_id="nothing", key_arn=None, region="us-east-1")]


def test_counts() -> None:
    kms = FakeKms()
    key = kms.create_key()
    for _ in range(2):
        kms.generate_data_key(KeyId=key, NumberOfBytes=32)
    kms.encrypt(KeyId=key, Plaintext=b"x")

    assert (kms.count(), kms.count("GenerateDataKey"), kms.count("Decrypt")) == (3, 2, 0)
    assert kms.counts() == {"GenerateDataKey": 2, "Encrypt": 1}

    kms.clear_calls()

    assert kms.count() == 0


def test_many_threads_at_once_lose_no_call() -> None:
    kms = FakeKms()
    key = kms.create_key()

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: kms.generate_data_key(KeyId=key, NumberOfBytes=32), range(400)))

    assert kms.count("GenerateDataKey") == 400
    assert len({answer["Plaintext"] for answer in answers}) == 400


def test_latency_is_what_the_test_makes_of_it() -> None:
    kms, clock = FakeKms(), SettableClock(monotonic=0, wall=0)
    key = kms.create_key()
    slow = {"GenerateDataKey": 2.5}

    kms.latency = lambda call: clock.tick(slow.get(call.operation, 0))
    kms.generate_data_key(KeyId=key, NumberOfBytes=32)
    kms.encrypt(KeyId=key, Plaintext=b"x")

    assert clock.now().monotonic == 2.5


def test_close_is_remembered_and_forbids_nothing() -> None:
    kms = FakeKms()
    key = kms.create_key()
    assert not kms.closed

    kms.close()

    assert kms.closed
    kms.encrypt(KeyId=key, Plaintext=b"x")


# Secrets


def test_data_keys_come_from_the_operating_system(monkeypatch: pytest.MonkeyPatch) -> None:
    kms = FakeKms()
    key = kms.create_key()

    monkeypatch.setattr(os, "urandom", lambda length: b"\x2a" * length)

    assert kms.generate_data_key(KeyId=key, NumberOfBytes=32)["Plaintext"] == b"\x2a" * 32


def test_nothing_shows_a_context_value() -> None:
    kms = FakeKms()
    key = kms.create_key()
    kms.encrypt(KeyId=key, Plaintext=b"very secret", EncryptionContext={"tenant": "very secret"})

    assert repr(kms) == "<FakeKms region=us-east-1 keys=1 calls=1>"
    assert repr(kms.world) == "<FakeKmsWorld account=111122223333 keys=1>"
    assert "secret" not in repr(kms.calls)


def test_key_material_shows_nothing() -> None:
    assert repr(materials.SymmetricMaterial()) == "<SymmetricMaterial>"
    assert repr(materials.AsymmetricMaterial("ECC_NIST_P256")) == "<AsymmetricMaterial>"


def test_a_request_shows_no_parameters() -> None:
    request = service.Request(
        operation="Encrypt", parameters={"Plaintext": b"secret"}, world=FakeKmsWorld(), region="us-east-1"
    )

    assert repr(request) == "<Request Encrypt>"


def test_a_fake_goes_nowhere_else() -> None:
    kms = FakeKms()
    kms.create_key()

    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        for secret in (kms, materials.SymmetricMaterial()):
            with pytest.raises(TypeError, match="key material"):
                leave(secret)


def test_answers_hold_nothing_that_boto3_does_not_know() -> None:
    kms = FakeKms()
    symmetric, pair, curve = (
        kms.create_key(key_spec=spec) for spec in ("SYMMETRIC_DEFAULT", "RSA_2048", "ECC_NIST_P256")
    )
    peer = der(ec.generate_private_key(ec.SECP256R1()))
    encrypted = kms.encrypt(KeyId=symmetric, Plaintext=b"x")
    answers = {
        "GenerateDataKey": kms.generate_data_key(KeyId=symmetric, NumberOfBytes=32),
        "Encrypt": encrypted,
        "Decrypt": kms.decrypt(CiphertextBlob=encrypted["CiphertextBlob"]),
        "GetPublicKey": kms.get_public_key(KeyId=pair),
        "DeriveSharedSecret": kms.derive_shared_secret(KeyId=curve, KeyAgreementAlgorithm="ECDH", PublicKey=peer),
        "DescribeKey": kms.describe_key(KeyId=curve),
    }

    for operation, answer in answers.items():
        del answer["ResponseMetadata"]
        assert_fits(kms.meta.service_model.operation_model(operation).output_shape, answer)


def assert_fits(shape: Any, value: Any) -> None:
    if shape.type_name == "structure":
        assert value.keys() <= shape.members.keys()
        for name, member in value.items():
            assert_fits(shape.members[name], member)
    if shape.type_name == "blob":
        assert type(value) is bytes
    if "enum" in shape.metadata:
        assert value in shape.metadata["enum"]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # other tests may have left threads
def test_a_forked_child_may_make_requests_whatever_the_parent_was_doing() -> None:
    kms = FakeKms()
    key = kms.create_key()

    with kms.world._admin:  # another thread of the parent is creating a key
        child = os.fork()
        if child == 0:
            kms.generate_data_key(KeyId=key, NumberOfBytes=32)
            os._exit(0 if kms.count() == 1 else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert kms.count() == 0
