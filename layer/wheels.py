"""What the layer carries beside warmkey: pinned wheels, downloaded with their hashes checked, unpacked and pruned."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from layer.runtimes import ARCHITECTURES, RUNTIMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ["fetch", "merge", "native_files", "packages", "unpack", "unpack_all"]

# What no function needs: for type checkers, for building extensions, for tests, for browsers, for installers.
_PRUNED = (
    "*.pyi",
    "*/py.typed",
    "*.pyc",
    "cffi/*.h",
    "wrapt/*.c",
    "*/tests/*",
    "*/swagger_ui/*.min.*",
    "*.data/*",
    "*.dist-info/RECORD",
    "*.dist-info/WHEEL",
    "*.dist-info/sboms/*",
)


def fetch(
    requirements: Path,
    architecture: str,
    cache: Path,
    *,
    runtimes: Sequence[str] = RUNTIMES,
    platforms: Sequence[str] = (),
) -> list[Path]:
    """Return the wheels that *requirements* pins, for all *runtimes* on *architecture*; from *cache* if they are there.

    A folder of the cache is named after all that it was filled for, so another list of runtimes fills another folder.

    :param platforms: platform tags to accept instead of the architecture's own
    :raises subprocess.CalledProcessError: pip did not find the wheel, or one with another hash
    """
    accepted = tuple(platforms) or (ARCHITECTURES[architecture].platform,)
    purpose = json.dumps([requirements.read_text(encoding="utf-8"), list(runtimes), accepted])
    folder = cache / f"{requirements.stem}-{architecture}-{hashlib.sha256(purpose.encode()).hexdigest()[:16]}"
    if not folder.exists():
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        for runtime in runtimes:
            _download(_not_served_yet(requirements, partial), accepted, runtime, partial)
        partial.rename(folder)
    return sorted(folder.glob("*.whl"))


def _not_served_yet(requirements: Path, folder: Path) -> str:
    """Return those of the pins for which *folder* has no wheel that serves every later Python too.

    Without this, a newer Python may prefer another wheel of the same version, and the layer would carry two copies of
    a library.
    """
    served = {_normalized(wheel.name.split("-")[0]) for wheel in folder.glob("*.whl") if _serves_later_pythons(wheel)}
    pins = re.split(r"^(?=[A-Za-z0-9])", requirements.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return "".join(pin for pin in pins if "==" in pin and _normalized(pin.split("==")[0]) not in served)


def _serves_later_pythons(wheel: Path) -> bool:
    """Return whether its tags promise the stable ABI, or no native part at all."""
    return wheel.stem.split("-")[-2] in {"abi3", "none"}


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _download(pins: str, platforms: Sequence[str], runtime: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if not pins:
        return
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "-qq", "--no-deps"]
    target = ["--only-binary", ":all:", "--implementation", "cp", "--python-version", runtime]
    target += [f"--platform={platform}" for platform in platforms]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(pins)
        requirements.flush()
        subprocess.run([*pip, *target, "--require-hashes", "-r", requirements.name, "-d", str(folder)], check=True)


def unpack(wheel: Path) -> dict[str, bytes]:
    """Return the files of *wheel* that a function may need, by their path in ``site-packages``."""
    return {name: content for name, content in unpack_all(wheel).items() if not _is_pruned(name)}


def unpack_all(wheel: Path) -> dict[str, bytes]:
    """Return all files of *wheel*, by their path in ``site-packages``."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


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


def native_files(files: Mapping[str, bytes], runtimes: Sequence[str], architecture: str) -> dict[str, str]:
    """Return each native file of *files* with the Python that it is for, or ``abi3`` if one serves all.

    :raises ValueError: a runtime lacks what another one has, or a file is for another machine or Python
    """
    found = {name: _python_of(name) for name in sorted(files) if name.endswith(".so")}
    machines = {name for name in found if files[name][:4] != b"\x7fELF" or files[name][18] != _elf(architecture)}
    if machines:
        raise ValueError(f"{', '.join(sorted(machines))} must be for {architecture}, and are for another machine")
    strangers = {name for name, python in found.items() if python not in {*runtimes, "abi3"}}
    if strangers:
        raise ValueError(f"{', '.join(sorted(strangers))} are for a Python that the layer does not name")
    modules = {name.split(".")[0] for name, python in found.items() if python != "abi3"}
    has = {(name.split(".")[0], python) for name, python in found.items()}
    missing = [
        f"{module} for {runtime}" for module in sorted(modules) for runtime in runtimes if (module, runtime) not in has
    ]
    if missing:
        raise ValueError(
            f"the wheels of the layer lack {', '.join(missing)}; pin versions that have wheels for each runtime"
        )
    return found


def _python_of(native: str) -> str:
    tag = re.search(r"\.cpython-(\d)(\d+)-", native)
    return f"{tag[1]}.{tag[2]}" if tag else "abi3"


def _elf(architecture: str) -> int:
    return ARCHITECTURES[architecture].elf
