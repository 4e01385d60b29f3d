"""The targets of `make fuzz` keep their promise for a while without a fuzzer, too, and would notice if they did not."""

from __future__ import annotations

import random

import pytest

from fuzz.__main__ import mutated
from fuzz.targets import TARGETS, BrokenPromiseError, gullible, real, seeds
from warmkey import MalformedMessage
from warmkey.client_apis import decrypt as decrypt_module

EACH = pytest.mark.parametrize("target", TARGETS)


@EACH
def test_authentic_messages_pass(target: str) -> None:
    for message in seeds():
        TARGETS[target](message)


@EACH
def test_so_do_messages_changed_at_random(target: str) -> None:
    source, originals = random.Random(4711), seeds()
    for _ in range(1_500):
        TARGETS[target](mutated(source, originals))


def test_an_accepted_message_that_nobody_wrote_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Careless:
        def __init__(self, key: bytes) -> None:
            pass

        def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
            return bytes(data[:-16])

    unsigned = next(message for message in seeds() if message.startswith(b"\x02\x04\x78"))
    monkeypatch.setattr(decrypt_module, "AESGCM", Careless)
    with pytest.raises(BrokenPromiseError):
        real(unsigned[:-1] + bytes((unsigned[-1] ^ 1,)))


def test_a_foreign_exception_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise IndexError("out of range")

    monkeypatch.setattr(decrypt_module, "decrypt_body", broken)
    with pytest.raises(IndexError):
        gullible(seeds()[0])


def test_an_error_that_points_nowhere_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def vague(*_: object, **__: object) -> None:
        raise MalformedMessage("something", where="")

    monkeypatch.setattr(decrypt_module, "decrypt_body", vague)
    with pytest.raises(BrokenPromiseError):
        gullible(seeds()[0])
