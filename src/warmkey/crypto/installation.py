"""Check that the compiled part of ``cryptography`` is present, fits this machine, and matches its Python files.

Lambda layers are unpacked over each other, so two copies of a package can become one that is neither, and a layer for
another architecture or Python looks whole until it is imported. The errors of the import system name a symbol or a
file; ours say what was found, where, and what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["check_native_parts"]

# What pyproject.toml wants: before it AES-GCM could not encrypt into a buffer.
_OLDEST = 47

# e_machine of an ELF file, by the names of platform.machine().
_MACHINES = {3: "i686", 40: "arm", 62: "x86_64", 183: "aarch64"}
_ELF_MACHINE = slice(18, 20)


def check_native_parts() -> None:
    """Check that cryptography can be loaded.

    :raises ConfigurationError: it can't; says what was found and the remedy
    """
    try:
        import cryptography  # noqa: PLC0415

        version = cryptography.__version__
        _check_age(version)
        from cryptography.hazmat.bindings._rust import _openssl  # noqa: PLC0415

        compiled = _openssl.ffi.string(_openssl.lib.CRYPTOGRAPHY_PACKAGE_VERSION).decode()
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(_explain(error)) from error
    if compiled != version:
        raise ConfigurationError(
            f"the Python files of cryptography are of version {version} and its library of version {compiled}: two "
            f"copies were unpacked over each other. {_copies()}. Keep one of them: if two layers of the function bring "
            "cryptography, both must bring the same version"
        )


def _check_age(version: str) -> None:
    if int(version.partition(".")[0]) < _OLDEST:
        raise ConfigurationError(
            f"cryptography {version} is too old: warmkey needs {_OLDEST} or later. {_copies()}. The first one counts: "
            "update it, or remove it from the function if warmkey's layer brings its own"
        )


def _explain(error: Exception) -> str:
    import platform  # noqa: PLC0415 - only for failures, as below
    import sys  # noqa: PLC0415

    here = f"Python {sys.version_info.major}.{sys.version_info.minor} on {platform.machine()}"
    homes = list(_homes())
    if not homes:
        return (
            f"cryptography is not installed for {here}. Attach warmkey's layer for this architecture and runtime, or "
            "add cryptography to the function"
        )
    if getattr(error, "name", None) == "_cffi_backend":
        problem = f"cryptography needs _cffi_backend, and there is none for {here}"
        libraries = [library for entry in _path() for library in sorted(entry.glob("_cffi_backend*.so"))]
    else:
        problem = f"cryptography can't be loaded by {here}: {error}"
        libraries = [library for home in homes for library in sorted(home.rglob("_rust*.so"))]
    found = ", ".join(f"{library} for {_machine_of(library)}" for library in libraries)
    return (
        f"{problem}. {_copies()}; {found or 'no library'}. Attach warmkey's layer for this architecture and runtime, "
        f"or install manylinux2014 wheels for {here}"
    )


def _copies() -> str:
    return f"Found {', '.join(f'{home} ({_versions_beside(home)})' for home in _homes())}"


def _versions_beside(home: Path) -> str:
    """Return the versions that installers recorded here; two of them mean two copies over each other."""
    about = sorted(home.parent.glob("cryptography-*.dist-info"))
    return " and ".join(folder.stem.partition("-")[2] for folder in about) or "version not recorded"


def _homes() -> Iterator[Path]:
    """Find the copies of cryptography on the path, in import order."""
    return (home for entry in _path() if (home := entry / "cryptography").is_dir())


def _path() -> list[Path]:
    import sys  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    return [Path(entry) for entry in dict.fromkeys(sys.path)]


def _machine_of(library: Path) -> str:
    with library.open("rb") as file:
        header = file.read(20)
    if not header.startswith(b"\x7fELF"):
        return "no machine (not an ELF file)"
    number = int.from_bytes(header[_ELF_MACHINE], "little")
    return _MACHINES.get(number, f"machine {number}")
