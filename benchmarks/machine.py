"""What the figures depend on beside us."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from cryptography.hazmat.backends.openssl.backend import backend

__all__ = ["facts"]

_PACKAGES = ("cryptography", "awscrt", "aws-encryption-sdk", "aws-cryptographic-material-providers", "botocore")


def facts() -> dict[str, str]:
    """Processor, Python and the packages that were measured; nothing that tells whose machine it is."""
    return {
        "machine": f"{len(os.sched_getaffinity(0))} × {platform.machine()}",
        "python": platform.python_version(),
        "openssl": backend.openssl_version_text().split()[1],
        **{package: _version(package) for package in _PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
