"""The options of ``warmkey doctor``."""

from __future__ import annotations

from typing import Any

from warmkey.cli import argument_types as types
from warmkey.cli.options import add_context, add_json
from warmkey.cli.setting_options import add_settings
from warmkey.lambda_runtime.settings import ROWS

__all__ = ["add_doctor"]


def add_doctor(commands_: Any) -> Any:  # noqa: ANN401 - argparse keeps its type to itself
    """Add the command to the others, and return its parser."""
    parser = commands_.add_parser(
        "doctor",
        help="examine settings, packages, network and permissions; changes nothing",
        description="Examine settings, packages, network, permissions, time-outs and the table of branch keys. "
        "Permissions are tried by dry runs, which generate and decrypt nothing. Exit code: 0, 1 for warnings, 2 if "
        "something will fail.",
    )
    add_json(parser)
    add_context(
        parser,
        help_text="a pair of the encryption context that messages have; can be repeated; shown nowhere, and seen by "
        "CloudTrail as that of any request",
    )
    parser.add_argument(
        "--sample",
        action="append",
        default=[],
        metavar="FILE",
        help="a file with a message, or with one message as base64 text or record as JSON per line; - for standard "
        "input; can be repeated",
    )
    parser.add_argument(
        "--function-timeout", type=types.seconds, metavar="SECONDS", help="time-out of the function, to compare with"
    )
    parser.add_argument("--only", choices=["encrypt", "decrypt"], help="the function only encrypts, or only decrypts")
    parser.add_argument("--offline", action="store_true", help="make no request")
    add_settings(parser, ROWS)
    return parser
