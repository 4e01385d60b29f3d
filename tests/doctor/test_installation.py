"""What is installed, as folders on a path that a test has made: copies, mixtures, manifests, pins and bytecode."""

from __future__ import annotations

import json
import platform
import sys
from importlib.util import cache_from_source
from typing import TYPE_CHECKING, Any

import pytest

from warmkey import __version__
from warmkey.doctor.findings import Level
from warmkey.doctor.installation import examine_installation
from warmkey.doctor.report import Report

if TYPE_CHECKING:
    from pathlib import Path

    from tests.doctor.patient import Patient

RUNTIME = f"{sys.version_info.major}.{sys.version_info.minor}"
HERE = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def install(folder: Path, name: str, *versions: str, requires: str = "") -> Path:
    """A package in *folder*, as installers leave it."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "__init__.py").touch()
    for version in versions:
        about = folder / f"{name}-{version}.dist-info"
        about.mkdir()
        requirement = f"Requires-Dist: {requires}\n" if requires else ""
        (about / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{requirement}")
    return folder


def manifest(folder: Path, **changes: Any) -> None:
    whole = {"version": __version__, "variant": "full", "architecture": HERE, "runtimes": [RUNTIME], **changes}
    (folder / "warmkey_layer.json").write_text(json.dumps(whole))


def compiled(folder: Path) -> Path:
    """The same folder with bytecode of warmkey for this Python."""
    from pathlib import Path as Made  # noqa: PLC0415

    bytecode = Made(cache_from_source(str(folder / "warmkey" / "__init__.py")))
    bytecode.parent.mkdir(exist_ok=True)
    bytecode.touch()
    return folder


def examined(*folders: Path) -> Report:
    report = Report()
    examine_installation(report, [str(folder) for folder in folders])
    return report


def codes(*folders: Path) -> set[str]:
    return {found.code for found in examined(*folders).findings if found.level > Level.NOTE}


def test_one_copy_of_each_is_fine(tmp_path: Path) -> None:
    layer = install(install(tmp_path, "warmkey", __version__), "cryptography", "50.0.2", requires="cffi>=1.14")
    manifest(compiled(layer))
    report = examined(layer, tmp_path / "missing")

    assert report.findings == []
    assert report.versions["cryptography"] == "50.0.2"
    assert report.versions["layer"] == f"{__version__} (full, {HERE})"
    assert report.versions["warmkey"] == __version__


def test_another_version_in_another_layer_collides(tmp_path: Path) -> None:
    ours = install(tmp_path / "opt", "cryptography", "50.0.2")
    theirs = install(tmp_path / "task", "cryptography", "47.0.0")

    assert codes(theirs, ours) == {"layers-collide"}
    (found,) = examined(theirs, ours).findings
    assert f"{theirs} (47.0.0) is used and hides {ours} (50.0.2)" in found.found


def test_two_copies_of_warmkey_itself_collide(tmp_path: Path) -> None:
    assert codes(install(tmp_path / "a", "warmkey", "0.1.0"), install(tmp_path / "b", "warmkey", "0.2.0")) == {
        "layers-collide"
    }


@pytest.mark.parametrize("name", ["boto3", "jmespath"])
def test_another_version_than_the_runtimes_own_is_a_note(tmp_path: Path, name: str) -> None:
    report = examined(install(tmp_path / "task", name, "1.44.0"), install(tmp_path / "runtime", name, "1.40.0"))

    assert [(found.code, found.level) for found in report.findings] == [("layers-collide", Level.NOTE)]


def test_equal_copies_make_no_difference(tmp_path: Path) -> None:
    report = examined(*(install(tmp_path / folder, "cryptography", "50.0.2") for folder in ("a", "b")))

    assert report.findings == []


def test_two_versions_in_one_folder_are_mixed(tmp_path: Path) -> None:
    assert codes(install(tmp_path, "cryptography", "50.0.2", "47.0.0")) == {"layers-mixed"}


def test_a_manifest_of_another_version_is_of_another_layer(tmp_path: Path) -> None:
    manifest(compiled(install(tmp_path, "warmkey", __version__)), version="0.1.0")

    assert codes(tmp_path) == {"layers-mixed"}


@pytest.mark.parametrize("changes", [{"architecture": "sparc"}, {"runtimes": ["2.7"]}])
def test_a_layer_for_another_runtime(tmp_path: Path, changes: dict[str, Any]) -> None:
    manifest(compiled(install(tmp_path, "warmkey", __version__)), **changes)

    assert codes(tmp_path) == {"layer-for-another-runtime"}


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"version": "1"}', "null", "[" * 100_000])
def test_a_manifest_that_is_none_is_told(tmp_path: Path, text: str) -> None:
    (install(tmp_path, "warmkey", __version__) / "warmkey_layer.json").write_text(text)

    assert codes(tmp_path) == {"layers-mixed"}


def test_a_layer_without_bytecode_for_this_python(tmp_path: Path) -> None:
    manifest(install(tmp_path, "warmkey", __version__))

    assert codes(tmp_path) == {"bytecode-missing"}


def test_without_a_manifest_there_is_no_layer_to_compare_with(tmp_path: Path) -> None:
    assert codes(install(tmp_path, "warmkey", __version__)) == set()
    assert "layer" not in examined(tmp_path).versions


@pytest.mark.parametrize(
    ("requires", "expected"),
    [
        ("cryptography<49", {"neighbour-wants-another-version"}),
        ("cryptography (>=51)", {"neighbour-wants-another-version"}),
        ("cryptography>=47,<51", set()),
        ("cryptography<49; extra == 'all'", set()),
        ("cryptography", set()),
        ("something-else<1", set()),
    ],
)
def test_a_neighbour_that_wants_another_version(tmp_path: Path, requires: str, expected: set[str]) -> None:
    install(tmp_path, "cryptography", "50.0.2")
    install(tmp_path, "aws_encryption_sdk", "4.0.6", requires=requires)

    assert codes(tmp_path) == expected


def test_versions_that_nobody_recorded_are_not_compared(tmp_path: Path) -> None:
    install(tmp_path, "cryptography")
    install(tmp_path, "aws_encryption_sdk", "4.0.6", requires="cryptography<1")
    report = examined(tmp_path)

    assert report.findings == []
    assert report.versions["cryptography"] == "version not recorded"


def test_the_environment_of_these_tests_is_fine(patient: Patient) -> None:
    assert patient.codes("--offline") == set()
    assert {"Python", "warmkey", "cryptography", "botocore"} <= patient.json["versions"].keys()
