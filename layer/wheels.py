"""What the layer carries beside warmkey: pinned wheels, downloaded with their hashes checked, unpacked and pruned."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import zipfile
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["PLATFORMS", "RUNTIMES", "fetch", "merge", "packages", "unpack"]

RUNTIMES = ("3.11", "3.12", "3.13", "3.14")

# Lambda's name for an architecture, and the oldest platform tag whose wheels all those runtimes load.
PLATFORMS = {"x86_64": "manylinux2014_x86_64", "arm64": "manylinux2014_aarch64"}

# What no function needs: for type checkers, for building extensions, for tests, for browsers, for installers.
_PRUNED = (
    "*.pyi",
    "*/py.typed",
    "*.pyc",
    "cffi/*.h",
    "*/tests/*",
    "*/swagger_ui/*.min.*",
    "*.data/*",
    "*.dist-info/RECORD",
    "*.dist-info/WHEEL",
    "*.dist-info/sboms/*",
)


def fetch(requirements: Path, architecture: str, cache: Path) -> list[Path]:
    """The wheels that *requirements* pins, for all runtimes on *architecture*; from *cache* if they are there.

    :raises subprocess.CalledProcessError: pip found no such wheel, or one with another hash
    """
    pins = hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]
    folder = cache / f"{requirements.stem}-{architecture}-{pins}"
    if not folder.exists():
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        for runtime in RUNTIMES:
            _download(requirements, PLATFORMS[architecture], runtime, partial)
        partial.rename(folder)
    return sorted(folder.glob("*.whl"))


def _download(requirements: Path, platform: str, runtime: str, folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "-qq", "--no-deps"]
    target = ["--only-binary", ":all:", "--implementation", "cp", "--platform", platform, "--python-version", runtime]
    subprocess.run([*pip, *target, "--require-hashes", "-r", str(requirements), "-d", str(folder)], check=True)


def unpack(wheel: Path) -> dict[str, bytes]:
    """The files of *wheel* that a function may need, by their path in ``site-packages``."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/") and not _is_pruned(name)]
        return {name: archive.read(name) for name in names}


def _is_pruned(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in _PRUNED)


def merge(parts: Iterable[Mapping[str, bytes]]) -> dict[str, bytes]:
    """All *parts* in one folder.

    The wheels of a package with a native part for each Python version share everything else.

    :raises ValueError: two parts have different contents for one path
    """
    merged: dict[str, bytes] = {}
    for part in parts:
        for name, content in part.items():
            if merged.setdefault(name, content) != content:
                raise ValueError(f"two wheels of the layer have a different {name}; pin versions that agree")
    return merged


def packages(wheels: Iterable[Path]) -> dict[str, str]:
    """Name and version of every package among *wheels*, sorted."""
    return dict(sorted((wheel.name.split("-")[0], wheel.name.split("-")[1]) for wheel in wheels))
