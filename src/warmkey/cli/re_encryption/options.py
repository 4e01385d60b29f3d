"""The options of ``warmkey re-encrypt``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from warmkey.cli import argument_types as types
from warmkey.cli.options import (
    add_aws,
    add_commitment_policy,
    add_context,
    add_keys,
    add_max_body_length,
    add_quiet,
)

if TYPE_CHECKING:
    import argparse

__all__ = ["add_re_encrypt"]

_DRY = "Without --write, nothing is changed."


def add_re_encrypt(commands_: Any) -> None:  # noqa: ANN401 - argparse keeps its type to itself
    """Add the command to the parser's *commands_*."""
    parser = commands_.add_parser(
        "re-encrypt",
        help="bring the messages of a DynamoDB table or an S3 prefix under other KMS keys",
        description=f"Bring the messages of a DynamoDB table or an S3 prefix under other KMS keys. {_DRY}",
    )
    stores = parser.add_subparsers(required=True, metavar="STORE")
    _add_table(stores)
    _add_objects(stores)


def _add_table(stores: Any) -> None:  # noqa: ANN401 - as above
    parser = stores.add_parser(
        "dynamodb",
        help="messages in attributes of a table",
        description=f"Bring messages in attributes of a table under other KMS keys. {_DRY}",
    )
    parser.set_defaults(command=_on_table)
    parser.add_argument("--table", required=True, type=types.table_name, metavar="NAME", help="the table")
    parser.add_argument(
        "--attribute",
        action="append",
        type=types.attribute_path,
        metavar="PATH",
        help="an attribute that holds a message, as binary or as base64 text; inside maps and lists as payload.secret "
        "or lines[0].note, with a backslash before a dot or bracket of a name; can be repeated; default: _sealed",
    )
    parser.add_argument(
        "--segment",
        type=types.segment,
        metavar="N/OF",
        help="work on one part of the table, for example 1/4; start the command once for each part",
    )
    _add_common(parser, region="of the table; default: that of the first key", service="KMS and DynamoDB")


def _add_objects(stores: Any) -> None:  # noqa: ANN401 - as above
    parser = stores.add_parser(
        "s3",
        help="messages that are objects of a bucket",
        description=f"Bring messages that are objects of a bucket under other KMS keys. {_DRY}",
    )
    parser.set_defaults(command=_on_objects)
    parser.add_argument("--bucket", required=True, metavar="NAME", help="the bucket")
    parser.add_argument("--prefix", default="", help="how the keys of the objects begin; default: all objects")
    parser.add_argument("--base64", action="store_true", help="the objects are base64 text")
    add_max_body_length(parser)
    _add_common(parser, region="of the bucket; default: as boto3 chooses it", service="KMS and S3")


def _add_common(parser: argparse.ArgumentParser, *, region: str, service: str) -> None:
    add_keys(
        parser,
        "--key-arn",
        required=True,
        help_text="ARN of a KMS key for the new messages; can be repeated: the first key generates data keys, each of "
        "them can decrypt",
    )
    add_keys(
        parser,
        "--from-key-arn",
        help_text="ARN of a KMS key of old messages, besides those of --key-arn; can be repeated",
    )
    parser.add_argument(
        "--from-settings",
        action="store_true",
        help="also read old messages as a function with the WARMKEY_ variables of the environment does: with its KMS "
        "keys, by discovery, and under its branch keys",
    )
    add_context(parser, help_text="a pair that every message must have been encrypted with; can be repeated")
    add_commitment_policy(parser, what="which old messages to read, depending on key commitment; new ones have it")
    parser.add_argument(
        "--max-encrypted-data-keys",
        type=types.count,
        metavar="COUNT",
        help="refuse old messages with more encrypted data keys; default: any number",
    )
    signing = parser.add_mutually_exclusive_group()
    signing.add_argument("--sign", action="store_true", help="sign all new messages; default: those that were signed")
    signing.add_argument("--drop-signatures", action="store_true", help="sign no new message")
    parser.add_argument("--write", action="store_true", help="write; without it, nothing is changed")
    parser.add_argument("--rate", type=types.rate, metavar="N", help="the most items per second; default: no limit")
    parser.add_argument("--state", metavar="FILE", help="a file to remember how far it has come, and to go on from")
    parser.add_argument("--json", action="store_true", help="print each problem and the summary as a JSON object")
    add_quiet(parser)
    add_aws(parser, region=region, service=service)


def _on_table(arguments: argparse.Namespace, kms_clients: Any) -> int:  # noqa: ANN401 - boto3 has no types
    from warmkey.cli.re_encryption import command  # noqa: PLC0415 - few re-encrypt

    return command.on_table(arguments, kms_clients)


def _on_objects(arguments: argparse.Namespace, kms_clients: Any) -> int:  # noqa: ANN401 - boto3 has no types
    from warmkey.cli.re_encryption import command  # noqa: PLC0415 - few re-encrypt

    return command.on_objects(arguments, kms_clients)
