"""Where the commands read from and write to: whole files or none, base64, progress."""

from __future__ import annotations

import base64
import io
import os
from typing import TYPE_CHECKING

import pytest

from tests.client_apis.sources import MEGABYTE, Counted, Pieces
from warmkey import MalformedMessage
from warmkey.cli.files import Base64Sink, Base64Source, Progress, can_be_replaced, replaced, same_file

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


@pytest.fixture
def nameless(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether files without a name can be made, as Linux can in most file systems."""
    if not request.param:
        monkeypatch.delattr(os, "O_TMPFILE")
    return bool(request.param)


@pytest.mark.parametrize("nameless", [True, False], indirect=True)
def test_a_part_has_no_name_or_one_that_only_its_owner_can_read(tmp_path: Path, *, nameless: bool) -> None:
    with replaced(str(tmp_path / "out")) as file:
        file.write(b"part")
        assert os.fstat(file.fileno()).st_mode & 0o777 == 0o600
        parts = names_in(tmp_path)

    assert (parts == []) == nameless
    assert all(name.startswith(".warmkey-") and name.endswith(".part") for name in parts)
    assert names_in(tmp_path) == ["out"]


@pytest.mark.parametrize("nameless", [True, False], indirect=True)
@pytest.mark.parametrize("mask", [0o022, 0o077])
@pytest.mark.usefixtures("nameless")
def test_a_new_file_has_the_mode_that_the_umask_gives(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        with replaced(str(tmp_path / "out")) as file:
            file.write(b"whole")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)

    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_file_system_that_has_no_files_without_a_name_gets_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open

    def refuse(path: object, flags: int, *mode: int) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(95, "Operation not supported")
        return opened(path, flags, *mode)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse)
    with replaced(str(tmp_path / "out")) as file:
        file.write(b"whole")
        assert len(names_in(tmp_path)) == 1

    assert (tmp_path / "out").read_bytes() == b"whole"


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


def test_one_file_is_known_by_any_of_its_names(tmp_path: Path) -> None:
    file, link, twin, other = (tmp_path / name for name in ("file", "link", "twin", "other"))
    file.touch()
    other.touch()
    link.symlink_to(file)
    twin.hardlink_to(file)

    assert [same_file(str(file), str(name)) for name in (file, link, twin, tmp_path / "." / "file")] == [True] * 4
    assert not same_file(str(file), str(other))
    assert not same_file(str(file), str(tmp_path / "new"))
    assert not same_file(str(tmp_path / "missing"), str(file))
    assert not same_file(str(file), None)
    assert not same_file(os.devnull, os.devnull)


# --------------------------------------------------------------------------------------------------------------- base64


@pytest.mark.parametrize("pieces", [(1,), (2,), (3,), (2, 5, 1)])
@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 100])
def test_base64_is_written_in_pieces(length: int, pieces: tuple[int, ...]) -> None:
    data = bytes(range(length))
    source, file = Pieces(data, pieces), io.BytesIO()
    with Base64Sink(file) as sink:
        for piece in iter(lambda: source.read(100), b""):
            sink.write(piece)

    assert file.getvalue() == base64.b64encode(data)


def test_nothing_is_completed_after_a_failure() -> None:
    file = io.BytesIO()

    def fail() -> None:
        with Base64Sink(file) as sink:
            sink.write(b"1234")
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - that very one
        fail()
    assert file.getvalue() == base64.b64encode(b"123")


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

    with pytest.raises(MalformedMessage, match=r"^base64 text at byte \d+: is not base64$"):
        list(iter(lambda: source.read(100), b""))


@pytest.mark.parametrize(("text", "offset"), [(b"?AAA", 0), (b"AAAA?AAA", 4), (b"AA AA\nAA?A", 8)])
def test_what_is_not_base64_is_placed_by_the_text_that_was_read_before(text: bytes, offset: int) -> None:
    source = Base64Source(io.BytesIO(text))

    with pytest.raises(MalformedMessage) as raised:
        list(iter(lambda: source.read(3), b""))
    assert raised.value.offset == offset


@pytest.mark.parametrize("length", [3, 5, 100, 3000])
def test_as_many_bytes_of_base64_are_read_as_are_asked_for_and_never_more(length: int) -> None:
    source = Base64Source(io.BytesIO(base64.b64encode(bytes(12_000))))
    read = [len(piece) for piece in iter(lambda: source.read(length), b"")]

    assert sum(read) == 12_000
    assert set(read[:-1]) == {length // 3 * 3}


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
