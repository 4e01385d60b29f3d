"""Look at what is installed: versions, the layer's manifest, copies that hide each other, and bytecode."""

from __future__ import annotations

import json
import platform
import re
import sys
from importlib import import_module
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from warmkey.doctor.findings import Level
from warmkey.doctor.requirements import allows, read_requirement

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from warmkey.doctor.report import Report

__all__ = ["examine_installation"]

_OURS = "warmkey"
_MANIFEST = "warmkey_layer.json"
# What warmkey runs on or exchanges messages with, by the name of the folder.
_PACKAGES = (
    _OURS,
    "cryptography",
    "cffi",
    "awscrt",
    "aws_lambda_powertools",
    "boto3",
    "botocore",
    "urllib3",
    "jmespath",
    "aws_encryption_sdk",
    "aws_cryptographic_material_providers",
)
# The runtime brings these, and functions bring newer ones on purpose; another copy is worth a note.
_OF_THE_RUNTIME = ("boto3", "botocore", "urllib3", "jmespath")
# Versions of these are pinned by packages that stand beside us.
_PINNED = ("cryptography", "boto3", "botocore", "aws_lambda_powertools")
_ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


class _Copy(NamedTuple):
    """A package in a folder of the path, with the versions that installers recorded there."""

    folder: Path
    versions: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.folder} ({' and '.join(self.versions) or 'version not recorded'})"


def examine_installation(report: Report, path: Sequence[str] | None = None) -> None:
    """Report on the packages on *path*, by default that of Python.

    :param path: folders, in the order in which Python looks into them
    """
    folders = [Path(entry) for entry in dict.fromkeys(sys.path if path is None else path) if Path(entry).is_dir()]
    copies = {name: [*_copies(name, folders)] for name in _PACKAGES}
    _tell_versions(report, copies)
    for name, found in copies.items():
        _compare_copies(report, name, found)
    _examine_manifest(report, copies[_OURS])
    _examine_neighbours(report, folders, copies)


def _copies(name: str, folders: Sequence[Path]) -> Iterator[_Copy]:
    for folder in folders:
        if (folder / name).is_dir():
            # An installer may write the name with either hyphens or underscores.
            recorded = [*folder.glob(f"{name}-*.dist-info"), *folder.glob(f"{name.replace('_', '-')}-*.dist-info")]
            versions = {each.stem.rpartition("-")[2] for each in recorded}
            yield _Copy(folder, tuple(sorted(versions)))


def _tell_versions(report: Report, copies: dict[str, list[_Copy]]) -> None:
    # warmkey itself, which has run before any module of it, is above this one.
    version: str = import_module(_OURS).__version__
    report.versions |= {"Python": f"{platform.python_version()} on {platform.machine()}", _OURS: version}
    for name, found in copies.items():
        if found and name != _OURS:
            report.versions[name] = " and ".join(found[0].versions) or "version not recorded"


def _compare_copies(report: Report, name: str, found: Sequence[_Copy]) -> None:
    for copy in found:
        if len(copy.versions) > 1:
            report.add("layers-mixed", f"{copy.folder} records {name} in the versions {' and '.join(copy.versions)}")
    if len({copy.versions for copy in found}) > 1:  # which of several equal copies is used makes no difference
        first, *others = found
        level = Level.NOTE if name in _OF_THE_RUNTIME else None
        hidden = ", ".join(map(str, others))
        report.add(
            "layers-collide", f"{name} is in {len(found)} places: {first} is used and hides {hidden}", level=level
        )


def _examine_manifest(report: Report, copies: Sequence[_Copy]) -> None:
    """Compare the layer's manifest, if warmkey comes from a layer, with what is there and with this runtime."""
    home = Path(__file__).resolve().parents[2]
    path = next((copy.folder for copy in copies), home) / _MANIFEST
    if not path.is_file():
        return
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        _compare_manifest(report, manifest, path)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        report.add("layers-mixed", f"{path} is not the manifest of a layer", level=Level.WARNING)


def _compare_manifest(report: Report, manifest: dict[str, Any], path: Path) -> None:
    version, architecture = manifest["version"], manifest["architecture"]
    report.versions["layer"] = f"{version} ({manifest['variant']}, {architecture})"
    runtime = f"{sys.version_info.major}.{sys.version_info.minor}"
    here = _ARCHITECTURES.get(platform.machine(), platform.machine())
    if architecture != here or runtime not in manifest["runtimes"]:
        report.add(
            "layer-for-another-runtime",
            f"the layer is for {architecture} and Python {', '.join(manifest['runtimes'])}; this is Python {runtime} "
            f"on {here}",
        )
    if version != report.versions[_OURS]:
        report.add(
            "layers-mixed", f"{path} is of warmkey {version}, and the files beside it of {report.versions[_OURS]}"
        )
    source = path.parent / _OURS / "__init__.py"
    if source.is_file() and not Path(cache_from_source(str(source))).is_file():
        report.add("bytecode-missing", f"the layer has no bytecode for Python {runtime}")


def _examine_neighbours(report: Report, folders: Sequence[Path], copies: dict[str, list[_Copy]]) -> None:
    """Find packages that ask for other versions of what is in use."""
    from importlib.metadata import distributions  # noqa: PLC0415 - for this check only

    used = {name: copies[name][0].versions for name in _PINNED if copies[name]}
    for distribution in distributions(path=[str(folder) for folder in folders]):
        for text in distribution.requires or ():
            name, wanted, is_conditional = read_requirement(text)
            versions = used.get(re.sub(r"[-.]+", "_", name.lower()), ())
            if is_conditional or len(versions) != 1 or allows(wanted, versions[0]):
                continue
            found = (
                f"{distribution.metadata['Name']} {distribution.version} wants {name} {wanted}; {versions[0]} is in use"
            )
            report.add("neighbour-wants-another-version", found)
