from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from warmkey import EncryptionContext
from warmkey.keyrings import (
    EcdhCurveSpec,
    EphemeralPrivateKeyToStaticPublicKey,
    KmsPrivateKeyToStaticPublicKey,
    KmsPublicKeyDiscovery,
    PublicKeyDiscovery,
    RawPrivateKeyToStaticPublicKey,
)
from warmkey.keyrings.key_agreement_schemas import serialize_fixed_info


# spec: framework/key-agreement-schemas.md#key-derivation 5ed3 84ec b090 0879 c095 f2b4 68e2
@pytest.mark.parametrize(
    ("spec", "name"),
    [
        (EcdhCurveSpec.ECC_NIST_P256, b"p256"),
        (EcdhCurveSpec.ECC_NIST_P384, b"p384"),
        (EcdhCurveSpec.ECC_NIST_P521, b"p521"),
    ],
)
def test_the_fixed_info_has_its_fields_in_order(spec: EcdhCurveSpec, name: bytes) -> None:
    """Sender before recipient, though the provider information has them the other way round."""
    context = {"b": "2", "a": "1"}

    fixed_info = serialize_fixed_info(spec, sender=b"SENDER", recipient=b"RECIPIENT", context=context)

    assert fixed_info == (
        b"ecdh-key-derivation\0" + name + b"\0HMAC_SHA384\0SENDERRECIPIENT\0\x01\0"
        + b"\x00\x02" + b"\x00\x01a\x00\x011" + b"\x00\x01b\x00\x012"
    )  # fmt: skip


def test_an_empty_context_adds_nothing() -> None:
    spec = EcdhCurveSpec.ECC_NIST_P256

    with_none = serialize_fixed_info(spec, sender=b"S", recipient=b"R", context=EncryptionContext.of(None))

    assert with_none.endswith(b"SR\0\x01\0")


@pytest.mark.parametrize(
    "schema",
    [
        EphemeralPrivateKeyToStaticPublicKey,
        KmsPrivateKeyToStaticPublicKey,
        KmsPublicKeyDiscovery,
        PublicKeyDiscovery,
        RawPrivateKeyToStaticPublicKey,
    ],
)
@pytest.mark.parametrize("given", [b"SECRET", "SECRET", ["SECRET"]], ids=["bytes", "text", "list"])
def test_repr_shows_of_no_field_what_is_in_it(schema: type[Any], given: object) -> None:
    """Not of a public key either, which it once did: a private key may have been put in its place."""
    names = [each.name for each in fields(schema)]
    shown = repr(schema(**dict.fromkeys(names, given)))

    assert "SECRET" not in shown
    assert all(f"{name}=<{type(given).__name__} of length {len(given)}>" in shown for name in names)  # type: ignore[arg-type]


# Source: framework/key-agreement-schemas.md#supported-key-agreement-schemas
def test_schemas_take_their_fields_by_name() -> None:
    with pytest.raises(TypeError):
        KmsPublicKeyDiscovery("arn")  # type: ignore[call-arg]
