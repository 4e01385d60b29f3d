"""Where the commands read from and write to: whole files or none, base64, progress."""

from __future__ import annotations

import base64
import io
import os
from typing import TYPE_CHECKING

import pytest

from tests.client_apis.sources import MEGABYTE, Counted, Pieces
from warmkey import MalformedMessage
from warmkey.cli.files import Base64Source, Progress, can_be_replaced, replaced

if TYPE_CHECKING:
    from pathlib import Path


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


# -------------------------------------------------------------------------------------------------------- whole or none


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with replaced(str(target)) as file:
        file.write(b"whole")
        assert not target.exists()

    assert target.read_bytes() == b"whole"
    assert names_in(tmp_path) == ["out"]


def test_what_was_there_stays_until_then(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_bytes(b"before")
    with replaced(str(target)) as file:
        file.write(b"after")
        assert target.read_bytes() == b"before"

    assert target.read_bytes() == b"after"


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_nothing_behind(tmp_path: Path, failure: type[BaseException]) -> None:
    (tmp_path / "out").write_bytes(b"before")

    def fail() -> None:
        with replaced(str(tmp_path / "out")) as file:
            file.write(b"part")
            raise failure

    with pytest.raises(failure):
        fail()
    assert names_in(tmp_path) == ["out"]
    assert (tmp_path / "out").read_bytes() == b"before"


def test_the_mode_of_a_file_that_is_replaced_stays(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.touch(mode=0o600)
    with replaced(str(target)):
        pass

    assert target.stat().st_mode & 0o777 == 0o600


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "target").touch()
    (tmp_path / "link").symlink_to("target")
    with replaced(str(tmp_path / "link")) as file:
        file.write(b"new")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


def test_only_files_can_be_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(os.devnull)
    names = [*(str(tmp_path / name) for name in ("new", "file", "pipe", "link")), os.devnull, "-"]

    assert [can_be_replaced(name) for name in names] == [True, True, False, False, False, False]
    with pytest.raises(IsADirectoryError):
        can_be_replaced(str(tmp_path))


# --------------------------------------------------------------------------------------------------------------- base64


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 100, 1000])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.encodebytes])
@pytest.mark.parametrize("pieces", [(1,), (3, 5), (10_000,)])
def test_base64_in_pieces(length: int, encode: object, pieces: tuple[int, ...]) -> None:
    data = bytes(range(256)) * 4
    source = Base64Source(Pieces(encode(data[:length]), pieces))  # type: ignore[operator]

    assert b"".join(iter(lambda: source.read(100), b"")) == data[:length]


@pytest.mark.parametrize(
    "text", [b"A", b"AAA", b"AA=A", b"A?==", b"AAAA====", b"AA==AAAA", b"AAAA AA== AA==", "AAAÄ".encode()]
)
@pytest.mark.parametrize("pieces", [(1,), (4,), (10_000,)])
def test_what_is_not_base64(text: bytes, pieces: tuple[int, ...]) -> None:
    source = Base64Source(Pieces(text, pieces))

    with pytest.raises(MalformedMessage, match=r"^base64 text at byte \d+: this is not base64$"):
        list(iter(lambda: source.read(100), b""))


# ------------------------------------------------------------------------------------------------------------- progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(length: int, terminal: io.StringIO) -> str:
    with Progress(Counted(limit=length), terminal) as progress:  # type: ignore[arg-type]
        while progress.read(MEGABYTE):
            pass
    return terminal.getvalue()


def test_progress_is_for_long_input() -> None:
    assert shown(32 * MEGABYTE - 1, io.StringIO()) == ""
    assert shown(100 * MEGABYTE, io.StringIO()) == "warmkey: 32 MiB\nwarmkey: 64 MiB\nwarmkey: 96 MiB\n"


def test_progress_stays_on_one_line_of_a_terminal() -> None:
    assert shown(70 * MEGABYTE, Terminal()) == "\rwarmkey: 32 MiB\rwarmkey: 64 MiB\n"
    assert shown(MEGABYTE, Terminal()) == ""


def test_progress_knows_how_long_a_file_is(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(2000 * MEGABYTE)
    terminal = io.StringIO()
    with path.open("rb") as file, Progress(file, terminal) as progress:
        for _ in range(32):
            progress.read(MEGABYTE)

    assert terminal.getvalue() == "warmkey: 32 of 2,000 MiB\n"
