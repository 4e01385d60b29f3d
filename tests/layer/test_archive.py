"""A layer's zip depends on its contents and on nothing else."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import subprocess
import zipfile
from typing import TYPE_CHECKING

from layer.archive import LayerZip, content_hash, write_tree

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"python/b.py": b"b = 2\n", "python/a.so": b"\x7fELF", "python/a/__init__.py": b""}


def zipped(files: dict[str, bytes]) -> bytes:
    made = LayerZip()
    made.add(files)
    return made.finish()


def entries(content: bytes) -> list[zipfile.ZipInfo]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.infolist()


def test_the_order_in_which_files_were_found_does_not_matter() -> None:
    backwards = dict(reversed(FILES.items()))

    assert zipped(FILES) == zipped(backwards)


def test_entries_are_sorted_and_dated_1980() -> None:
    found = entries(zipped(FILES))

    assert [entry.filename for entry in found] == sorted(FILES)
    assert {entry.date_time for entry in found} == {(1980, 1, 1, 0, 0, 0)}


def test_libraries_are_executable_and_all_else_is_only_readable() -> None:
    modes = {entry.filename: stat.S_IMODE(entry.external_attr >> 16) for entry in entries(zipped(FILES))}

    assert modes == {"python/a.so": 0o755, "python/a/__init__.py": 0o644, "python/b.py": 0o644}


def test_entries_say_that_they_come_from_unix_wherever_they_were_made() -> None:
    assert {entry.create_system for entry in entries(zipped(FILES))} == {3}


def test_the_zip_starts_with_what_it_was_before_the_last_file() -> None:
    made = LayerZip()
    made.add(FILES)
    before = made.so_far()
    made.add({"python/last.json": b"{}"})

    assert made.finish().startswith(before)


def test_the_content_hash_leaves_bytecode_out() -> None:
    compiled = FILES | {"python/__pycache__/b.cpython-313.pyc": b"..."}

    assert content_hash(FILES) == content_hash(compiled)


def test_the_content_hash_changes_with_a_name_and_with_a_byte() -> None:
    renamed = {"python/c.py" if name == "python/b.py" else name: content for name, content in FILES.items()}
    changed = FILES | {"python/b.py": b"b = 3\n"}

    assert len({content_hash(FILES), content_hash(renamed), content_hash(changed)}) == 3


def test_the_content_hash_can_be_had_with_sha256sum(tmp_path: Path) -> None:
    write_tree(FILES, tmp_path)
    sums = subprocess.run(
        ["sha256sum", *sorted(FILES)], cwd=tmp_path, env=os.environ | {"LC_ALL": "C"}, check=True, capture_output=True
    ).stdout

    assert content_hash(FILES) == hashlib.sha256(sums).hexdigest()


def test_an_unpacked_tree_has_the_modes_of_the_zip(tmp_path: Path) -> None:
    write_tree(FILES, tmp_path)

    assert stat.S_IMODE((tmp_path / "python/a.so").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "python/b.py").stat().st_mode) == 0o644
