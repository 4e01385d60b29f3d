"""Take the Lambda Runtime Interface Emulator out of the package that carries it.

usage: fetch_emulator.py REQUIREMENTS OUT

The package is downloaded and checked against the hash in REQUIREMENTS, and never installed.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

_ARCHITECTURES = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def download(requirements: Path, into: Path) -> Path:
    """Download the one wheel that *requirements* pins."""
    pip = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*pip, "--require-hashes", "-r", str(requirements), "-d", str(into)], check=True)
    (wheel,) = into.glob("*.whl")
    return wheel


def extract(wheel: Path, out: Path) -> None:
    """Write this machine's emulator from *wheel* to *out*, executable."""
    member = f"samcli/local/rapid/aws-lambda-rie-{_ARCHITECTURES[platform.machine()]}"
    with zipfile.ZipFile(wheel) as archive:
        out.write_bytes(archive.read(member))
    out.chmod(0o755)


def main(requirements: str, out: str) -> None:
    """Download, extract, and leave nothing else behind."""
    target = Path(out)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        extract(download(Path(requirements), Path(scratch)), target)


if __name__ == "__main__":
    main(*sys.argv[1:])
