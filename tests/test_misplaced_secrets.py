"""An argument in the wrong place may be a key or a plaintext: no error shows one, whatever was called.

Every public constructor and function is called with a secret in the place of each of its arguments, in every shape that
a secret may have. What an error may show of an argument is its type and its length.
"""

from __future__ import annotations

import importlib
import inspect
import io
from enum import Enum
from typing import TYPE_CHECKING, Any

import pytest

import warmkey
from tests.client_apis.sources import KEYRING, message_of
from tests.client_apis.test_secrets import chain, our_locals, shown
from warmkey import AlgorithmSuite, CachingCMM, Client, CommitmentPolicy, DefaultCMM, LocalCMC
from warmkey.clock import SystemClock
from warmkey.events import Operation
from warmkey.keyrings import EcdhCurveSpec, PaddingScheme, PublicKeyDiscovery
from warmkey.lambda_runtime.settings import ROWS
from warmkey.structures import EncryptionMaterials
from warmkey.testing import FakeKms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODULES = [
    "warmkey",
    "warmkey.keyrings",
    "warmkey.cmms",
    "warmkey.caches",
    "warmkey.observability",
    "warmkey.powertools",
]
SECRET = b"white-shark-white"
PEM = b"-----BEGIN PRIVATE KEY-----\nwhite-shark\n-----END PRIVATE KEY-----\n"
NUMBER = int.from_bytes(SECRET, "big")
SECRETS: dict[str, Any] = {
    "bytes": SECRET,
    "bytearray": bytearray(SECRET),
    "view": memoryview(SECRET),
    "text": SECRET.decode(),
    "PEM": PEM,
    "PEM text": PEM.decode(),
    "hex": SECRET.hex(),
    "number": NUMBER,
    "list": [SECRET],
    "list of text": [SECRET.decode()],
    "nested": [[SECRET]],
    "tuple": (SECRET, SECRET),
    "set": {SECRET},
    "dict of bytes": {"key": SECRET},
    "dict": {"tenant": {"key": SECRET.decode()}},
}
FORMS = ("white-shark", SECRET.hex(), str(NUMBER), f"{NUMBER:x}")

KMS = FakeKms()
ARN = KMS.create_key()
DEFAULTS: dict[str, Any] = {
    "account_ids": ["111122223333"],
    "algorithm_suite": AlgorithmSuite(0x0478),
    "cache": LocalCMC(10),
    "capacity": 10,
    "ciphertext": b"",
    "client_supplier": lambda _region: KMS,
    "clock": SystemClock(),
    "cmm": DefaultCMM(KEYRING),
    "commitment_policy": CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT,
    "created": SystemClock().now(),
    "curve_spec": EcdhCurveSpec.ECC_NIST_P256,
    "data": b"",
    "encrypted_data_keys": (),
    "encryption_algorithm": "RSAES_OAEP_SHA_256",
    "encryption_context": {},
    "fields": ["name"],
    "header": None,
    "key_agreement_schema": PublicKeyDiscovery(recipient_static_private_key=PEM),
    "key_name": "name",
    "key_namespace": "namespace",
    "key_provider_id": "provider",
    "key_provider_info": b"info",
    "keyring": KEYRING,
    "kms_client": KMS,
    "kms_key_id": ARN,
    "materials": EncryptionMaterials(algorithm_suite=AlgorithmSuite(0x0478)),
    "max_age": 60,
    "operation": Operation.ENCRYPT,
    "padding_scheme": PaddingScheme.PKCS1,
    "partition": "aws",
    "plaintext": b"",
    "plaintext_length": 0,
    "recipient_kms_identifier": ARN,
    "recipient_public_key": b"",
    "recipient_static_private_key": PEM,
    "record": {"name": 1},
    "region": KMS.meta.region_name,
    "regions": [KMS.meta.region_name],
    "required_encryption_context_keys": ["tenant"],
    "sender_kms_identifier": ARN,
    "sender_static_private_key": PEM,
    "source": b"",
    "text": "",
    "time_to_live": 60.0,
    "token": "",
    "wrapping_key": bytes(32),
}
# What these hold is theirs to show, or to carry: facts, results, materials.
APART = {"CacheInfo", "OperationStatistics", "configure", "instrument", "KeyAttempt", "KeyUnavailable"}

# The name of a record's field is not a secret, and the error says which one is missing.
NAMES_OF_FIELDS = {("seal_record", "fields"), ("unseal_record", "under")}


def assert_says_nothing(error: BaseException) -> None:
    """Neither its text nor that of anything it came from shows the secret, which the caller's frame has anyway."""
    said = "".join(str(link) + repr(link) + repr(link.args) for link in chain(error))
    assert not [form for form in FORMS if form in said], said


def public() -> dict[str, Callable[..., Any]]:
    found: dict[str, Any] = {}
    for module in map(importlib.import_module, MODULES):
        for name in module.__all__:
            thing = getattr(module, name)
            is_error = isinstance(thing, type) and issubclass(thing, (BaseException, Enum))
            if callable(thing) and not is_error and not getattr(thing, "_is_protocol", False) and name not in APART:
                found[name] = thing
    client = Client()
    for name in ("encrypt", "decrypt", "encrypt_stream", "decrypt_stream"):
        found[f"Client.{name}"] = getattr(client, name)
    return found


PUBLIC = public()


def parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())


def places() -> list[Any]:
    return [
        pytest.param(name, parameter.name, id=f"{name}-{parameter.name}")
        for name, function in PUBLIC.items()
        for parameter in parameters(function)
    ]


def call(function: Callable[..., Any], place: str, secret: Any) -> None:
    """Call *function* with *secret* in one place, and use what it gives if it can be used."""
    given = {
        parameter.name: DEFAULTS[parameter.name]
        for parameter in parameters(function)
        if parameter.default is parameter.empty or parameter.name == "keyring"
    }
    if place == "cmm" or "cmm" not in given:
        given = {name: value for name, value in given.items() if not (name == "keyring" and place == "cmm")}
    result = function(**{**given, place: secret})
    if isinstance(result, io.BufferedIOBase):
        result.read()


def test_every_argument_that_a_call_needs_is_known() -> None:
    needed = {each.name for function in PUBLIC.values() for each in parameters(function) if each.default is each.empty}

    assert needed <= DEFAULTS.keys()


@pytest.fixture
def helpers() -> Iterator[None]:
    warmkey.reset()
    warmkey.configure(kms_key_arns=[ARN], kms_client=KMS, metrics="off")
    yield
    warmkey.reset()


@pytest.mark.usefixtures("helpers")
@pytest.mark.parametrize(("name", "place"), places())
def test_no_error_shows_an_argument_that_may_be_a_secret(name: str, place: str) -> None:
    for shape, secret in SECRETS.items():
        if (name, place) in NAMES_OF_FIELDS and ("text" in shape or shape == "hex"):
            continue
        try:
            call(PUBLIC[name], place, secret)
        except Exception as error:  # noqa: BLE001 - whatever it is
            assert_says_nothing(error)


# Made for every message, where a boundary would cost every hit. docs/security.md names them.
MADE_PER_MESSAGE = {"EncryptionMaterialsRequest", "DecryptMaterialsRequest"}


@pytest.mark.usefixtures("helpers")
@pytest.mark.parametrize(("name", "place"), places())
def test_no_frame_of_ours_keeps_an_argument_that_may_be_a_secret(name: str, place: str) -> None:
    if name in MADE_PER_MESSAGE:
        return
    for secret in SECRETS.values():
        try:
            call(PUBLIC[name], place, secret)
        except Exception as error:  # noqa: BLE001 - whatever it is
            kept = "".join(shown(value) for value in our_locals(error))
            assert not [form for form in FORMS if form in kept]


@pytest.mark.usefixtures("helpers")
def test_the_key_in_place_of_its_name() -> None:
    """As it was reported: the arguments of a raw keyring in another order."""
    wrapping_key = bytes(range(32))
    with pytest.raises(
        warmkey.ConfigurationError, match="key_name must be a str that is not empty, not bytes of length 32"
    ):
        warmkey.keyrings.RawAesKeyring("ns", wrapping_key, "name")  # type: ignore[arg-type]
    with pytest.raises(warmkey.ConfigurationError, match=r"padding_scheme must be one of .*, not bytes of length"):
        warmkey.keyrings.RawRsaKeyring("ns", "name", PEM)  # type: ignore[arg-type]
    with pytest.raises(warmkey.InvalidRequest, match=r"frame_length must be .*, not bytes of length 17"):
        Client().encrypt(b"", keyring=KEYRING, frame_length=SECRET)  # type: ignore[arg-type]


@pytest.mark.parametrize("setting", ROWS)
@pytest.mark.parametrize("shape", SECRETS)
def test_no_setting_shows_what_has_not_the_form_of_one(setting: str, shape: str) -> None:
    """Text too: it is shown only where it is short and has the form of what belongs there."""
    try:
        warmkey.configure(**{setting: SECRETS[shape]})
    except Exception as error:  # noqa: BLE001 - whatever it is
        assert_says_nothing(error)
    finally:
        warmkey.reset()


def test_a_caching_cmm_is_among_them() -> None:
    assert {"CachingCMM", "RawAesKeyring", "Client.decrypt_stream", "encrypt_text", "LocalCMC"} <= set(PUBLIC)
    assert CachingCMM in PUBLIC.values()
    assert message_of(b"")
