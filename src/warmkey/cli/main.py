"""Parse the arguments of ``warmkey``, print errors, and return exit codes.

0: success. 1: the message is damaged, or encrypting or decrypting failed; standard error says why. 2: the command line
is wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

from warmkey.cli import argument_types as types
from warmkey.cli import commands
from warmkey.cli.doctor_options import add_doctor
from warmkey.cli.files import same_file
from warmkey.cli.options import (
    add_aws,
    add_commitment_policy,
    add_context,
    add_json,
    add_keys,
    add_max_body_length,
    add_quiet,
)
from warmkey.cli.plan import add_plan
from warmkey.cli.policy import add_policy
from warmkey.cli.re_encryption.options import add_re_encrypt
from warmkey.cli.wording import in_words_of_the_command
from warmkey.client_apis.client import DEFAULT_FRAME_LENGTH
from warmkey.exceptions import WarmkeyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from warmkey.cli.commands import KmsClients

__all__ = ["main"]

_FAILED = 1
_INTERRUPTED = 130


def main(
    arguments: Sequence[str] | None = None,
    *,
    kms_clients: KmsClients | None = None,
    dynamodb_clients: KmsClients | None = None,
    s3_clients: KmsClients | None = None,
) -> int:
    """Run a command and return its exit code.

    :param arguments: used instead of the arguments of the process
    :param kms_clients: makes a KMS client for a Region; the default uses boto3
    :param dynamodb_clients: the same for DynamoDB
    :param s3_clients: the same for S3
    """
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # for text that the terminal's encoding lacks
    parser = _parser()
    parsed = parser.parse_args(arguments)
    if same_file(parsed.input, parsed.output):
        parser.error(
            f"{parsed.output} is the input too; write to another file, so that a copy is left if anything fails"
        )
    parsed.dynamodb_clients = dynamodb_clients or _clients_of("dynamodb", parsed)
    parsed.s3_clients = s3_clients or _clients_of("s3", parsed)
    try:
        code: int = parsed.command(parsed, kms_clients or _clients_of("kms", parsed))
    except BrokenPipeError:
        # The reader of our output has closed the pipe; without this, Python reports the error again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    except (WarmkeyError, OSError) as error:
        print(f"warmkey: {in_words_of_the_command(error)}", file=sys.stderr)  # noqa: T201 - a command's errors go there
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    return code


def _clients_of(service: str, arguments: argparse.Namespace) -> KmsClients:
    def client(region: str | None) -> Any:  # noqa: ANN401 - boto3 has no types
        from warmkey.lambda_runtime.wiring import aws_client, client_maker  # noqa: PLC0415 - inspecting needs no boto3

        make = partial(client_maker(arguments.profile), endpoint_url=arguments.endpoint_url)
        config = getattr(arguments, "config", None)
        return aws_client(service, region or arguments.region, config=config, make=make)

    return client


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="warmkey",
        description="Encrypt, decrypt and inspect messages in the format of the AWS Encryption SDK.",
        allow_abbrev=False,
    )
    # warmkey itself, which has run before any module of it, is above this one.
    version = import_module("warmkey").__version__
    parser.add_argument("--version", action="version", version=f"warmkey {version}")
    # Of the commands that are not between two files.
    parser.set_defaults(input=None, output=None)
    commands_ = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_inspect(commands_)
    _add_encrypt(commands_)
    _add_decrypt(commands_)
    _add_keystore(commands_)
    add_policy(commands_)
    add_re_encrypt(commands_)
    _add_doctor(commands_)
    add_plan(commands_)
    return parser


def _add_inspect(commands_: Any) -> None:  # noqa: ANN401 - argparse keeps its type to itself
    parser = commands_.add_parser(
        "inspect",
        help="show what a message contains and where it is damaged; needs no key",
        description="Show what a message contains and where it is damaged. Needs no key, so it authenticates nothing.",
    )
    parser.set_defaults(command=commands.inspect)
    parser.add_argument("input", metavar="FILE", help="the file to read; - for standard input")
    add_json(parser)
    parser.add_argument("--base64", action="store_true", help="the message is base64 text")


def _add_encrypt(commands_: Any) -> None:  # noqa: ANN401 - argparse keeps its type to itself
    parser = commands_.add_parser(
        "encrypt",
        help="encrypt a file with a KMS key",
        description="Encrypt a file with a KMS key. OUT appears when it is complete.",
    )
    parser.set_defaults(command=commands.encrypt)
    _add_common(
        parser,
        key=types.kms_identifier,
        key_help="ARN of a KMS key; can be repeated: the first key generates the data key, each of them can decrypt it",
        pair=types.pair,
        context="stored unencrypted in the message",
    )
    parser.add_argument(
        "--suite",
        type=types.suite,
        help="name or ID of the algorithm suite; default: the one of the commitment policy, which signs",
    )
    parser.add_argument(
        "--frame-length",
        type=types.frame_length,
        default=DEFAULT_FRAME_LENGTH,
        metavar="BYTES",
        help="plaintext bytes per frame, or auto, which is faster for large files; default: %(default)s",
    )
    parser.add_argument("--base64", action="store_true", help="write the message as base64 text")


def _add_decrypt(commands_: Any) -> None:  # noqa: ANN401 - argparse keeps its type to itself
    parser = commands_.add_parser(
        "decrypt",
        help="decrypt a file with a KMS key",
        description="Decrypt a file with a KMS key. OUT appears when all of it is verified.",
    )
    parser.set_defaults(command=commands.decrypt)
    _add_common(
        parser,
        key=types.key_arn,
        key_help="ARN of a KMS key that may decrypt the message; not an alias, because messages name the ARN of the "
        "key; can be repeated: one of them is enough",
        pair=types.pair_to_expect,
        context="the message must contain it",
    )
    parser.add_argument("--base64", action="store_true", help="the message is base64 text")
    parser.add_argument(
        "--unsigned-only",
        action="store_true",
        help="refuse signed messages, which must be held back until they are verified",
    )
    parser.add_argument(
        "--max-encrypted-data-keys",
        type=types.count,
        metavar="COUNT",
        help="refuse messages with more encrypted data keys; default: any number",
    )
    add_max_body_length(parser)


def _add_keystore(commands_: Any) -> None:  # noqa: ANN401 - argparse keeps its type to itself
    parser = commands_.add_parser(
        "keystore",
        help="create, rotate and list the branch keys of a DynamoDB table",
        description="Create, rotate and list the branch keys of a DynamoDB table. Prints nothing secret.",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    _add_action(actions, "create-table", "create the table unless it exists")
    _add_action(actions, "list", "list the branch keys")
    show = _add_action(actions, "show", "show a branch key and its versions")
    show.add_argument("branch_key_id", metavar="ID", help="the branch key")
    create = _add_action(actions, "create", "create a branch key and print its ID")
    create.add_argument("--id", metavar="ID", help="an ID of your own, which needs --context; default: a UUID")
    add_context(
        create,
        help_text="a pair of the branch key's encryption context, stored unencrypted in the table; can be repeated",
    )
    rotate = _add_action(actions, "rotate", "make a new version of branch keys")
    rotate.add_argument("branch_key_id", metavar="ID", nargs="+", help="a branch key")
    for writer in (create, rotate):
        writer.add_argument("--logical-name", metavar="NAME", help="logical name; default: the name of the table")
        key = writer.add_mutually_exclusive_group(required=True)
        key.add_argument(
            "--kms-key-arn", type=types.key_arn, metavar="ARN", help="ARN of the KMS key that protects the branch keys"
        )
        key.add_argument(
            "--kms-mrk-key-arn", type=types.key_arn, metavar="ARN", help="the same, which may be a replica of that key"
        )


def _add_doctor(commands_: Any) -> None:  # noqa: ANN401 - argparse keeps its type to itself
    parser = add_doctor(commands_)
    parser.set_defaults(command=_doctor)
    add_aws(parser, region="of the function; default: AWS_REGION", service="both KMS and DynamoDB")


def _doctor(arguments: argparse.Namespace, kms_clients: KmsClients) -> int:
    from warmkey.cli.doctor import doctor  # noqa: PLC0415 - few commands examine anything

    return doctor(arguments, kms_clients)


def _add_action(actions: Any, name: str, help_text: str) -> Any:  # noqa: ANN401 - argparse keeps its type to itself
    parser = actions.add_parser(name, help=help_text, description=f"{help_text[0].upper()}{help_text[1:]}.")
    parser.set_defaults(command=partial(_keystore, name))
    parser.add_argument("--table", required=True, type=types.table_name, metavar="NAME", help="the DynamoDB table")
    add_aws(
        parser,
        region="of the table, and of the KMS key if one is given; default: as boto3 chooses it",
        service="both KMS and DynamoDB",
    )
    add_json(parser)
    add_quiet(parser)
    return parser


def _keystore(name: str, arguments: argparse.Namespace, kms_clients: KmsClients) -> int:
    from warmkey.cli import keystore  # noqa: PLC0415 - few manage branch keys

    actions = {
        "create-table": keystore.create_table,
        "list": keystore.list_branch_keys,
        "show": keystore.show,
        "create": keystore.create,
        "rotate": keystore.rotate,
    }
    return actions[name](arguments, kms_clients)


def _add_common(
    parser: argparse.ArgumentParser,
    *,
    key: Callable[[str], str],
    key_help: str,
    pair: Callable[[str], tuple[str, str]],
    context: str,
) -> None:
    add_keys(parser, "--key-arn", read=key, required=True, help_text=key_help)
    add_context(parser, read=pair, help_text=f"a pair of the encryption context; can be repeated; {context}")
    add_commitment_policy(parser, what="which messages to write and read, depending on key commitment")
    add_aws(parser, region="of key IDs and aliases; an ARN names its own; default: as boto3 chooses it", service="KMS")
    add_quiet(parser)
    parser.add_argument("input", metavar="IN", help="the file to read; - for standard input")
    parser.add_argument("output", metavar="OUT", help="the file to write or replace; - for standard output")
