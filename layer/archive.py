"""Zips and hashes that depend on the contents only: not on time, order, user or file system."""

from __future__ import annotations

import hashlib
import io
import stat
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["LayerZip", "content_hash", "sha256", "write_tree"]

# The earliest that a zip can say.
_DATE = (1980, 1, 1, 0, 0, 0)
_MADE_ON_UNIX = 3


def sha256(content: bytes) -> str:
    """The SHA-256 of *content* in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def content_hash(files: Mapping[str, bytes]) -> str:
    """One hash over the names and contents of *files*, bytecode left out.

    It is the same wherever a layer is built from the same sources and pins, with whatever interpreters.
    It can be checked with ``sha256sum``: it is the hash of that tool's output, sorted by name.
    """
    lines = [f"{sha256(files[name])}  {name}\n" for name in sorted(files) if "__pycache__" not in name]
    return sha256("".join(lines).encode())


class LayerZip:
    """A zip being made in memory; files of each :meth:`add` go in sorted by name."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._archive = zipfile.ZipFile(self._buffer, "w")

    def add(self, files: Mapping[str, bytes]) -> None:
        """Compress *files* into the zip."""
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date_time=_DATE)
            entry.create_system = _MADE_ON_UNIX
            entry.external_attr = (stat.S_IFREG | _mode(name)) << 16
            self._archive.writestr(entry, files[name], compress_type=zipfile.ZIP_DEFLATED, compresslevel=9)

    def so_far(self) -> bytes:
        """The zip's bytes up to now; the finished zip starts with them."""
        return self._buffer.getvalue()

    def finish(self) -> bytes:
        """Close the zip and return it."""
        self._archive.close()
        return self._buffer.getvalue()


def _mode(name: str) -> int:
    return 0o755 if name.endswith(".so") else 0o644


def write_tree(files: Mapping[str, bytes], folder: Path) -> None:
    """Write *files* below *folder* with the modes that the zip has."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(_mode(name))
