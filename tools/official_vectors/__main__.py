"""`make vectors-official DIR=PATH`: run every manifest below a folder, also those in zip archives.

    python -m tools.official_vectors FOLDER [--aws]

The folder is yours: clone aws-encryption-sdk-test-vectors and others of that kind wherever you like. Cases whose data
keys are wrapped by KMS keys of their author can only be decrypted with --aws and credentials that may use these keys;
without it they are counted as not run.
"""

from __future__ import annotations

import argparse
import json
import posixpath
import sys
import zipfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.official_vectors import materials, messages
from tools.official_vectors.cases import Json, Report
from tools.official_vectors.keys import Keys
from tools.official_vectors.stand_in import stand_in

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

# Reads the file of a path relative to the folder or archive that it is in.
Read = Callable[[str], bytes]
_SCHEME = "file://"
_DECRYPTS = frozenset({"awses-decrypt", "awses-mpl-decrypt"})
_TYPES = _DECRYPTS | {"awses-encrypt", "awses-decrypt-generate", "awses-mpl-encrypt"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line names; return 1 if a case failed, 2 if there was no manifest."""
    parser = argparse.ArgumentParser(prog="make vectors-official", description="Run public test vectors.")
    parser.add_argument("folder", type=Path, help="where manifests or zip archives of them are")
    parser.add_argument("--aws", action="store_true", help="ask AWS KMS for the keys of the vectors' author")
    options = parser.parse_args(arguments)
    found, failed = 0, False
    for name, manifest, read in _manifests(options.folder):
        found += 1
        report = _run(manifest, read, aws=options.aws)
        failed = failed or bool(report.failures)
        kind = manifest["manifest"]
        print(f"{name} ({kind['type']} {kind['version']}):", *report.lines(), sep="\n  ", flush=True)
    if not found:
        print(f"no manifest of a type that is known ({', '.join(sorted(_TYPES))}) below {options.folder}")
        return 2
    return 1 if failed else 0


def _run(manifest: Json, read: Read, *, aws: bool) -> Report:
    report, kind = Report(), manifest["manifest"]["type"]
    listed = json.loads(read(manifest["keys"]))
    without_aws = None if kind in _DECRYPTS else stand_in(listed)
    keys = Keys(listed, _client if aws else without_aws)
    match kind:
        case "awses-decrypt":
            messages.decrypt_cases(manifest, keys, read, report)
        case "awses-mpl-decrypt":
            materials.decrypt_cases(manifest, keys, report)
        case "awses-mpl-encrypt":
            materials.encrypt_cases(manifest, keys, report)
        case _:
            messages.encrypt_cases(manifest, keys, report)
    return report


@cache
def _client(region: str) -> Any:  # noqa: ANN401 - boto3 has no public type
    import boto3  # noqa: PLC0415 - few come here

    return boto3.client("kms", region_name=region)


def _manifests(folder: Path) -> Iterator[tuple[str, Json, Read]]:
    """Yield each manifest with its name, and what reads the files that it names."""
    for path in sorted(folder.rglob("*.json")):
        manifest = _manifest(path.read_bytes())
        if manifest is not None:
            yield str(path.relative_to(folder)), manifest, partial(_read_beside, path)
    for path in sorted(folder.rglob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for inside in sorted(archive.namelist()):
                manifest = _manifest(archive.read(inside)) if inside.endswith(".json") else None
                if manifest is not None:
                    yield f"{path.relative_to(folder)}/{inside}", manifest, partial(_read_in, archive, inside)


def _manifest(text: bytes) -> Json | None:
    """Return the manifest that *text* is, if it is one that can be run."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    kind = found.get("manifest") if isinstance(found, dict) else None
    return found if isinstance(kind, dict) and kind.get("type") in _TYPES else None


def _read_beside(manifest: Path, uri: str) -> bytes:
    return (manifest.parent / uri.removeprefix(_SCHEME).lstrip("/")).read_bytes()


def _read_in(archive: zipfile.ZipFile, manifest: str, uri: str) -> bytes:
    name = posixpath.join(posixpath.dirname(manifest), uri.removeprefix(_SCHEME).lstrip("/"))
    return archive.read(posixpath.normpath(name))


if __name__ == "__main__":
    sys.exit(main())
