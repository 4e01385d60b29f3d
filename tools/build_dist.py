"""Build wheel and sdist so that the same sources give the same bytes, wherever, whenever and by whomever.

usage: python -m tools.build_dist [--out FOLDER] [--repository URL]

The sources are copied first, with one date and one mode, so that leftovers of the clone stay out. The wheel carries an
SBOM. URL is where the project lives; links to it are added to the metadata.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layer.archive import LayerZip
from layer.project import ROOT, metadata
from layer.sbom import sbom

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["build", "main", "reproducible_sdist", "reproducible_wheel"]

# Anything would do that is the same everywhere and that zips can say.
_EPOCH = 315_619_200  # 1980-01-02

_SOURCES = ("src", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "SECURITY.md")


def build(out: Path, *, repository: str = "", clone: Path = ROOT) -> list[Path]:
    """Build both from *clone* into *out*, and return them: the sdist, the wheel."""
    with tempfile.TemporaryDirectory() as scratch:
        sources, made = Path(scratch, "sources"), Path(scratch, "made")
        _copy(clone, sources)
        if repository:
            _add_links(sources / "pyproject.toml", repository.rstrip("/"))
        environment = os.environ | {"SOURCE_DATE_EPOCH": str(_EPOCH), "PYTHONHASHSEED": "0"}
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(made), str(sources)]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        (sdist,), (wheel,) = made.glob("*.tar.gz"), made.glob("*.whl")
        out.mkdir(parents=True, exist_ok=True)
        written = [out / sdist.name, out / wheel.name]
        written[0].write_bytes(reproducible_sdist(sdist.read_bytes()))
        written[1].write_bytes(reproducible_wheel(wheel.read_bytes(), _bill(metadata(sources))))
    return written


def _copy(clone: Path, to: Path) -> None:
    for name in _SOURCES:
        source = clone / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        elif source.exists():
            to.mkdir(exist_ok=True)
            shutil.copyfile(source, to / name)
    for path in to.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (_EPOCH, _EPOCH))


def _add_links(pyproject: Path, repository: str) -> None:
    links = {"Source": repository, "Issues": f"{repository}/issues", "Security": f"{repository}/security"}
    lines = "".join(f'{name} = "{address}"\n' for name, address in links.items())
    text = pyproject.read_text(encoding="utf-8")
    pyproject.write_text(text.replace("[project.urls]\n", f"[project.urls]\n{lines}"), encoding="utf-8")


def _bill(project: Mapping[str, Any]) -> bytes:
    needed = {re.split(r"[<>=!~;\[ ]", requirement)[0]: "" for requirement in project["dependencies"]}
    ranges = {f"requires:{name}": text for name, text in zip(needed, project["dependencies"], strict=True)}
    return sbom(project, needed, carried=False, properties={"kind": "wheel", **ranges})


def reproducible_sdist(content: bytes) -> bytes:
    """Return the archive with its entries sorted, of one date, of nobody."""
    unpacked = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as given,
        tarfile.open(fileobj=unpacked, mode="w", format=tarfile.PAX_FORMAT) as made,
    ):
        for entry in sorted(given.getmembers(), key=lambda entry: entry.name):
            plain = tarfile.TarInfo(entry.name)
            plain.type, plain.size, plain.mtime = entry.type, entry.size, _EPOCH
            plain.mode = 0o755 if entry.isdir() else 0o644
            made.addfile(plain, given.extractfile(entry) if entry.isfile() else None)
    return gzip.compress(unpacked.getvalue(), mtime=0)


def reproducible_wheel(content: bytes, bill: bytes) -> bytes:
    """Return the wheel with an SBOM in its metadata, its entries sorted and of one date, and a RECORD that says so."""
    with zipfile.ZipFile(io.BytesIO(content)) as given:
        files = {name: given.read(name) for name in given.namelist() if not name.endswith("/")}
    (record,) = (name for name in files if name.endswith(".dist-info/RECORD"))
    del files[record]
    files[record.replace("RECORD", "sboms/warmkey.cdx.json")] = bill
    lines = [f"{name},sha256={_digest(files[name])},{len(files[name])}\n" for name in sorted(files)]
    files[record] = "".join([*lines, f"{record},,\n"]).encode()
    made = LayerZip()
    made.add(files)
    return made.finish()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def main(arguments: Sequence[str] | None = None) -> None:
    """Build and print names and hashes."""
    parser = argparse.ArgumentParser(prog="python -m tools.build_dist", description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--repository", default="", help="where the project lives, for links in the metadata")
    options = parser.parse_args(arguments)
    for path in build(options.out, repository=options.repository):
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path}")


if __name__ == "__main__":
    main()
