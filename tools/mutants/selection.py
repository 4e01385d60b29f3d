"""Choose which modules are broken everywhere, and which only at places drawn by a seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tools.mutants.mutations import mutations_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tools.mutants.mutations import Mutation

__all__ = ["COMPLETE", "PACKAGE", "chosen", "every_mutation", "files_of_tests"]

PACKAGE = "src/warmkey"
# Each of their mutations is tried: what is shared, for how long, and which bytes are believed.
COMPLETE = (
    "caches/",
    "cmms/",
    "client_apis/decrypt.py",
    "client_apis/encrypt.py",
    "client_apis/frames.py",
    "crypto/key_derivation.py",
    "data_format/encrypted_data_keys.py",
    "data_format/encryption_context.py",
    "data_format/header_cache.py",
    "data_format/message_body.py",
    "data_format/message_body_aad.py",
    "data_format/message_header.py",
)
# Their tests run the library in other processes, or read the repository's texts: they notice no mutant.
_ELSEWHERE = (
    "architecture", "benchmarks", "conformance", "dashboard", "demo", "examples", "layer", "mutants", "runtimes",
    "stress", "tools", "typing", "workflows",
)  # fmt: skip


def every_mutation(root: Path, only: Sequence[str]) -> list[Mutation]:
    """Return the mutations of the modules whose path begins with one of *only*; of all if there is none."""
    paths = ((path, path.relative_to(root / PACKAGE).as_posix()) for path in sorted((root / PACKAGE).rglob("*.py")))
    return [
        mutation
        for path, module in paths
        if module.startswith(tuple(only) or "")
        for mutation in mutations_of(path.read_text(encoding="utf-8"), module)
    ]


def chosen(root: Path, only: Sequence[str], sample: int, seed: int) -> list[Mutation]:
    """Return all mutations of the modules *only*, and *sample* of those of the other modules, drawn with *seed*."""
    wanted = every_mutation(root, only)
    if not sample:
        return wanted
    modules = {mutation.module for mutation in wanted}
    others = [each for each in every_mutation(root, ()) if each.module not in modules]
    return [*wanted, *random.Random(seed).sample(others, min(sample, len(others)))]  # noqa: S311 - not a secret


def files_of_tests(root: Path) -> list[str]:
    """Return the files of tests that run the library in their own process."""
    paths = (path.relative_to(root) for path in sorted((root / "tests").rglob("test_*.py")))
    return [path.as_posix() for path in paths if path.parts[1] not in _ELSEWHERE]
