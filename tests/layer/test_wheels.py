"""What goes into the layer, and what stays out."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from layer import wheels
from layer.runtimes import RUNTIMES

if TYPE_CHECKING:
    from pathlib import Path


def wheel(folder: Path, name: str, files: dict[str, bytes]) -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in files.items():
            archive.writestr(file, content)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "cryptography/hazmat/bindings/_rust/__init__.pyi",
        "cryptography/py.typed",
        "cffi/_cffi_include.h",
        "wrapt/_wrappers.c",
        "package/tests/test_it.py",
        "aws_lambda_powertools/event_handler/openapi/swagger_ui/swagger-ui-bundle.min.js",
        "jmespath-1.0.data/scripts/jp.py",
        "cryptography-1.0.dist-info/sboms/rust.json",
        "cffi-1.0.dist-info/RECORD",
        "cffi-1.0.dist-info/WHEEL",
        "module.pyc",
    ],
)
def test_what_no_function_needs_stays_out(tmp_path: Path, name: str) -> None:
    made = wheel(tmp_path, "a-1.0-py3-none-any.whl", {name: b"", "a.py": b""})

    assert set(wheels.unpack(made)) == {"a.py"}


@pytest.mark.parametrize(
    "name",
    [
        "_cffi_backend.cpython-313-x86_64-linux-gnu.so",
        "cryptography-1.0.dist-info/METADATA",
        "cryptography-1.0.dist-info/licenses/LICENSE",
        "aws_lambda_powertools/event_handler/openapi/swagger_ui/html.py",
    ],
)
def test_code_metadata_and_licenses_go_in(tmp_path: Path, name: str) -> None:
    made = wheel(tmp_path, "a-1.0-py3-none-any.whl", {name: b"content"})

    assert wheels.unpack(made) == {name: b"content"}


def test_wheels_for_several_pythons_share_what_is_equal() -> None:
    merged = wheels.merge([{"p.py": b"p", "n.cpython-311.so": b"1"}, {"p.py": b"p", "n.cpython-312.so": b"2"}])

    assert merged == {"p.py": b"p", "n.cpython-311.so": b"1", "n.cpython-312.so": b"2"}


def test_wheels_that_disagree_about_a_file_are_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match=r"p\.py"):
        wheels.merge([{"p.py": b"1"}, {"p.py": b"2"}])


class FakePip:
    """Downloads one empty wheel for each runtime, and counts."""

    def __init__(self, failing: int | None = None) -> None:
        self.calls = 0
        self._failing = failing

    def __call__(self, pins: str, platforms: tuple[str, ...], runtime: str, folder: Path) -> None:
        self.calls += 1
        if self.calls == self._failing:
            raise RuntimeError("no such wheel")
        folder.mkdir(parents=True, exist_ok=True)
        tag = runtime.replace(".", "")
        for pin in pins.split():
            python = "py3-none" if pin.startswith("pure") else f"cp{tag}-cp{tag}"
            wheel(folder, f"{pin.replace('==', '-')}-{python}-{platforms[0]}.whl", {})


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    path = tmp_path / "layer.txt"
    path.write_text("cffi==1.0\n")
    return path


def test_wheels_are_downloaded_for_every_runtime_once(
    tmp_path: Path, requirements: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = FakePip()
    monkeypatch.setattr(wheels, "_download", pip)
    first = wheels.fetch(requirements, "arm64", tmp_path / "cache")
    second = wheels.fetch(requirements, "arm64", tmp_path / "cache")

    assert first == second
    assert pip.calls == len(first) == len(RUNTIMES)
    assert all("manylinux2014_aarch64" in path.name for path in first)


def test_wheels_for_another_list_of_runtimes_are_downloaded_again(
    tmp_path: Path, requirements: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = FakePip()
    monkeypatch.setattr(wheels, "_download", pip)
    fewer = wheels.fetch(requirements, "arm64", tmp_path / "cache", runtimes=RUNTIMES[:-1])
    all_of_them = wheels.fetch(requirements, "arm64", tmp_path / "cache", runtimes=RUNTIMES)

    assert (len(fewer), len(all_of_them)) == (len(RUNTIMES) - 1, len(RUNTIMES))


def test_a_wheel_that_serves_later_pythons_is_not_asked_for_again(
    tmp_path: Path, requirements: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels, "_download", FakePip())
    requirements.write_text("cffi==1.0\npure==2.0\n")
    found = wheels.fetch(requirements, "arm64", tmp_path / "cache")

    assert [path.name.split("-")[0] for path in found] == ["cffi"] * len(RUNTIMES) + ["pure"]


def elf(machine: int) -> bytes:
    return b"\x7fELF".ljust(18, b"\0") + bytes([machine, 0])


NATIVE = {f"python/_cffi_backend.cpython-3{runtime[2:]}-aarch64-linux-gnu.so": elf(0xB7) for runtime in RUNTIMES}


def test_native_files_are_named_with_the_python_that_they_are_for() -> None:
    found = wheels.native_files({**NATIVE, "python/a.abi3.so": elf(0xB7), "python/a.py": b""}, RUNTIMES, "arm64")

    assert [*found.values()] == [*RUNTIMES, "abi3"]


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (dict(list(NATIVE.items())[:-1]), f"lack python/_cffi_backend for {RUNTIMES[-1]}"),
        (NATIVE | {"python/b.abi3.so": elf(0x3E)}, r"python/b\.abi3\.so must be for arm64"),
        (NATIVE | {"python/b.abi3.so": b"#!/bin/sh"}, r"python/b\.abi3\.so must be for arm64"),
        (NATIVE | {"python/b.cpython-36-x.so": elf(0xB7)}, "a Python that the layer does not name"),
    ],
    ids=["one is missing", "another machine", "not a library", "another Python"],
)
def test_native_files_that_do_not_fit_the_layer_are_an_error(files: dict[str, bytes], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        wheels.native_files(files, RUNTIMES, "arm64")


def test_other_pins_are_downloaded_again(tmp_path: Path, requirements: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip = FakePip()
    monkeypatch.setattr(wheels, "_download", pip)
    wheels.fetch(requirements, "arm64", tmp_path / "cache")
    requirements.write_text("cffi==2.0\n")
    wheels.fetch(requirements, "arm64", tmp_path / "cache")

    assert pip.calls == 2 * len(RUNTIMES)


def test_a_download_that_broke_is_not_taken_for_a_whole_one(
    tmp_path: Path, requirements: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels, "_download", FakePip(failing=2))
    with pytest.raises(RuntimeError):
        wheels.fetch(requirements, "arm64", tmp_path / "cache")
    monkeypatch.setattr(wheels, "_download", FakePip())

    assert len(wheels.fetch(requirements, "arm64", tmp_path / "cache")) == len(RUNTIMES)


def test_packages_are_named_with_their_version(tmp_path: Path) -> None:
    names = ["cffi-2.1.1-cp311-cp311-x.whl", "cffi-2.1.1-cp312-cp312-x.whl", "a_b-3.0-py3-none-any.whl"]

    assert wheels.packages([tmp_path / name for name in names]) == {"a_b": "3.0", "cffi": "2.1.1"}
