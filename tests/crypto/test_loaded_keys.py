from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from tests.keyrings.line_up import ec_key, private_pem, public_der, public_pem, rsa_key
from warmkey import ConfigurationError
from warmkey.crypto.ecdh import EcdhPrivateKey
from warmkey.crypto.loaded_keys import LoadedKey, load_der_public_key, load_pem_private_key, load_pem_public_key
from warmkey.crypto.rsa import RsaPrivateKey, RsaPublicKey
from warmkey.keyrings import EcdhCurveSpec

if TYPE_CHECKING:
    from collections.abc import Callable

LOADERS = [load_pem_private_key, load_pem_public_key, load_der_public_key]


@pytest.fixture(params=["RSA public", "RSA private", "EC private"])
def key(request: pytest.FixtureRequest) -> LoadedKey:
    if request.param == "EC private":
        spec = EcdhCurveSpec.ECC_NIST_P256
        return EcdhPrivateKey.from_pem(private_pem(ec_key(spec, "a")), curve=spec.curve, name="key")
    if request.param == "RSA private":
        return RsaPrivateKey(private_pem(rsa_key()), name="key")
    return RsaPublicKey(public_pem(rsa_key()), name="key")


def test_a_loaded_key_shows_nothing(key: LoadedKey) -> None:
    assert repr(key) == f"<{type(key).__name__}>"


@pytest.mark.parametrize("leave", [pickle.dumps, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"])
def test_a_loaded_key_goes_nowhere(key: LoadedKey, leave: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="holds key material"):
        leave(key)


def test_loads_what_it_names() -> None:
    assert load_pem_private_key(bytearray(private_pem(rsa_key())), "key")
    assert load_pem_public_key(memoryview(public_pem(rsa_key())), "key")
    assert load_der_public_key(public_der(rsa_key()), "key")


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize("data", [b"", b"-----BEGIN PRIVATE KEY-----", bytes(100)])
def test_says_what_it_expected_and_nothing_of_what_it_was_given(load: Callable[[Any, str], Any], data: bytes) -> None:
    with pytest.raises(ConfigurationError, match=r"^the key is not a (PEM|DER) (public|private) key") as failure:
        load(data, "the key")
    assert failure.value.__cause__ is None


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize("data", ["text", None, 1])
def test_keys_are_bytes(load: Callable[[Any, str], Any], data: Any) -> None:
    with pytest.raises(ConfigurationError, match=rf"^the key must be bytes, .*, not {type(data).__name__}$"):
        load(data, "the key")
