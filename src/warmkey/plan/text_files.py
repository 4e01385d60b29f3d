"""Open the files that a user names: plain or gzip, in UTF-8."""

from __future__ import annotations

import gzip
import io
import json
import sys
import zlib
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmkey.plan.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["LONGEST_HEADER", "as_read_by_people", "first_line", "json_of", "name_of", "opened", "reading"]

_GZIP = b"\x1f\x8b"
# Of a line that says what a file is; a file without line breaks may be one line of any length.
LONGEST_HEADER = 2**20


def name_of(path: str) -> str:
    """Return what errors call the file at *path*."""
    return "standard input" if path == "-" else Path(path).name


@contextmanager
def opened(path: str) -> Iterator[io.TextIOWrapper]:
    """Open a text file, or standard input for ``-``; newlines are left as they are.

    :raises OSError: it can't be read
    """
    with ExitStack() as files:
        raw = sys.stdin.buffer if path == "-" else files.enter_context(Path(path).open("rb"))
        buffered = io.BufferedReader(raw)  # type: ignore[type-var]
        is_gzip = buffered.peek(2)[:2] == _GZIP
        binary = gzip.GzipFile(fileobj=buffered) if is_gzip else buffered
        text = io.TextIOWrapper(binary, encoding="utf-8-sig", newline="")
        if path == "-":
            files.callback(buffered.detach)  # standard input stays open
        files.callback(text.detach)
        yield text


def first_line(path: str) -> str:
    """Return the first line that is not blank, or its beginning; empty if there is none."""
    with reading(path), opened(path) as lines:
        while line := lines.readline(LONGEST_HEADER):
            if line.strip():
                return line
    return ""


def json_of(path: str, text: str) -> Any:  # noqa: ANN401 - JSON
    """Return what *text*, all of the file at *path*, holds as JSON.

    :raises BadInput: it is not JSON that Python can read
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"{name_of(path)}, line {error.lineno}: is not JSON: {error.msg}") from None
    except RecursionError:
        raise BadInput(f"{name_of(path)}: is JSON that is nested too deeply") from None
    except ValueError:
        raise BadInput(f"{name_of(path)}: has a number with thousands of digits") from None


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Turn what is wrong with the bytes of a file into :class:`BadInput`."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise BadInput(f"{name_of(path)}: must be text in UTF-8; byte {error.start} of a block can't be read") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadInput(f"{name_of(path)}: is damaged as a gzip file ({type(error).__name__})") from None


def as_read_by_people(texts: Sequence[str]) -> Sequence[str]:
    """Return *texts*, which are numbers as everybody writes them: Python reads 1_0 and the digits of all scripts too.

    :raises ValueError: one is written in another way, without saying which
    """
    whole = "".join(texts)
    if not whole.isascii() or "_" in whole:
        raise ValueError("must be a number in the digits 0 to 9")
    return texts
