"""Build the Lambda layer: warmkey and what it needs, for every supported runtime, one zip for each architecture.

usage: python -m layer.build [--variant full|core|crt] [--architecture x86_64|arm64]... [--preview] [--unpacked FOLDER]

Only the standard library and pip are needed. The same sources, pins and interpreters give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layer import archive, wheels
from layer.bytecode import compile_sources, find_interpreters
from layer.project import ROOT, metadata
from layer.runtimes import ARCHITECTURES, PREVIEWS, RUNTIMES, lambda_name
from layer.sbom import sbom

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from layer.bytecode import Interpreter

__all__ = ["MANIFEST", "VARIANTS", "Layer", "Manifest", "bill_of_materials", "build", "commit_of", "describe", "main"]

MANIFEST = "python/warmkey_layer.json"

# Which pins a variant carries. core: for functions that have Powertools from somewhere else. crt: for those that make
# hundreds of signed messages in a container's life.
VARIANTS = {"full": "layer.txt", "core": "layer-core.txt", "crt": "layer-crt.txt"}
# The command `warmkey plan` needs numpy and is for desks.
_PLANNER = ("warmkey", "plan")


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipStart:
    """The zip up to its manifest, which can't hold a hash of itself: ``head -c LENGTH layer.zip | sha256sum``."""

    length: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is in a layer; written into it.

    :ivar commit: the commit that it was built from, with ``+changes`` if files differed from it; empty if not known
    :ivar content_sha256: see :func:`layer.archive.content_hash`; over everything but bytecode and this manifest
    :ivar native: each native file with the Python that it is for, or ``abi3``
    :ivar bytecode: for each runtime with ``.pyc`` files in the layer, the version of Python that made them
    :ivar unzipped_bytes: what counts against Lambda's 250 MB, without this manifest
    """

    name: str
    version: str
    commit: str
    variant: str
    architecture: str
    runtimes: tuple[str, ...]
    packages: dict[str, str]
    native: dict[str, str]
    content_sha256: str
    bytecode: dict[str, str]
    unzipped_bytes: int
    zip_before_manifest: ZipStart

    def to_json(self) -> bytes:
        """The manifest as it stands in the layer."""
        return (json.dumps(asdict(self), indent=2) + "\n").encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A built layer: its files by their path in the zip, and the zip."""

    manifest: Manifest
    files: dict[str, bytes]
    zip: bytes


def build(
    *,
    variant: str,
    architecture: str,
    cache: Path,
    interpreters: Sequence[Interpreter],
    runtimes: Sequence[str] = RUNTIMES,
) -> Layer:
    """Build one layer; wheels that are not in *cache* are downloaded into it.

    :raises ValueError: two wheels disagree, or a native file that one of *runtimes* needs is missing
    """
    project = metadata()
    found = wheels.fetch(ROOT / "requirements" / VARIANTS[variant], architecture, cache, runtimes=runtimes)
    packages = wheels.packages(found)
    files = _site_packages(found, project, interpreters)
    kind = {"kind": "layer", "variant": variant, "architecture": architecture, "runtimes": " ".join(runtimes)}
    files[bill_of_materials(project)] = sbom(project, packages, carried=True, properties=kind)
    zipped = archive.LayerZip()
    zipped.add(files)
    manifest = Manifest(
        name=project["name"],
        version=project["version"],
        commit=commit_of(ROOT),
        variant=variant,
        architecture=architecture,
        runtimes=tuple(runtimes),
        packages=packages,
        native=wheels.native_files(files, runtimes, architecture),
        content_sha256=archive.content_hash(files),
        bytecode={interpreter.runtime: interpreter.version for interpreter in interpreters},
        unzipped_bytes=sum(map(len, files.values())),
        zip_before_manifest=ZipStart(length=len(zipped.so_far()), sha256=archive.sha256(zipped.so_far())),
    )
    last = {MANIFEST: manifest.to_json()}
    zipped.add(last)
    return Layer(manifest=manifest, files=files | last, zip=zipped.finish())


def bill_of_materials(project: Mapping[str, Any]) -> str:
    """Return where the layer has its SBOM, as PEP 770 wants it."""
    return f"python/{project['name']}-{project['version']}.dist-info/sboms/warmkey.cdx.json"


def commit_of(clone: Path) -> str:
    """Return the commit that *clone* is at, with ``+changes`` if its files differ from it; empty without git."""
    try:
        commit, changes = (
            subprocess.run(["git", *arguments], cwd=clone, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S607
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return f"{commit}+changes" if changes else commit


def _site_packages(
    found: Sequence[Path], project: Mapping[str, str], interpreters: Sequence[Interpreter]
) -> dict[str, bytes]:
    others, own = wheels.merge(map(wheels.unpack, found)), _own_package(project)
    # Another layer of the function may well carry other versions of these packages, and is unpacked over ours.
    bytecode = [
        compile_sources(_python(others), interpreters, checked=True),
        compile_sources(_python(own), interpreters, checked=False),
    ]
    return {f"python/{name}": content for name, content in wheels.merge([others, own, *bytecode]).items()}


def _python(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if name.endswith(".py")}


def _own_package(project: Mapping[str, str]) -> dict[str, bytes]:
    source = ROOT / "src"
    files = {
        path.relative_to(source).as_posix(): path.read_bytes()
        for path in source.rglob("*.py")
        if path.relative_to(source).parts[:2] != _PLANNER
    }
    about = f"{project['name']}-{project['version']}.dist-info"
    metadata = ("Metadata-Version: 2.4", f"Name: {project['name']}", f"Version: {project['version']}")
    files[f"{about}/METADATA"] = "\n".join([*metadata, f"License-Expression: {project['license']}", ""]).encode()
    files[f"{about}/licenses/LICENSE"] = (ROOT / "LICENSE").read_bytes()
    return files


def describe(layer: Layer) -> str:
    """What a person wants to know of a built layer."""
    manifest = layer.manifest
    bytecode = ", ".join(manifest.bytecode.values()) or "none: every cold start will compile"
    packages = ", ".join(f"{name} {version}" for name, version in manifest.packages.items())
    return "\n".join(
        (
            f"  warmkey {manifest.version} ({manifest.variant}, {manifest.architecture}) with {packages}",
            f"  size          {len(layer.zip) / 1e6:.1f} MB zipped, {manifest.unzipped_bytes / 1e6:.1f} MB unzipped",
            f"  .pyc from     Python {bytecode}",
            f"  content hash  {manifest.content_sha256}",
            f"  zip hash      {archive.sha256(layer.zip)}",
        )
    )


def warnings(layer: Layer) -> list[str]:
    """Return what a person should know before shipping *layer*: the runtimes that will compile at each cold start."""
    missing = [runtime for runtime in layer.manifest.runtimes if runtime not in layer.manifest.bytecode]
    return [
        f"warning: no .pyc for {lambda_name(runtime)}, so each of its cold starts compiles every module. "
        f"Install Python {runtime}, or let `make every-runtime` fetch one, and build again."
        for runtime in missing
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Build what the command line asks for and say what came out."""
    options = _parse(arguments)
    runtimes = (*RUNTIMES, *PREVIEWS) if options.preview else RUNTIMES
    interpreters = find_interpreters(runtimes)
    said: list[str] = []
    for architecture in options.architecture or ARCHITECTURES:
        layer = build(
            variant=options.variant,
            architecture=architecture,
            cache=options.cache,
            interpreters=interpreters,
            runtimes=runtimes,
        )
        target = options.unpacked or options.out / f"warmkey-{options.variant}-{architecture}.zip"
        target.parent.mkdir(parents=True, exist_ok=True)
        if options.unpacked:
            archive.write_tree(layer.files, target)
        else:
            target.write_bytes(layer.zip)
        print(f"{target}\n{describe(layer)}")
        said = warnings(layer)
    for line in said:  # the same for each architecture
        print(line, file=sys.stderr)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m layer.build", description=__doc__.partition("\n")[0])
    parser.add_argument("--variant", choices=VARIANTS, default="full")
    parser.add_argument("--architecture", choices=ARCHITECTURES, action="append", help="default: all of them")
    parser.add_argument("--preview", action="store_true", help=f"also for Python {', '.join(PREVIEWS)}")
    parser.add_argument("--out", type=Path, default=ROOT / "layer", help="folder for the zips")
    parser.add_argument("--unpacked", type=Path, help="write the files below this folder instead of a zip")
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "wheels", help="folder of downloaded wheels")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
