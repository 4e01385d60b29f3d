"""One keyring encrypts, another decrypts."""

from __future__ import annotations

from typing import Any

import pytest

from warmkey import Client, KeyUnavailable
from warmkey.keyrings import RawAesKeyring
from warmkey.keyrings.split import SplitKeyring


def raw(name: str) -> RawAesKeyring:
    return RawAesKeyring("namespace", name, name.encode().ljust(32))


def encrypted(keyring: Any) -> bytes:
    return Client().encrypt(b"order", keyring=keyring).ciphertext


def decrypted(message: bytes, keyring: Any) -> bytes:
    return Client().decrypt(message, keyring=keyring).plaintext


def test_what_it_encrypts_is_for_the_one() -> None:
    message = encrypted(SplitKeyring(encrypting=raw("new"), decrypting=raw("old")))

    assert decrypted(message, raw("new")) == b"order"
    with pytest.raises(KeyUnavailable):
        decrypted(message, raw("old"))


def test_what_it_decrypts_is_the_others() -> None:
    keyring = SplitKeyring(encrypting=raw("new"), decrypting=raw("old"))

    assert decrypted(encrypted(raw("old")), keyring) == b"order"
    with pytest.raises(KeyUnavailable):
        decrypted(encrypted(keyring), keyring)


def test_its_repr_names_both_and_no_key() -> None:
    shown = repr(SplitKeyring(encrypting=raw("new"), decrypting=raw("old")))

    assert "encrypting=" in shown
    assert "decrypting=" in shown
    assert "old   " not in shown
