"""A layer's zip, and what its manifest says of it."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from layer.build import MANIFEST
from layer.runtimes import lambda_name

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LayerFile"]


@dataclass(frozen=True, kw_only=True)
class LayerFile:
    """One zip that ``make layer`` built.

    :raises FileNotFoundError: on first use, if it has not been built
    """

    path: Path

    @cached_property
    def content(self) -> bytes:
        """The zip's bytes."""
        return self.path.read_bytes()

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What the builder says is in it."""
        with zipfile.ZipFile(self.path) as zipped:
            manifest: dict[str, Any] = json.loads(zipped.read(MANIFEST))
        return manifest

    @property
    def name(self) -> str:
        """The layer's name: ``warmkey-arm64``, ``warmkey-core-x86-64``."""
        variant = "" if self.manifest["variant"] == "full" else f"{self.manifest['variant']}-"
        return f"{self.manifest['name']}-{variant}{self.manifest['architecture'].replace('_', '-')}"

    @property
    def description(self) -> str:
        """What Lambda shows beside the version."""
        row = self.manifest
        kind = f"{row['variant']}, {row['architecture']}"
        return f"{row['name']} {row['version']} ({kind}), commit {row['commit'] or 'unknown'}"

    @property
    def runtimes(self) -> list[str]:
        """Lambda's names of the runtimes that it is for."""
        return [*map(lambda_name, self.manifest["runtimes"])]

    @property
    def sha256(self) -> str:
        """Base64 of the SHA-256 of the zip, as Lambda gives it."""
        return base64.b64encode(hashlib.sha256(self.content).digest()).decode()
