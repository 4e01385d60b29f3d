"""Where the commands read from and write to."""

from __future__ import annotations

import base64
import binascii
import errno
import os
import shutil
import stat
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self, TextIO

from warmkey.exceptions import MalformedMessage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from warmkey.client_apis.buffered_source import Source

__all__ = ["STANDARD", "Base64Source", "Progress", "can_be_replaced", "opened", "replaced", "written_to"]

# The name that stands for standard input or standard output.
STANDARD = "-"
_PROGRESS_STEP = 32 * 2**20


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """The file to read from."""
    if name == STANDARD:
        yield sys.stdin.buffer
        return
    with Path(name).open("rb") as file:
        yield file


def can_be_replaced(name: str) -> bool:
    """Whether *name* is a file that can be put in place when it is complete; no pipe, no device.

    :raises IsADirectoryError: it is a directory
    """
    if name == STANDARD:
        return False
    try:
        mode = Path(name).stat().st_mode
    except FileNotFoundError:
        return True
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
    return stat.S_ISREG(mode)


@contextmanager
def replaced(name: str) -> Iterator[BinaryIO]:
    """A new file that becomes *name* when the block ends well, and is gone when it does not."""
    target = Path(name).resolve()
    part = target.with_name(f".warmkey-{os.urandom(8).hex()}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def written_to(name: str) -> Iterator[BinaryIO]:
    """Standard output, a pipe or a device, as it is."""
    if name == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with Path(name).open("wb") as file:
        yield file


class Base64Source:
    """The bytes that the base64 text of *source* stands for; white space in it does not matter."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._text = b""
        self._padded = False
        self._position = 0

    def read(self, length: int, /) -> bytes:
        """Up to *length* bytes, and none only at the end.

        :raises MalformedMessage: it is not base64
        """
        decoded = b""
        while not decoded:
            chunk = self._source.read(max(length // 3 * 4, 4))
            text = self._text + b"".join(chunk.split())
            whole = len(text) if not chunk else len(text) // 4 * 4
            decoded = self._decoded(text[:whole])
            self._text = text[whole:]
            self._position += len(chunk)
            if not chunk:
                break
        return decoded

    def _decoded(self, text: bytes) -> bytes:
        # Python accepts some text after padding, and more padding than there can be.
        if not (b"=" in text[:-2] or (self._padded and text)):
            self._padded = self._padded or text.endswith(b"=")
            with suppress(binascii.Error):
                return base64.b64decode(text, validate=True)
        raise MalformedMessage("this is not base64", where="base64 text", offset=self._position)


class Progress:
    """Reads from *source* and says on *terminal* how far it has come, every 32 MiB."""

    def __init__(self, source: BinaryIO, terminal: TextIO) -> None:
        self._source = source
        self._terminal = terminal
        self._in_place = terminal.isatty()
        self._total = _size_of(source)
        self._count = 0
        self._told = False

    def read(self, length: int, /) -> bytes:
        """What *source* gives."""
        data = self._source.read(length)
        before, self._count = self._count, self._count + len(data)
        if self._count // _PROGRESS_STEP > before // _PROGRESS_STEP:
            self._tell()
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._told and self._in_place:  # leave the line that was written over and over
            print(file=self._terminal)

    def _tell(self) -> None:
        megabytes = self._count // 2**20
        of_total = f" of {self._total // 2**20:,}" if self._total else ""
        start, end = ("\r", "") if self._in_place else ("", "\n")
        print(f"{start}warmkey: {megabytes:,}{of_total} MiB", end=end, file=self._terminal, flush=True)
        self._told = True


def _size_of(file: BinaryIO) -> int | None:
    try:
        status = os.fstat(file.fileno())
    except (OSError, AttributeError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
