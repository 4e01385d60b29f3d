"""Read from and write to what the command line names."""

from __future__ import annotations

import base64
import binascii
import errno
import os
import stat
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self, TextIO

from warmkey.exceptions import MalformedMessage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from warmkey.client_apis.buffered_source import Source

__all__ = [
    "STANDARD",
    "Base64Sink",
    "Base64Source",
    "Progress",
    "can_be_replaced",
    "check_folder",
    "opened",
    "output_to",
    "replaced",
    "same_file",
    "written_to",
]

# The name that stands for standard input or standard output.
STANDARD = "-"
_PROGRESS_STEP = 32 * 2**20
_PRIVATE = 0o600


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """Open the file to read from."""
    if name == STANDARD:
        yield sys.stdin.buffer
        return
    with Path(name).open("rb") as file:
        yield file


def can_be_replaced(name: str) -> bool:
    """Return whether *name* is a file that can be put in place when it is complete; not a pipe or a device.

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


def same_file(source: str, target: str | None) -> bool:
    """Return whether both are one regular file, by any name; ``-`` is what standard input or output leads to."""
    if target is None:
        return False
    try:
        read = _status(source, sys.stdin)
        written = _status(target, sys.stdout)
    except (OSError, ValueError, AttributeError):  # one of them does not exist, or is not a file of the system
        return False
    return stat.S_ISREG(read.st_mode) and os.path.samestat(read, written)


def _status(name: str, stream: TextIO) -> os.stat_result:
    return os.fstat(stream.fileno()) if name == STANDARD else Path(name).stat()


def check_folder(target: Path) -> None:
    """Check that the folder is there in which *target* is to be written.

    :raises FileNotFoundError: it is not
    """
    folder = target.resolve().parent
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, "the folder to write to does not exist", str(folder))


@contextmanager
def replaced(name: str) -> Iterator[BinaryIO]:
    """Give a new file that becomes *name* when the block ends well, and is gone when it does not.

    Until then it has no name where the file system can do that, so not even a killed process leaves a part behind.
    Elsewhere it is ``.warmkey-….part`` beside *name*. Nobody but its owner can read it before it is complete.
    """
    target = Path(name).resolve()
    check_folder(target)
    part = target.with_name(f".warmkey-{os.urandom(8).hex()}.part")
    descriptor, is_named = _new_file(part)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - it has no path
            yield file
            file.flush()
            os.fchmod(descriptor, _mode_for(target))
            os.fsync(descriptor)
            if not is_named:
                # With a folder's descriptor Python calls linkat, which can follow this link; link can't.
                os.link(f"/proc/self/fd/{descriptor}", part, src_dir_fd=descriptor)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _new_file(part: Path) -> tuple[int, bool]:
    """Return the descriptor of an empty file for this user alone, and whether it has the name *part*."""
    without_name = getattr(os, "O_TMPFILE", None)  # Linux, and there not every file system
    if without_name is not None and Path("/proc/self/fd").is_dir():
        with suppress(OSError):
            return os.open(part.parent, without_name | os.O_WRONLY, _PRIVATE), False
    return os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE), True


def _mode_for(target: Path) -> int:
    """Return the mode that *target* has, or that a new file gets."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        mask = os.umask(_PRIVATE)
        os.umask(mask)
        return 0o666 & ~mask


@contextmanager
def written_to(name: str) -> Iterator[BinaryIO]:
    """Open standard output, a pipe or a device, as it is."""
    if name == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with Path(name).open("wb") as file:
        yield file


def output_to(name: str) -> AbstractContextManager[BinaryIO]:
    """Open *name* to write to: a file appears when it is complete; standard output, a pipe or a device gets it at once.

    :raises IsADirectoryError: it is a directory
    """
    return replaced(name) if can_be_replaced(name) else written_to(name)


class Base64Source:
    """Decode the base64 text of *source*; white space in it does not matter."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._text = b""
        self._padded = False
        self._position = 0

    def read(self, length: int, /) -> bytes:
        """Return up to *length* bytes, and none only at the end.

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
        raise MalformedMessage(f"is not base64{_hint(text)}", where="base64 text", offset=self._position)


def _hint(text: bytes) -> str:
    """Return what *text*, which is not base64, seems to be."""
    if not text.decode("latin-1").isprintable():
        return "; it is binary, so it may be the message itself: leave out --base64"
    if b"-" in text or b"_" in text:
        return "; it has - or _, as URL-safe base64 does, and only standard base64 is read"
    return ""


class Base64Sink:
    """Write to *file* as one line of base64 text, as ``encrypt_text`` returns it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._rest = b""

    def write(self, data: bytes | memoryview, /) -> int:
        """Write *data*; up to two bytes of it wait for more."""
        data = self._rest + bytes(data)
        whole = len(data) // 3 * 3
        self._file.write(base64.b64encode(data[:whole]))
        self._rest = data[whole:]
        return whole

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_error: object) -> None:
        if kind is None:
            self._file.write(base64.b64encode(self._rest))


class Progress:
    """Read from *source* and report on *terminal* how far it has come, every 32 MiB."""

    def __init__(self, source: BinaryIO, terminal: TextIO) -> None:
        self._source = source
        self._terminal = terminal
        self._in_place = terminal.isatty()
        self._total = _size_of(source)
        self._count = 0
        self._told = False

    def read(self, length: int, /) -> bytes:
        """Return what *source* gives."""
        data = self._source.read(length)
        before, self._count = self._count, self._count + len(data)
        if self._count // _PROGRESS_STEP > before // _PROGRESS_STEP:
            self._tell()
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._told and self._in_place:  # end the line that was written again and again
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
