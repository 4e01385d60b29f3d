"""A stream that was begun goes on in the process that began it, and nowhere else.

A copy of the process, forked or restored from a snapshot, has the same key, message ID and position: both would encrypt
two plaintexts with the same key and IVs.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.client_apis.sources import CLIENT, KEYRING, SIGNED, UNSIGNED, message_of, plaintext_of
from tests.forks import by_either_fork, fork_by_python
from tests.lambda_runtime.processes import in_child
from warmkey import InvalidRequest, fork_safety

if TYPE_CHECKING:
    from collections.abc import Callable

    from warmkey.client_apis.streams import MessageStream

    StreamOf = Callable[..., MessageStream]

PLAINTEXT = plaintext_of(100)
LINES = b"line\n" * 20


def decrypting(source: Any = None, **arguments: Any) -> MessageStream:
    return CLIENT.decrypt_stream(message_of(LINES) if source is None else source, keyring=KEYRING, **arguments)


def encrypting(source: Any = LINES, **arguments: Any) -> MessageStream:
    arguments = {"frame_length": 16, "algorithm_suite": UNSIGNED, **arguments}
    return CLIENT.encrypt_stream(source, keyring=KEYRING, **arguments)


both = pytest.mark.parametrize("stream_of", [decrypting, encrypting])

BEGINNINGS: dict[str, Callable[[MessageStream], object]] = {
    "header": lambda stream: stream.header,
    "context": lambda stream: stream.encryption_context,
    "suite": lambda stream: stream.algorithm_suite,
    "read": lambda stream: stream.read(3),
    "peek": lambda stream: stream.peek(),
    "readline": lambda stream: stream.readline(5),
}
STEPS: dict[str, Callable[[MessageStream], object]] = {
    **BEGINNINGS,
    "read all": lambda stream: stream.read(),
    "read1": lambda stream: stream.read1(),
    "readinto": lambda stream: stream.readinto(bytearray(5)),
    "readinto1": lambda stream: stream.readinto1(bytearray(5)),
    "readlines": lambda stream: stream.readlines(),
    "next": next,
    "iterate": list,
}


def refusal_of(step: Callable[[MessageStream], object], stream: MessageStream) -> str:
    try:
        step(stream)
    except InvalidRequest as error:
        return str(error)
    return "it went on"


@both
@pytest.mark.parametrize("begin", BEGINNINGS)
def test_a_begun_stream_is_refused_in_a_forked_child_and_goes_on_in_the_parent(begin: str, stream_of: StreamOf) -> None:
    stream, twin = stream_of(), stream_of()
    BEGINNINGS[begin](stream)
    refusals = in_child(lambda: [refusal_of(step, stream) for step in STEPS.values()])

    assert all("was begun before this process was forked" in refusal for refusal in refusals), refusals
    assert len(stream.read()) > 50
    assert len(twin.read()) > 50


@both
@pytest.mark.parametrize("step", STEPS)
def test_a_begun_stream_is_refused_after_a_snapshot(step: str, stream_of: StreamOf) -> None:
    stream = stream_of()
    stream.read(3)
    fork_safety.reset_before_snapshot()

    assert "a snapshot of it was taken" in refusal_of(STEPS[step], stream)
    assert "a snapshot of it was taken" in refusal_of(STEPS[step], stream)


@both
def test_one_that_was_begun_between_snapshot_and_restore_is_refused_too(stream_of: StreamOf) -> None:
    fork_safety.reset_before_snapshot()
    stream = stream_of()
    stream.read(3)
    fork_safety.reset_after_restore()

    assert "snapshot" in refusal_of(lambda stream: stream.read(), stream)


@both
def test_a_stream_that_was_made_and_not_begun_works_in_the_copy(stream_of: StreamOf) -> None:
    expected = len(stream_of().read())
    stream, other = stream_of(), stream_of()

    assert in_child(lambda: len(stream.read())) == expected
    fork_safety.reset_before_snapshot()
    assert len(other.read()) == expected


@both
def test_a_fork_that_happens_while_the_source_is_read_hands_out_nothing_in_the_child(stream_of: StreamOf) -> None:
    class Forking(io.BytesIO):
        """Asks for what happens in the child, in the child."""

        child: list[int]

        def read(self, size: int | None = -1, /) -> bytes:
            piece = super().read(min(size or 0, 40))
            if self.tell() > 60 and not hasattr(self, "child"):
                self.child = [0]
                self.child[0] = fork_by_python()
            return piece

    def run() -> list[str]:
        source = Forking(message_of(LINES) if stream_of is decrypting else LINES)
        stream = stream_of(source)
        refusal = refusal_of(lambda stream: stream.read(), stream)
        if source.child[0] == 0:
            os._exit(0 if "was forked" in refusal else 1)
        return [refusal, str(os.waitpid(source.child[0], 0)[1])]

    assert in_child(run) == ["it went on", "0"]


@both
def test_a_copy_keeps_neither_key_nor_buffers(stream_of: StreamOf) -> None:
    stream = stream_of()
    stream.read(3)

    assert in_child(lambda: [list(stream._parts), bytes(stream._released).decode()]) == [[], ""]  # type: ignore[attr-defined]


def test_a_signed_message_can_be_closed_in_a_copy_without_a_word_of_its_signature() -> None:
    stream = decrypting(message_of(LINES, SIGNED))
    stream.read(3)

    assert in_child(stream.close) is None


@by_either_fork
def test_a_fork_that_python_does_not_know_of_is_noticed(fork: Callable[[], int]) -> None:
    stream = encrypting()
    stream.read(3)
    child = fork()
    if child == 0:
        os._exit(0 if "was forked" in refusal_of(lambda stream: stream.read(), stream) else 1)

    assert os.waitpid(child, 0)[1] == 0
