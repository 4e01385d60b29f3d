"""An argument in the wrong place may be a key: neither the error nor a repr shows it."""

from __future__ import annotations

import inspect
import traceback
from typing import TYPE_CHECKING, Any

import pytest

import warmkey.keyrings
from tests.keyrings.line_up import EAST, ec_key, private_pem, public_der
from warmkey.exceptions import ConfigurationError
from warmkey.keyrings import (
    DiscoveryFilter,
    EcdhCurveSpec,
    EphemeralPrivateKeyToStaticPublicKey,
    KmsPrivateKeyToStaticPublicKey,
    KmsPublicKeyDiscovery,
    MultiKeyring,
    PaddingScheme,
    PublicKeyDiscovery,
    RawAesKeyring,
    RawPrivateKeyToStaticPublicKey,
)
from warmkey.testing import FakeKms

if TYPE_CHECKING:
    from collections.abc import Callable

P256 = EcdhCurveSpec.ECC_NIST_P256
ARN = "arn:aws:kms:us-east-1:111122223333:key/1"
DER = public_der(ec_key(P256, "bob"))
KMS = FakeKms(EAST)
MARK = "s3cr3t"
SECRETS = {
    "bytes": b"s3cr3t s3cr3t s3cr3t s3cr3t s3cr3",
    "bytearray": bytearray(b"s3cr3t"),
    "text": "s3cr3t/s3cr3t+s3cr3t==",
    "PEM": "-----BEGIN PRIVATE KEY-----\ns3cr3t\n-----END PRIVATE KEY-----\n",
    "list": [b"s3cr3t"],
    "list of text": ["s3cr3t\ud800"],
    "dict": {"key": b"s3cr3t"},
    "tuple": (b"s3cr3t", "s3cr3t"),
}
# Names of keys are public: they are stored in every message, and a key that was put in their place is so as well.
NAMES = {"key_namespace", "key_name"}


def schema(kind: type, **fields: Any) -> Callable[..., Any]:
    """A keyring's constructor that takes the fields of its schema."""
    usable = {"recipient_public_key": DER, "sender_public_key": DER, "sender_kms_identifier": ARN}
    usable |= {"recipient_kms_identifier": ARN, "sender_static_private_key": private_pem(ec_key(P256, "alice"))}
    usable |= {"recipient_static_private_key": private_pem(ec_key(P256, "alice"))}
    of_kms = kind in (KmsPublicKeyDiscovery, KmsPrivateKeyToStaticPublicKey)
    keyring: Any = warmkey.keyrings.AwsKmsEcdhKeyring if of_kms else warmkey.keyrings.RawEcdhKeyring
    more: dict[str, Any] = {"kms_client": KMS} if of_kms else {}
    values = {name: fields.get(name, usable[name]) for name in kind.__dataclass_fields__}  # type: ignore[attr-defined]
    return keyring(kind(**values), curve_spec=P256, **more)  # type: ignore[no-any-return]


CONSTRUCTORS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "RawAesKeyring": (RawAesKeyring, {"key_namespace": "ns", "key_name": "name", "wrapping_key": bytes(32)}),
    "RawRsaKeyring": (
        warmkey.keyrings.RawRsaKeyring,
        {
            "key_namespace": "ns",
            "key_name": "name",
            "padding_scheme": PaddingScheme.PKCS1,
            "public_key": None,
            "private_key": None,
        },
    ),
    "RawEcdhKeyring": (warmkey.keyrings.RawEcdhKeyring, {"key_agreement_schema": None, "curve_spec": P256}),
    "AwsKmsKeyring": (
        warmkey.keyrings.AwsKmsKeyring,
        {"kms_key_id": ARN, "kms_client": KMS, "grant_tokens": (), "emit": print},
    ),
    "AwsKmsMrkKeyring": (
        warmkey.keyrings.AwsKmsMrkKeyring,
        {"kms_key_id": ARN, "kms_client": KMS, "grant_tokens": (), "emit": print},
    ),
    "AwsKmsDiscoveryKeyring": (
        warmkey.keyrings.AwsKmsDiscoveryKeyring,
        {"kms_client": KMS, "discovery_filter": None, "grant_tokens": (), "emit": print},
    ),
    "AwsKmsMrkDiscoveryKeyring": (
        warmkey.keyrings.AwsKmsMrkDiscoveryKeyring,
        {"kms_client": KMS, "region": EAST, "discovery_filter": None, "grant_tokens": (), "emit": print},
    ),
    "AwsKmsRsaKeyring": (
        warmkey.keyrings.AwsKmsRsaKeyring,
        {
            "kms_key_id": ARN,
            "encryption_algorithm": "RSAES_OAEP_SHA_256",
            "public_key": None,
            "kms_client": KMS,
            "grant_tokens": (),
            "emit": print,
        },
    ),
    "AwsKmsEcdhKeyring": (
        warmkey.keyrings.AwsKmsEcdhKeyring,
        {
            "key_agreement_schema": KmsPublicKeyDiscovery(recipient_kms_identifier=ARN, recipient_public_key=DER),
            "curve_spec": P256,
            "kms_client": KMS,
            "grant_tokens": (),
            "emit": print,
        },
    ),
    "MultiKeyring": (MultiKeyring, {"generator": RawAesKeyring("ns", "name", bytes(32)), "children": ()}),
    "DiscoveryFilter": (DiscoveryFilter, {"partition": "aws", "account_ids": ["111122223333"]}),
    **{
        name: (
            getattr(warmkey.keyrings, name),
            {"generator": ARN, "children": (), "client_supplier": lambda _: KMS, "grant_tokens": (), "emit": print},
        )
        for name in ("aws_kms_multi_keyring", "aws_kms_mrk_multi_keyring")
    },
    **{
        name: (
            getattr(warmkey.keyrings, name),
            {
                "regions": [EAST],
                "client_supplier": lambda _: KMS,
                "discovery_filter": None,
                "grant_tokens": (),
                "emit": print,
            },
        )
        for name in ("aws_kms_discovery_multi_keyring", "aws_kms_mrk_discovery_multi_keyring")
    },
}
SCHEMAS = (
    EphemeralPrivateKeyToStaticPublicKey,
    PublicKeyDiscovery,
    RawPrivateKeyToStaticPublicKey,
    KmsPublicKeyDiscovery,
    KmsPrivateKeyToStaticPublicKey,
)


def assert_nothing_shows(build: Callable[[], Any], *, may_pass: bool = False) -> None:
    try:
        built = build()
    except ConfigurationError as error:
        shown = "".join(traceback.format_exception(error)[-1:]) + repr(error) + repr(vars(error))
        shown += repr(error.__cause__) + repr(error.__context__)
    else:
        assert may_pass
        shown = repr(built)

    assert MARK not in shown


def test_every_keyring_is_here() -> None:
    makers = {
        name
        for name in warmkey.keyrings.__all__
        if hasattr(getattr(warmkey.keyrings, name), "on_decrypt") or name.startswith("aws_kms_")
    }

    assert makers - {"Keyring"} <= CONSTRUCTORS.keys()
    for build, usable in CONSTRUCTORS.values():
        assert set(inspect.signature(build).parameters) == usable.keys()


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize(
    ("constructor", "argument"), [(name, argument) for name in CONSTRUCTORS for argument in CONSTRUCTORS[name][1]]
)
def test_no_constructor_shows_what_it_was_given_in_the_wrong_place(constructor: str, argument: str, kind: str) -> None:
    build, usable = CONSTRUCTORS[constructor]
    if argument in NAMES and isinstance(SECRETS[kind], str):
        return
    # Texts that may be anything: a Region, a partition, accounts, grant tokens. Of these only repr() may tell, and the
    # names of Regions and accounts are public.
    free = {"region", "partition", "account_ids", "regions", "grant_tokens", "wrapping_key"}
    if argument in free - {"grant_tokens", "wrapping_key"} and kind in ("text", "PEM"):
        return

    assert_nothing_shows(lambda: build(**{**usable, argument: SECRETS[kind]}), may_pass=argument in free)


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize(
    ("schema_kind", "field"), [(kind, field) for kind in SCHEMAS for field in kind.__dataclass_fields__]
)
def test_no_keyring_shows_what_its_schema_has_in_the_wrong_place(schema_kind: type, field: str, kind: str) -> None:
    assert_nothing_shows(lambda: schema(schema_kind, **{field: SECRETS[kind]}))


@pytest.mark.parametrize(
    "arguments", [("ns", bytes(32), "name"), (bytes(32), "ns", "name"), (bytes(32), "name", "ns")], ids=str
)
def test_raw_aes_arguments_in_another_order_are_told_by_type_and_length(arguments: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"must be a str( that is not empty)?, not bytes of length 32"):
        RawAesKeyring(*arguments)
