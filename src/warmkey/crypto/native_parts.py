"""Whether the compiled part of ``cryptography`` is there, fits this machine, and belongs to its Python files.

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

# e_machine of an ELF file, by the names of platform.machine().
_MACHINES = {3: "i686", 40: "arm", 62: "x86_64", 183: "aarch64"}
_ELF_MACHINE = slice(18, 20)


def check_native_parts() -> None:
    """:raises ConfigurationError: cryptography can't be used; says what was found and the remedy"""
    try:
        import cryptography  # noqa: PLC0415
        from cryptography.hazmat.bindings._rust import _openssl  # noqa: PLC0415

        compiled = _openssl.ffi.string(_openssl.lib.CRYPTOGRAPHY_PACKAGE_VERSION).decode()
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(_explain(error)) from error
    if compiled != cryptography.__version__:
        raise ConfigurationError(
            f"the Python files of cryptography are of version {cryptography.__version__} and its library of version "
            f"{compiled}: two copies were unpacked over each other. {_copies()}. Keep one of them: if another layer or "
            "the function brings cryptography, both must bring the same version"
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
    remedy = f"Attach warmkey's layer for this architecture and runtime, or install the wheels for {here}"
    if getattr(error, "name", None) == "_cffi_backend":
        return f"cryptography needs _cffi_backend, and there is none for {here}. {_copies()}. {remedy}"
    found = [f"{library} for {_machine_of(library)}" for home in homes for library in home.rglob("_rust*.so")]
    return f"cryptography can't be loaded by {here}: {error}. Found: {', '.join(found) or 'no library'}. {remedy}"


def _copies() -> str:
    return f"Found in {', '.join(map(str, _homes()))}"


def _homes() -> Iterator[Path]:
    """Where on the path there is a copy of cryptography, in the order in which they are looked at."""
    import sys  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    for entry in dict.fromkeys(sys.path):
        home = Path(entry, "cryptography")
        if home.is_dir():
            yield home


def _machine_of(library: Path) -> str:
    with library.open("rb") as file:
        header = file.read(20)
    if not header.startswith(b"\x7fELF"):
        return "no machine (it is no ELF file)"
    number = int.from_bytes(header[_ELF_MACHINE], "little")
    return _MACHINES.get(number, f"machine {number}")
