"""The targets of `make fuzz` keep their promise for a while without a fuzzer, too, and would notice if they did not."""

from __future__ import annotations

import logging
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from fuzz.__main__ import at_random
from fuzz.promise import SECRET, BrokenPromiseError, attempt, listening
from fuzz.targets import NAMES, target
from warmkey import MalformedMessage, PolicyRefused, WarmkeyError
from warmkey.client_apis import decrypt as decrypt_module
from warmkey.client_apis import decrypt_stream as stream_module

if TYPE_CHECKING:
    from pathlib import Path

EACH = pytest.mark.parametrize("name", NAMES)


@EACH
def test_seeds_pass_and_so_do_inputs_changed_at_random(name: str) -> None:
    tested, source = target(name), Random(4711)
    seeds = tested.seeds()
    with tested.world():
        for data in seeds:
            tested.test(data)
        for _ in range(150):
            tested.test(tested.change(source.choice(seeds), source, seeds))


@EACH
def test_the_same_changes_come_of_the_same_seed(name: str) -> None:
    tested = target(name)
    seeds = tested.seeds()

    first, second = ([tested.change(data, source, seeds) for data in seeds] for source in (Random(1), Random(1)))

    assert first == second
    assert first != seeds


@EACH
def test_any_bytes_can_be_changed_and_tested(name: str) -> None:
    tested, source = target(name), Random(0)
    with tested.world():
        for data in (b"", b"\x00", b"\xff" * 40, b"{}", b"[]", b"\x02\x04\x78"):
            tested.test(data)
            tested.change(data, source, [data])


def test_without_atheris_inputs_are_tried_at_random(capsys: pytest.CaptureFixture[str]) -> None:
    at_random("messages", 0.05, 1)

    assert "seed 1, nothing found" in capsys.readouterr().out


def test_what_is_found_is_written_down(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*_: object, **__: object) -> None:
        raise IndexError("out of range")

    monkeypatch.setattr(decrypt_module, "decrypt_body", broken)
    monkeypatch.setattr("fuzz.__main__._FOUND", tmp_path / "found")
    with pytest.raises((IndexError, BrokenPromiseError)):
        at_random("messages", 5, 1)

    assert [path.name for path in (tmp_path / "found").iterdir()] == ["messages-random"]


# --- what an attempt notices


class Loose(MalformedMessage):
    def __repr__(self) -> str:
        return SECRET


@pytest.mark.parametrize(
    "error",
    [
        MalformedMessage("something", where=""),
        MalformedMessage("something", offset=-1),
        WarmkeyError("the base"),
        PolicyRefused(""),
        PolicyRefused("several\nlines"),
        PolicyRefused("long" * 5_000),
        PolicyRefused(f"it is {SECRET}"),
        Loose("something"),
    ],
    ids=repr,
)
def test_an_error_that_is_not_as_it_must_be_is_noticed(error: WarmkeyError) -> None:
    def call() -> None:
        raise error

    with pytest.raises(BrokenPromiseError):
        attempt(call)


@pytest.mark.parametrize("as_cause", [True, False])
def test_a_secret_in_what_led_to_an_error_is_noticed(as_cause: bool) -> None:
    def call() -> None:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            if as_cause:
                raise PolicyRefused("no") from error
            raise PolicyRefused("no")  # noqa: B904 - that is the fault

    with pytest.raises(BrokenPromiseError):
        attempt(call)


def test_a_foreign_exception_gets_out() -> None:
    with pytest.raises(ZeroDivisionError):
        attempt(lambda: 1 // 0)


# --- what messages and streams notice


class Careless:
    def __init__(self, key: bytes) -> None:
        pass

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        return bytes(data[:-16])

    def decrypt_into(self, nonce: bytes, data: bytes, associated_data: bytes | None, buffer: Any) -> int:
        buffer[:] = data[:-16]
        return len(buffer)


@pytest.mark.parametrize(("name", "module"), [("messages", decrypt_module), ("streams", stream_module)])
def test_an_accepted_message_that_nobody_wrote_is_noticed(
    monkeypatch: pytest.MonkeyPatch, name: str, module: Any
) -> None:
    tested = target(name)
    unsigned = next(message for message in tested.seeds() if message.startswith(b"\x02\x04\x78"))
    monkeypatch.setattr(module, "AESGCM", Careless, raising=False)
    monkeypatch.setattr(decrypt_module, "AESGCM", Careless)
    with pytest.raises(BrokenPromiseError):
        tested.test(unsigned[:-1] + bytes((unsigned[-1] ^ 1,)))


def test_a_refused_message_that_somebody_may_write_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def strict(*_: object, **__: object) -> None:
        raise MalformedMessage("something", where="body")

    monkeypatch.setattr(decrypt_module, "decrypt_body", strict)
    tested = target("messages")
    with pytest.raises(BrokenPromiseError):
        tested.test(tested.seeds()[0])


def test_a_foreign_exception_while_parsing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise IndexError("out of range")

    monkeypatch.setattr(decrypt_module, "decrypt_body", broken)
    tested = target("parsing")
    with tested.world(), pytest.raises(IndexError):
        tested.test(tested.seeds()[0])


@pytest.mark.parametrize("line", [f"it is {SECRET}", "it is %s"])
def test_a_secret_in_a_log_line_is_noticed_and_others_are_not_written(
    capsys: pytest.CaptureFixture[str], line: str
) -> None:
    logger = logging.getLogger("warmkey")
    with listening():
        logger.warning("something else")
        with pytest.raises(BrokenPromiseError):
            logger.warning(line, *([SECRET] if "%" in line else []))

    assert capsys.readouterr() == ("", "")
