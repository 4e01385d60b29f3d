"""Fetch Pythons that this machine does not have, and those of the other architecture, without installing anything.

usage: python -m tools.debian_pythons [RUNTIME-ARCHITECTURE]...     for example 3.14-arm64

Debian's packages are unpacked into ``build/pythons/RUNTIME-ARCHITECTURE``; ``bin/python`` in there starts the Python
with the libraries that came with it, under an emulator of the processor if it is for another one. Beside it lie the
Lambda runtime client and boto3, so that it stands for Lambda's runtime. Needs a machine with apt and Debian's keyring;
packages come from the mirror that the machine itself uses, and apt checks their signatures.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from layer import archive, wheels
from layer.bytecode import FETCHED, find_interpreters
from layer.runtimes import ARCHITECTURES, DEBIAN_SUITES, HOST, PREVIEWS, RUNTIMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from layer.runtimes import Architecture

__all__ = ["Apt", "Unavailable", "fetch", "main", "missing_here"]

ROOT = Path(__file__).resolve().parent.parent
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# Dependencies of Debian's packages on the rest of a system that nobody boots.
_NOT_UNPACKED = ("cdebconf", "debconf", "gcc-", "libdebian-installer", "libnewt", "libslang", "libtextwrap")
_DEPENDENCIES = (
    "--recurse",
    "--no-recommends",
    "--no-suggests",
    "--no-conflicts",
    "--no-breaks",
    "--no-replaces",
    "--no-enhances",
)
# What Lambda's runtime client needs of the system beside what Python does.
_CLIENT_NEEDS = "libstdc++6"

_LOADERS = {"x86_64": "ld-linux-x86-64.so.2", "arm64": "ld-linux-aarch64.so.1"}
_EMULATOR = "qemu-aarch64"

_RUNTIME_PINS = ROOT / "requirements" / "runtime.txt"
# Lambda's own client is there for newer systems only than those of the layer's wheels.
_CLIENT_PLATFORMS = ("manylinux2014", "manylinux_2_17", "manylinux_2_26", "manylinux_2_28", "manylinux_2_34")

_START = """#!/bin/sh
# Starts the Python in this folder with the libraries in this folder.
root=$(dirname "$(dirname "$(realpath "$0")")")
libraries=$root/usr/lib/{triplet}:$root/lib/{triplet}
exec {emulator}"$root/{loader}" --library-path "$libraries" "$root/usr/bin/python{runtime}" "$@"
"""


class Unavailable(Exception):
    """There is no such Python to be had here; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Apt:
    """apt over one *suite*, with a state of its own in *folder*: what this machine has installed plays no part."""

    suite: str
    folder: Path

    def update(self) -> None:
        """Read the suite's index for all architectures.

        :raises Unavailable: this machine has no apt, no keyring of Debian's or no mirror
        """
        if not (KEYRING.exists() and shutil.which("apt-get") and shutil.which("dpkg")):
            raise Unavailable("fetching a Python needs apt, dpkg and Debian's keyring; on other systems install one")
        for part in ("lists/partial", "cache/archives/partial"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        source = f"Types: deb\nURIs: {_mirror()}\nSuites: {self.suite}\nComponents: main\nSigned-By: {KEYRING}\n"
        (self.folder / "suite.sources").write_text(source)
        self._run("apt-get", "-qq", "update")

    def closure(self, package: str) -> list[str]:
        """Return *package* and all that it needs, or nothing if the suite does not have it."""
        done = self._run("apt-cache", "depends", *_DEPENDENCIES, package, check=False)
        return [line for line in done.splitlines() if line[:1].isalnum() and not line.startswith(_NOT_UNPACKED)]

    def unpack(self, packages: Iterable[str], into: Path) -> None:
        """Download *packages* and unpack them over each other; their scripts are not run."""
        downloads = self.folder / "downloads"
        shutil.rmtree(downloads, ignore_errors=True)
        downloads.mkdir()
        self._run("apt-get", "-qq", "download", *packages, cwd=downloads)
        for package in sorted(downloads.glob("*.deb")):
            subprocess.run(["dpkg", "-x", str(package), str(into)], check=True)  # noqa: S607 - Debian knows where
        shutil.rmtree(downloads)

    def _run(self, command: str, *arguments: str, cwd: Path | None = None, check: bool = True) -> str:
        options = {
            "Dir::Etc::SourceList": self.folder / "suite.sources",
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::State::Lists": self.folder / "lists",
            "Dir::State::status": self.folder / "status",
            "Dir::Cache": self.folder / "cache",
            "APT::Sandbox::User": "root",
            "APT::Architecture": ARCHITECTURES[HOST].debian,
        }
        given = [f"-o{name}={value}" for name, value in options.items()]
        given += [f"-oAPT::Architectures::={architecture.debian}" for architecture in ARCHITECTURES.values()]
        done = subprocess.run(
            [command, *given, *arguments], cwd=cwd, check=False, capture_output=True, text=True, timeout=600
        )
        if check and done.returncode:
            raise Unavailable(f"{command} {arguments[-1]}: {done.stderr.strip()}")
        return done.stdout


def _mirror() -> str:
    """Return where this machine gets Debian from."""
    wanted = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)", "Created-By: Packages"]
    for line in subprocess.run(wanted, check=True, capture_output=True, text=True).stdout.splitlines():
        origin, label, address = line.split(maxsplit=2)
        if (origin, label) == ("Debian", "Debian"):
            return address
    raise Unavailable("apt on this machine knows no Debian mirror; run `apt-get update` first, or install a Python")


def fetch(runtime: str, architecture: str, folder: Path) -> Path:
    """Make ``folder/RUNTIME-ARCHITECTURE`` and return it; at once if it is there.

    :raises Unavailable: no suite of Debian's has it, or this machine can't run it
    """
    target = folder / f"{runtime}-{architecture}"
    if (target / ".installed").exists():
        return target
    shutil.rmtree(target, ignore_errors=True)
    if runtime not in DEBIAN_SUITES:
        raise Unavailable("no suite of Debian has it")
    apt, packages = _packages(f"python{runtime}:{ARCHITECTURES[architecture].debian}", DEBIAN_SUITES[runtime], folder)
    emulator = "" if architecture == HOST else f'"{_processor(folder)}" -L "$root" '
    target.mkdir(parents=True)
    apt.unpack([*packages, f"{_CLIENT_NEEDS}:{ARCHITECTURES[architecture].debian}"], target)
    _add_starter(target, runtime, ARCHITECTURES[architecture], emulator)
    _add_lambda_client(target, runtime, ARCHITECTURES[architecture])
    subprocess.run(
        [target / "bin" / "python", "-c", "import awslambdaric, boto3, runtime_client, ssl"], check=True, timeout=300
    )
    (target / ".installed").touch()
    return target


def _packages(package: str, suite: str, folder: Path) -> tuple[Apt, list[str]]:
    apt = Apt(suite=suite, folder=folder / f"apt-{suite}")
    if not (apt.folder / "suite.sources").exists():
        apt.update()
    architecture = package.partition(":")[2]
    packages = [name for name in apt.closure(package) if _is_for(name, architecture)]
    if not packages:
        raise Unavailable(f"Debian's {suite} does not have {package}")
    return apt, packages


def _is_for(package: str, architecture: str) -> bool:
    """Return whether *package*, as apt names it, belongs to *architecture*: apt leaves out the host's own."""
    named = package.partition(":")[2]
    return named == architecture or (not named and architecture == ARCHITECTURES[HOST].debian)


def _processor(folder: Path) -> Path:
    """Return the emulator of the other architecture's processor, from this machine or from Debian."""
    if HOST != "x86_64":
        raise Unavailable(f"on {HOST} the Pythons of the other architecture are not tried")
    for name in (f"{_EMULATOR}-static", _EMULATOR):
        if installed := shutil.which(name):
            return Path(installed)
    fetched = folder / _EMULATOR
    if not fetched.exists():
        apt, _ = _packages(f"qemu-user:{ARCHITECTURES[HOST].debian}", "sid", folder)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            apt.unpack(["qemu-user"], Path(scratch))
            Path(scratch, "usr", "bin", _EMULATOR).rename(fetched)  # one of many that the package has
    return fetched


def _add_starter(target: Path, runtime: str, architecture: Architecture, emulator: str) -> None:
    triplet = f"{architecture.machine}-linux-gnu"
    name = _LOADERS[architecture.name]
    loader = min(path for path in target.rglob(name) if path.is_file()).relative_to(target)
    starter = target / "bin" / "python"
    starter.parent.mkdir(exist_ok=True)
    starter.write_text(_START.format(emulator=emulator, loader=loader, triplet=triplet, runtime=runtime))
    starter.chmod(0o755)
    (starter.parent / f"python{runtime}").symlink_to("python")


def _add_lambda_client(target: Path, runtime: str, architecture: Architecture) -> None:
    """Put what ``requirements/runtime.txt`` pins where Debian's Python looks for packages."""
    platforms = [f"{tag}_{architecture.machine}" for tag in _CLIENT_PLATFORMS]
    found = wheels.fetch(
        _RUNTIME_PINS, architecture.name, ROOT / "build" / "wheels", runtimes=[runtime], platforms=platforms
    )
    packages = wheels.merge(map(wheels.unpack_all, found))
    archive.write_tree(packages, target / "usr" / "lib" / "python3" / "dist-packages")


def missing_here() -> list[tuple[str, str]]:
    """Return the pairs of runtime and architecture that this machine has no Python for, previews too."""
    runtimes = (*RUNTIMES, *PREVIEWS)
    here = {
        found.runtime for found in find_interpreters(runtimes) if not Path(found.executable).is_relative_to(FETCHED)
    }
    return [(runtime, name) for name in ARCHITECTURES for runtime in runtimes if name != HOST or runtime not in here]


def main(arguments: Sequence[str] | None = None) -> None:
    """Fetch what the command line names, or all that this machine lacks, and say what there is and what there isn't."""
    parser = argparse.ArgumentParser(prog="python -m tools.debian_pythons", description=__doc__.partition("\n")[0])
    parser.add_argument("pairs", nargs="*", metavar="RUNTIME-ARCHITECTURE", help="default: all that are missing here")
    named = [tuple(pair.split("-", 1)) for pair in parser.parse_args(arguments).pairs]
    for runtime, architecture in named or missing_here():
        try:
            print(f"Python {runtime} for {architecture}: {fetch(runtime, architecture, FETCHED).relative_to(ROOT)}")
        except (Unavailable, subprocess.SubprocessError) as reason:
            print(f"Python {runtime} for {architecture}: not available ({reason})", file=sys.stderr)


if __name__ == "__main__":
    main()
