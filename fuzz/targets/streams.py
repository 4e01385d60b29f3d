"""Decrypt messages as streams: the same as whole, and nothing is released that was not verified."""

from __future__ import annotations

import io
import zlib
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from fuzz.message_mutation import changed_message
from fuzz.message_reader import verified_start
from fuzz.promise import attempt, check
from fuzz.target import Target
from fuzz.targets.messages import seeds
from tests.vectors.readers import COMMITTING, KEYRING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TARGET", "test"]

_SIZES = (1, 2, 7, 16, 33, 4096)


def test(data: bytes) -> None:
    """Decrypt in pieces whose sizes follow from the bytes, so that an input says everything."""
    verified = verified_start(data)
    whole = attempt(lambda: COMMITTING.decrypt(data, keyring=KEYRING).plaintext)
    source = Random(zlib.crc32(data))
    for name, read_all in _WAYS.items():
        released = io.BytesIO()
        streamed = attempt(partial(_copy, data, source, read_all, released))
        alike = type(streamed.error) is type(whole.error) or "max_body_length" in str(streamed.error)
        check(alike, f"{name}: {streamed.error!r}, whole: {whole.error!r}")
        check(verified.startswith(released.getvalue()), f"{name}: released what was not verified")
        if whole.error is None:
            check(released.getvalue() == whole.value, f"{name}: another plaintext than of the whole message")


def _copy(data: bytes, source: Random, read_all: Callable[[Any, Random, io.BytesIO], None], target: io.BytesIO) -> None:
    with COMMITTING.decrypt_stream(_Source(data, source.choice(_SIZES)), keyring=KEYRING) as stream:
        read_all(stream, source, target)


class _Source(io.BytesIO):
    """Gives no more bytes at a time than a slow connection."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self._most = most

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self._most if size is None or size < 0 else min(size, self._most))


def _by_read(stream: Any, source: Random, target: io.BytesIO) -> None:  # noqa: ANN401 - a stream of ours
    while piece := stream.read(source.choice(_SIZES)):
        target.write(piece)


def _by_line(stream: Any, _source: Random, target: io.BytesIO) -> None:  # noqa: ANN401 - a stream of ours
    target.writelines(stream)


def _by_readinto(stream: Any, source: Random, target: io.BytesIO) -> None:  # noqa: ANN401 - a stream of ours
    buffer = bytearray(source.choice(_SIZES))
    while count := stream.readinto(buffer):
        target.write(buffer[:count])


_WAYS = {"read": _by_read, "lines": _by_line, "readinto": _by_readinto}
TARGET = Target(seeds=seeds, change=changed_message, test=test)
