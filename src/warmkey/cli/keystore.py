"""``warmkey keystore``: create the table of branch keys, create, rotate, list and show branch keys.

Nothing secret is printed, and no value of a branch key's encryption context.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from warmkey.branch_keys import BranchKeyStore
from warmkey.branch_keys.dynamodb_requests import DynamoDbRequests
from warmkey.branch_keys.listing import ListedBranchKey, listed
from warmkey.branch_keys.names import check_branch_key_id, check_table_name
from warmkey.branch_keys.table import Table
from warmkey.exceptions import KeyUnavailable
from warmkey.keyrings.aws_kms_key_arn import region_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from warmkey.branch_keys.items import Attributes
    from warmkey.cli.commands import KmsClients

__all__ = ["create", "create_table", "list_branch_keys", "rotate", "show"]


def create_table(arguments: argparse.Namespace, _kms_clients: KmsClients) -> int:
    """Create the table unless it is there."""
    arn = _table(arguments).create()
    _print(arguments, {"table_arn": arn}, [arn, "A new table can be used in a few seconds."])
    return 0


def create(arguments: argparse.Namespace, kms_clients: KmsClients) -> int:
    """Create a branch key."""
    branch_key_id = _store(arguments, kms_clients).create_key(arguments.id, dict(arguments.context))
    _print(arguments, {"branch_key_id": branch_key_id}, [branch_key_id])
    return 0


def rotate(arguments: argparse.Namespace, kms_clients: KmsClients) -> int:
    """Rotate branch keys, one after the other; the first that fails ends it, and what was rotated is printed anyway."""
    store, table = _store(arguments, kms_clients), _table(arguments)
    rotated: list[dict[str, str | None]] = []
    try:
        for number, branch_key_id in enumerate(arguments.branch_key_id, 1):
            _progress(arguments, f"rotating {number} of {len(arguments.branch_key_id)}")
            store.version_key(branch_key_id)
            rotated.append({"branch_key_id": branch_key_id, "active_version": None})
            rotated[-1]["active_version"] = _found(table, branch_key_id, arguments.table).active_version
    finally:
        _progress(arguments, "")
        if rotated:
            lines = [f"{each['branch_key_id']}  version {each['active_version'] or 'not known'}" for each in rotated]
            _print(arguments, {"rotated": rotated}, lines)
    return 0


def list_branch_keys(arguments: argparse.Namespace, _kms_clients: KmsClients) -> int:
    """List the branch keys of the table."""
    found = listed(_counted(arguments, _table(arguments).scan()))
    lines = [_line(each) for each in found] or ["no branch keys"]
    _print(arguments, {"branch_keys": [asdict(each) for each in found]}, lines)
    return 0


def show(arguments: argparse.Namespace, _kms_clients: KmsClients) -> int:
    """Show one branch key with all its versions."""
    branch_key_id = check_branch_key_id(arguments.branch_key_id)
    found = _found(_table(arguments), branch_key_id, arguments.table)
    _print(arguments, asdict(found), _lines(found))
    return 0


def _found(table: Table, branch_key_id: str, name: str) -> ListedBranchKey:
    for each in listed(table.query(branch_key_id)):
        return each
    raise KeyUnavailable(f"table {name!r} has no branch key {branch_key_id!r}")


def _line(found: ListedBranchKey) -> str:
    versions = f"{len(found.versions)} version{'' if len(found.versions) == 1 else 's'}"
    return f"{found.branch_key_id}  active {found.active_version or 'none'}  {found.created or '-'}  {versions}"


def _lines(found: ListedBranchKey) -> Iterator[str]:
    yield f"branch key        {found.branch_key_id}"
    yield f"KMS key           {found.kms_key_arn or '-'}"
    yield f"context keys      {', '.join(found.encryption_context_keys) or 'none'}"
    yield f"hierarchy version {found.hierarchy_version or '-'}"
    yield f"beacon key        {'yes' if found.has_beacon_key else 'missing'}"
    for version in found.versions:
        active = "  active" if version.version == found.active_version else ""
        yield f"    {version.version}  {version.created}{active}"


def _store(arguments: argparse.Namespace, kms_clients: KmsClients) -> BranchKeyStore:
    arn = arguments.kms_key_arn or arguments.kms_mrk_key_arn
    return BranchKeyStore(
        arguments.table,
        logical_key_store_name=arguments.logical_name,
        kms_key_arn=arguments.kms_key_arn,
        kms_mrk_key_arn=arguments.kms_mrk_key_arn,
        kms_client=kms_clients(region_of(arn)),
        dynamodb_client=arguments.dynamodb_clients(_region(arguments)),
    )


def _table(arguments: argparse.Namespace) -> Table:
    client = arguments.dynamodb_clients(_region(arguments))
    return Table(DynamoDbRequests(client), check_table_name(arguments.table))


def _region(arguments: argparse.Namespace) -> str | None:
    """Return the Region of the table: as told, or that of the KMS key, or the one that boto3 is configured for."""
    arn = getattr(arguments, "kms_key_arn", None) or getattr(arguments, "kms_mrk_key_arn", None)
    region: str | None = arguments.region or (region_of(arn) if arn else None)
    return region


def _counted(arguments: argparse.Namespace, items: Iterable[Attributes]) -> Iterator[Attributes]:
    for number, item in enumerate(items, 1):
        if number % 100 == 0:
            _progress(arguments, f"{number:,} items")
        yield item
    _progress(arguments, "")


def _progress(arguments: argparse.Namespace, text: str) -> None:
    if not arguments.quiet and sys.stderr.isatty():
        print(f"\r{text:<40}{'' if text else chr(13)}", end="", file=sys.stderr, flush=True)  # noqa: T201 - a command's


def _print(arguments: argparse.Namespace, report: dict[str, Any], lines: Iterable[str]) -> None:
    """Print *report* as JSON, or *lines*: what stands in them comes from the table, from whoever can write it."""
    text = json.dumps(report, indent=2) if arguments.json else "\n".join(map(_legible, lines))
    print(text)  # noqa: T201 - what the command is for


def _legible(line: str) -> str:
    """Return *line* with what is not printable, such as a terminal's escape sequence, as Python writes it."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)
