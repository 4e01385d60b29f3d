"""The runtimes and architectures that the layer is for, read from ``runtimes.toml``."""

from __future__ import annotations

import platform
import tomllib
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "ARCHITECTURES",
    "DEBIAN_SUITES",
    "HOST",
    "PREVIEWS",
    "RUNTIMES",
    "SNAPSTART",
    "Architecture",
    "interpreter",
    "lambda_name",
]

_CLONE = Path(__file__).resolve().parent.parent
_LIST = tomllib.loads(Path(__file__).with_name("runtimes.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """One row of the list.

    :ivar name: Lambda's name, for example ``arm64``
    :ivar platform: platform tag of the wheels that go into the layer
    :ivar machine: name of the machine in wheels and in :func:`platform.machine`
    :ivar debian: Debian's name
    :ivar elf: machine number in the header of a native file
    """

    name: str
    platform: str
    machine: str
    debian: str
    elf: int


# Python versions such as "3.13", oldest first.
RUNTIMES: tuple[str, ...] = tuple(row["python"] for row in _LIST["runtime"])
PREVIEWS: tuple[str, ...] = tuple(row["python"] for row in _LIST["preview"])
SNAPSTART: tuple[str, ...] = tuple(row["python"] for row in _LIST["runtime"] if row["snapstart"])
# The Debian suite that has a Python, for those Pythons that one has.
DEBIAN_SUITES: dict[str, str] = {
    row["python"]: row["debian"] for row in (*_LIST["runtime"], *_LIST["preview"]) if "debian" in row
}
ARCHITECTURES: dict[str, Architecture] = {row["name"]: Architecture(**row) for row in _LIST["architecture"]}

# The architecture of this machine, by Lambda's name. Elsewhere than on Linux machines go by other names.
_MACHINE = {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
HOST: str = next((row.name for row in ARCHITECTURES.values() if row.machine == _MACHINE), _MACHINE)


def lambda_name(runtime: str) -> str:
    """Return Lambda's name for *runtime*: ``python3.13`` for ``3.13``."""
    return f"python{runtime}"


def interpreter(runtime: str, architecture: str = HOST) -> Path | None:
    """Return the Python that stands for Lambda's *runtime* on *architecture*, or None if this clone has none.

    It has the Lambda runtime client and boto3 and nothing else. ``make runtimes`` makes environments of the Pythons
    that the machine has, ``make every-runtime`` fetches others.
    """
    places = [_CLONE / "build" / "pythons" / f"{runtime}-{architecture}"]
    if architecture == HOST:
        places.insert(0, _CLONE / f".venv-runtime-{runtime}")
    return next((place / "bin" / "python" for place in places if (place / ".installed").exists()), None)
