"""Keys of the context that are required are required of everybody who uses the default CMM, streams included."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

import warmkey
from tests.lambda_runtime.default_cmm import decrypt, decrypt_stream, encrypt
from warmkey import PolicyRefused
from warmkey.cmms.context_keys_guard import ContextKeysGuardCMM
from warmkey.cmms.default import DefaultCMM
from warmkey.keyrings import RawAesKeyring
from warmkey.testing import fake_kms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from warmkey.testing import KmsSession

TENANT = {"tenant": "a"}
REFUSED = "lacks 'tenant'; WARMKEY_REQUIRED_CONTEXT_KEYS"


@pytest.fixture(params=["on", "off"])
def session(request: pytest.FixtureRequest) -> Iterator[KmsSession]:
    with fake_kms() as kms:
        kms.configure(required_context_keys="tenant", cache=request.param)
        yield kms


def encrypt_stream(context: Any) -> bytes:
    client, cmm = warmkey.default_client(), warmkey.default_cmm()
    return client.encrypt_stream(io.BytesIO(b"x"), cmm=cmm, encryption_context=context).read()


@pytest.mark.parametrize("encrypting", [encrypt, encrypt_stream])
def test_who_encrypts_with_the_default_cmm_has_to_supply_them(
    session: KmsSession, encrypting: Callable[[Any], bytes]
) -> None:
    assert warmkey.decrypt(encrypting(TENANT), TENANT) == b"x"
    for context in (None, {"purpose": "test"}):
        with pytest.raises(PolicyRefused, match=REFUSED):
            encrypting(context)
    session.assert_kms_calls(2)


@pytest.mark.parametrize("decrypting", [decrypt, decrypt_stream])
def test_who_decrypts_with_the_default_cmm_has_to_supply_them_warm_or_not(
    session: KmsSession, decrypting: Callable[[bytes, Any], bytes]
) -> None:
    """What the message itself says about its tenant is not enough."""
    message = warmkey.encrypt(b"x", TENANT)
    for _ in range(2):
        for context in (None, {"purpose": "test"}):
            with pytest.raises(PolicyRefused, match=REFUSED):
                decrypting(message, context)
        session.assert_kms_calls(0, "Decrypt")
        assert decrypting(message, TENANT) == b"x"
        session.clear()


def test_its_repr_shows_the_keys() -> None:
    cmm = ContextKeysGuardCMM(DefaultCMM(RawAesKeyring("ns", "name", bytes(32))), ["tenant"])

    assert repr(cmm) == "ContextKeysGuardCMM(DefaultCMM(RawAesKeyring('ns', 'name')), ['tenant'])"
