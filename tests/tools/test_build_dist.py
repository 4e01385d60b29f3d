"""Wheel and sdist: equal bytes from equal sources, whole, and working where there is nothing else."""

from __future__ import annotations

import base64
import email
import hashlib
import io
import json
import os
import subprocess
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from layer.project import ROOT, metadata, version
from tools.build_dist import reproducible_sdist, reproducible_wheel

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = ROOT / ".venv-release" / "bin" / "python"
UV = ROOT / ".venv" / "bin" / "uv"


def run(*command: str | Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(out: Path, **environment: str) -> dict[str, bytes]:
    if not PYTHON.exists():
        pytest.skip("what builds packages is not here; `make release-check` installs it")
    run(
        PYTHON, "-m", "tools.build_dist", "--out", out, "--repository", "https://repository.test/warmkey", **environment
    )
    return {path.suffix: path.read_bytes() for path in out.iterdir()}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    build(out)
    return out


@pytest.fixture(scope="module")
def wheel(dist: Path) -> dict[str, bytes]:
    (path,) = dist.glob("*.whl")
    with zipfile.ZipFile(path) as zipped:
        return {name: zipped.read(name) for name in zipped.namelist()}


def in_metadata(wheel: dict[str, bytes], name: str) -> bytes:
    return wheel[f"warmkey-{version()}.dist-info/{name}"]


@pytest.mark.release
def test_two_builds_give_the_same_bytes(dist: Path, tmp_path: Path) -> None:
    first = {path.suffix: path.read_bytes() for path in dist.iterdir()}

    assert first == build(tmp_path, TZ="Asia/Tokyo", LC_ALL="C", PYTHONHASHSEED="7")


@pytest.mark.release
def test_the_wheel_has_every_module_and_nothing_else(wheel: dict[str, bytes]) -> None:
    sources = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "warmkey").rglob("*")
        if path.suffix == ".py" or path.name == "py.typed"
    }

    assert {name for name in wheel if ".dist-info/" not in name} == sources


@pytest.mark.release
def test_record_has_the_hash_of_every_file(wheel: dict[str, bytes]) -> None:
    rows = dict(line.split(",", 1) for line in in_metadata(wheel, "RECORD").decode().splitlines())

    assert rows.keys() == wheel.keys()
    for name, content in wheel.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        assert rows[name] in (f"sha256={digest},{len(content)}", ",")


@pytest.mark.release
def test_the_metadata_is_whole(wheel: dict[str, bytes]) -> None:
    found = email.message_from_bytes(in_metadata(wheel, "METADATA"))
    links = dict(link.split(", ", 1) for link in found.get_all("Project-URL", []))

    assert (found["Version"], found["License-Expression"]) == (version(), "Apache-2.0")
    assert found["Author"] == "warmkey contributors"
    assert links["Issues"] == "https://repository.test/warmkey/issues"
    assert "Message format" in links
    assert in_metadata(wheel, "licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()


@pytest.mark.release
def test_the_sdist_builds_the_same_wheel(dist: Path, tmp_path: Path, wheel: dict[str, bytes]) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (sources,) = tmp_path.iterdir()
    run(PYTHON, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path / "again", sources)
    (again,) = (tmp_path / "again").glob("*.whl")

    with zipfile.ZipFile(again) as zipped:
        rebuilt = {name: zipped.read(name) for name in zipped.namelist() if not name.endswith("RECORD")}
    assert rebuilt.items() <= wheel.items()
    assert {name.rpartition("/")[2] for name in wheel.keys() - rebuilt.keys()} == {"RECORD", "warmkey.cdx.json"}


ROUND_TRIP = """
import warmkey, warmkey.testing
with warmkey.testing.fake_kms() as kms:
    text = warmkey.encrypt_text("note", {"tenant": "acme"})
    assert warmkey.decrypt_text(text, {"tenant": "acme"}) == "note"
print(warmkey.__version__, warmkey.__file__)
"""


@pytest.mark.release
def test_the_wheel_works_in_an_environment_that_has_what_it_asks_for_and_nothing_else(
    dist: Path, tmp_path: Path
) -> None:
    if not UV.exists():
        pytest.skip("uv is not here")
    (path,) = dist.glob("*.whl")
    clean = tmp_path / "clean"
    run(UV, "venv", "--quiet", "--python", PYTHON, clean)
    constraints = ("--constraint", "requirements/demo.txt")
    run(UV, "pip", "install", "--quiet", "--python", clean / "bin" / "python", *constraints, path)
    said = run(clean / "bin" / "python", "-I", "-c", ROUND_TRIP)

    assert said.splitlines()[-1].startswith(f"{version()} {clean}")
    assert "inspect" in run(clean / "bin" / "warmkey", "--help")


VALIDATE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read())
sys.exit(str(problem) if problem else 0)
"""


def assert_valid(bill: bytes) -> dict[str, Any]:
    """Hold *bill* against CycloneDX's own schema."""
    if not PYTHON.exists():
        pytest.skip("the schema is not here; `make release-check` installs it")
    done = subprocess.run([PYTHON, "-c", VALIDATE], input=bill, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(bill)
    return found


@pytest.mark.release
def test_the_bill_of_the_wheel_names_what_it_needs(wheel: dict[str, bytes]) -> None:
    bill = assert_valid(in_metadata(wheel, "sboms/warmkey.cdx.json"))

    assert [row["name"] for row in bill["components"]] == ["boto3", "cryptography"]
    assert {row["scope"] for row in bill["components"]} == {"required"}
    ranges = {row["value"] for row in bill["metadata"]["properties"] if row["name"].startswith("warmkey:requires")}
    assert ranges == set(metadata()["dependencies"])


@pytest.mark.release
@pytest.mark.layer
@pytest.mark.parametrize(
    "name", ["warmkey-full-x86_64", "warmkey-full-arm64", "warmkey-core-x86_64", "warmkey-crt-x86_64"]
)
def test_the_bill_of_the_layer_names_what_is_in_it(name: str) -> None:
    path = ROOT / "layer" / f"{name}.zip"
    if not path.exists():
        pytest.skip(f"there is no {path}; `make layers` makes it")
    with zipfile.ZipFile(path) as layer:
        manifest = json.loads(layer.read("python/warmkey_layer.json"))
        bill = assert_valid(layer.read(f"python/warmkey-{manifest['version']}.dist-info/sboms/warmkey.cdx.json"))

    assert {row["name"]: row["version"] for row in bill["components"]} == manifest["packages"]
    assert all(row["purl"].endswith(f"@{row['version']}") for row in bill["components"])
    properties = {row["name"]: row["value"] for row in bill["metadata"]["properties"]}
    assert properties["warmkey:architecture"] == manifest["architecture"]


def test_an_archive_says_nothing_of_who_made_it_when() -> None:
    def made(mtime: int, user: str, names: list[str]) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for name in names:
                entry = tarfile.TarInfo(name)
                entry.size, entry.mtime, entry.uname, entry.mode = 1, mtime, user, 0o600
                archive.addfile(entry, io.BytesIO(b"x"))
        return buffer.getvalue()

    first, second = made(1, "me", ["a/b", "a/c"]), made(2, "you", ["a/c", "a/b"])

    assert first != second
    assert reproducible_sdist(first) == reproducible_sdist(second)


def test_a_wheel_says_nothing_of_when_it_was_made() -> None:
    def made(year: int) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name in ("p/__init__.py", "p-1.dist-info/METADATA", "p-1.dist-info/RECORD"):
                archive.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), b"x")
        return buffer.getvalue()

    assert reproducible_wheel(made(2025), b"{}") == reproducible_wheel(made(2026), b"{}")
