"""A broken copy of cryptography is told apart from a missing one, with what was found and what to do."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import _cffi_backend
import cryptography
import pytest

from warmkey import ConfigurationError
from warmkey.crypto import installation

SRC = Path(__file__).parents[2] / "src"
OTHER_MACHINE = {b"\x3e": (b"\xb7", "aarch64"), b"\xb7": (b"\x3e", "x86_64")}


@pytest.fixture
def opt(tmp_path: Path) -> Path:
    """A folder with links to cryptography and what it needs, and nothing else."""
    shutil.copytree(Path(cryptography.__file__).parent, tmp_path / "cryptography", copy_function=os.symlink)
    (tmp_path / Path(_cffi_backend.__file__).name).symlink_to(_cffi_backend.__file__)
    return tmp_path


def replace(file: Path, content: bytes) -> None:
    """Put something else where there was a link."""
    file.unlink()
    file.write_bytes(content)


def error_of_importing(opt: Path) -> str:
    """The last line of what the interpreter says when only *opt* is installed; empty if all is well."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import warmkey"],
        env={"PYTHONPATH": f"{SRC}:{opt}", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return "".join(done.stderr.splitlines()[-1:])


def pretend_to_be(opt: Path, version: str) -> None:
    about = opt / "cryptography" / "__about__.py"
    replace(about, about.read_bytes().replace(cryptography.__version__.encode(), version.encode()))


def library(opt: Path) -> Path:
    (found,) = (opt / "cryptography").rglob("_rust*.so")
    return found


def test_a_whole_copy_is_fine(opt: Path) -> None:
    assert error_of_importing(opt) == ""


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    error = error_of_importing(tmp_path)

    assert "ConfigurationError: cryptography is not installed for Python 3." in error
    assert "Attach warmkey's layer" in error


def test_cffi_for_another_python_is_named(opt: Path) -> None:
    (opt / Path(_cffi_backend.__file__).name).rename(opt / "_cffi_backend.cpython-399-x86_64-linux-gnu.so")

    error = error_of_importing(opt)

    assert f"cryptography needs _cffi_backend, and there is none for Python 3.{sys.version_info.minor} on" in error
    assert f"{opt}/_cffi_backend.cpython-399-x86_64-linux-gnu.so for {platform.machine()}. Attach" in error


def test_a_library_for_another_architecture_is_named_with_both(opt: Path) -> None:
    content = bytearray(library(opt).read_bytes())
    machine, name = OTHER_MACHINE[bytes(content[18:19])]
    content[18:19] = machine
    replace(library(opt), bytes(content))

    error = error_of_importing(opt)

    assert f"{library(opt)} for {name}. Attach warmkey's layer for this architecture" in error


def test_a_library_that_is_none_is_named(opt: Path) -> None:
    replace(library(opt), b"git-lfs pointer")

    assert f"{library(opt)} for no machine (not an ELF file)" in error_of_importing(opt)


def test_a_missing_library_is_named(opt: Path) -> None:
    library(opt).unlink()

    assert f"Found {opt / 'cryptography'} (version not recorded); no library. Attach" in error_of_importing(opt)


def test_two_copies_over_each_other_are_named_with_both_versions(opt: Path) -> None:
    for version in ("99.0.0", cryptography.__version__):
        (opt / f"cryptography-{version}.dist-info").mkdir()
    pretend_to_be(opt, "99.0.0")

    error = error_of_importing(opt)

    assert f"are of version 99.0.0 and its library of version {cryptography.__version__}: two copies" in error
    assert f"Found {opt / 'cryptography'} ({cryptography.__version__} and 99.0.0). Keep one of them" in error


def test_a_copy_that_is_too_old_is_named_with_the_version_that_is_needed(opt: Path) -> None:
    pretend_to_be(opt, "46.0.7")

    error = error_of_importing(opt)

    assert "cryptography 46.0.7 is too old: warmkey needs 47 or later" in error
    assert f"Found {opt / 'cryptography'} (version not recorded). The first one counts" in error


def test_the_oldest_is_what_the_project_says() -> None:
    project = tomllib.loads((SRC.parent / "pyproject.toml").read_text())["project"]

    assert f"cryptography>={installation._OLDEST}" in project["dependencies"]


# --- the same in this process, where coverage sees it


def test_nothing_is_wrong_here() -> None:
    installation.check_native_parts()


def test_the_versions_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cryptography, "__version__", "99.0.0")

    with pytest.raises(ConfigurationError, match=r"of version 99\.0\.0 and its library of version"):
        installation.check_native_parts()


def test_the_age_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cryptography, "__version__", "46.0.7")

    with pytest.raises(ConfigurationError, match=r"cryptography 46\.0\.7 is too old"):
        installation.check_native_parts()


def test_the_path_is_searched_for_copies(opt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.bindings._rust", None)
    monkeypatch.setattr(sys, "path", [str(opt), str(opt), str(opt / "elsewhere")])

    with pytest.raises(ConfigurationError, match=f"; {library(opt)} for {platform.machine()}[.]"):
        installation.check_native_parts()
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(ConfigurationError, match="is not installed"):
        installation.check_native_parts()


def test_a_missing_backend_is_told_by_its_name(opt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(opt)])

    assert "needs _cffi_backend" in installation._explain(ModuleNotFoundError(name="_cffi_backend"))


@pytest.mark.parametrize(
    ("versions", "said"),
    [([], "version not recorded"), (["47.0.1"], "47.0.1"), (["48.0.0", "47.0.1"], "47.0.1 and 48.0.0")],
    ids=str,
)
def test_a_copy_is_named_with_the_versions_that_installers_recorded(
    versions: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("cryptography", *(f"cryptography-{version}.dist-info" for version in versions)):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])

    assert f"Found {tmp_path / 'cryptography'} ({said}); no library." in installation._explain(ImportError("x"))


@pytest.mark.parametrize(
    ("header", "machine"),
    [
        (b"\x7fELF" + bytes(14) + b"\xb7\0", "aarch64"),
        (b"\x7fELF" + bytes(14) + b"\xf3\0", "machine 243"),
        (b"MZ", "no machine (not an ELF file)"),
        (b"", "no machine (not an ELF file)"),
    ],
)
def test_the_machine_of_a_library_is_read_from_its_header(tmp_path: Path, header: bytes, machine: str) -> None:
    (tmp_path / "library.so").write_bytes(header)

    assert machine == installation._machine_of(tmp_path / "library.so")
