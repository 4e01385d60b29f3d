"""The options of ``warmkey plan``. The planner itself is an extra, loaded when it is asked for."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from warmkey.cli.argument_types import integer
from warmkey.cli.options import add_quiet
from warmkey.lambda_runtime.settings import ROWS
from warmkey.validation import plausible

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from warmkey.cli.commands import KmsClients

__all__ = ["add_plan"]

_WRONG_COMMAND_LINE = 2
# What the extra installs.
_NEEDED = ("numpy", "matplotlib")
_FORMATS = ("csv", "logs", "azure-2019", "azure-2021", "huawei-2025")


def add_plan(commands: Any) -> None:  # noqa: ANN401 - argparse keeps its type to itself
    """Add the command to the subparsers *commands*."""
    parser = commands.add_parser(
        "plan",
        help="say what cache limits cost, before you deploy them",
        description="Replay a trace on the real cache, or calculate with rates, and say what limits cost, what they "
        "expose, and which ones to choose. Needs the extra plan: python -m pip install '.[plan]' in a "
        "clone of warmkey.",
    )
    parser.set_defaults(command=_run)
    parser.add_argument(
        "traces",
        metavar="FILE",
        nargs="*",
        help="a trace (CSV with columns timestamp, operation, context, bytes, container, data_key), or exported log "
        "lines and CloudTrail events; plain or gzip; - for standard input",
    )
    parser.add_argument("--sample", action="store_true", help="use the made sample trace: 20 writers and 10 readers")
    _add_input(parser.add_argument_group("input"))
    _add_rates(parser.add_argument_group("rates, instead of a file; or to correct what logs say"))
    _add_limits(parser.add_argument_group("limits; the defaults are those of the settings"))
    _add_bounds(parser.add_argument_group("bounds: choose settings and print them as WARMKEY_ variables"))
    _add_money(parser.add_argument_group("prices and quotas"))
    _add_output(parser)


def _add_input(group: Any) -> None:  # noqa: ANN401 - argparse keeps its type to itself
    group.add_argument("--from", dest="format", choices=_FORMATS, help="format of the files; default: as they look")
    group.add_argument(
        "--request-seconds",
        type=_number(0, 900),
        default=0.1,
        metavar="S",
        help="how long a request keeps its container, if the trace names no containers; default: %(default)s",
    )
    group.add_argument(
        "--idle-seconds",
        type=_number(0.001, 1e6),
        default=600.0,
        metavar="S",
        help="how long a container without a request stays warm, likewise; default: %(default)s",
    )
    group.add_argument("--save-trace", metavar="FILE", help="write the trace as CSV, whatever it was made from")


def _add_rates(group: Any) -> None:  # noqa: ANN401 - argparse keeps its type to itself
    group.add_argument("--writes-per-second", type=_number(0, 1e9), default=0.0, metavar="N", help="messages encrypted")
    group.add_argument("--reads-per-second", type=_number(0, 1e9), default=0.0, metavar="N", help="messages decrypted")
    for option, read, metavar, text in (
        (
            "--contexts",
            _contexts,
            "N|S|N,S",
            (
                "number of encryption contexts (1000), or exponent of Zipf's law with a decimal point (1.1, for 1,000 "
                "contexts), or both (5000,1.1); default: 1"
            ),
        ),
        ("--containers", _integer(1, 10**7), "N", "warm containers; default: as many as the rates need"),
        ("--reader-containers", _integer(1, 10**7), "N", "containers that read; default: the same ones"),
        (
            "--container-lifetime",
            _number(0.001, 1e9),
            "S",
            "seconds until a container is replaced, on the mean; default: 7200",
        ),
        (
            "--read-window",
            _number(0.001, 1e9),
            "S",
            "reads are of messages written within so many seconds before; default: 3600",
        ),
        (
            "--branch-keys",
            _integer(1, 10**12),
            "N",
            "branch keys that the contexts share; default: one for each context",
        ),
    ):
        group.add_argument(option, type=read, metavar=metavar, help=text)
    group.add_argument(
        "--bytes", type=_integer(0, 2**50), default=1024, metavar="N", help="bytes of a message; default: %(default)s"
    )
    group.add_argument(
        "--period", type=_number(0.001, 1e9), default=3600.0, metavar="S", help="seconds to count; default: %(default)s"
    )
    group.add_argument(
        "--seed",
        type=_integer(0, 2**32 - 1),
        default=14,
        metavar="N",
        help="seed of what is random; default: %(default)s",
    )


def _add_limits(group: Any) -> None:  # noqa: ANN401 - argparse keeps its type to itself
    for option, setting, read, metavar, text in (
        ("--max-age", "max_age_seconds", _number(1e-9, 1e9), "S", "seconds that a data key may be used for"),
        ("--max-messages", "max_messages_encrypted", _integer(1, 2**32), "N", "messages per data key"),
        ("--max-bytes", "max_bytes_encrypted", _integer(0, 2**63 - 1), "N", "plaintext bytes per data key"),
        ("--capacity", "cache_capacity", _integer(0, 10**9), "N", "entries of a cache"),
        ("--jitter", "max_age_jitter", _number(0, 0.999999), "X", "random share by which lifetimes are shortened"),
        ("--branch-key-ttl", "branch_key_ttl_seconds", _number(1e-9, 1e9), "S", "seconds to use a branch key for"),
    ):
        group.add_argument(
            option, type=read, default=ROWS[setting].default, metavar=metavar, help=f"{text}; default: %(default)s"
        )
    group.add_argument(
        "--strategy",
        choices=("caching", "hierarchical", "both"),
        default="both",
        help="data keys in the caching CMM, branch keys in the hierarchical keyring, or both, side by side; "
        "default: %(default)s",
    )
    group.add_argument(
        "--method",
        choices=("replay", "model", "both"),
        help="replay the trace on the real cache, which is exact; or calculate; default: replay up to 1,000,000 rows",
    )


def _add_bounds(group: Any) -> None:  # noqa: ANN401 - argparse keeps its type to itself
    group.add_argument(
        "--max-lag", type=_number(1e-9, 1e9), metavar="S", help="seconds until a revocation takes effect"
    )
    group.add_argument("--max-dollars", type=_number(0, 1e12), metavar="D", help="dollars a month, in all")
    group.add_argument(
        "--max-keys-exposed", type=_integer(1, 10**9), metavar="N", help="keys in the memory of one container"
    )


def _add_money(group: Any) -> None:  # noqa: ANN401 - argparse keeps its type to itself
    group.add_argument("--region", default="us-east-1", help="Region whose quota counts; default: %(default)s")
    group.add_argument(
        "--quota", type=_number(1e-9, 1e12), metavar="N", help="KMS requests per second; default: of the Region"
    )
    group.add_argument(
        "--prices", metavar="FILE", help="JSON with prices and quotas of your own; see the documentation"
    )
    group.add_argument(
        "--functions",
        type=_integer(1, 10**6),
        default=1,
        metavar="N",
        help="functions that write metrics; default: %(default)s",
    )
    group.add_argument(
        "--messages-per-invocation",
        type=_number(1e-9, 1e9),
        default=1.0,
        metavar="N",
        help="for the price of log lines, one of which sums an invocation up; default: %(default)s",
    )
    group.add_argument(
        "--metrics",
        choices=("summary", "off"),
        default="summary",
        help="WARMKEY_METRICS, for the price of metrics; default: %(default)s",
    )


def _add_output(parser: Any) -> None:  # noqa: ANN401 - argparse keeps its type to itself
    parser.add_argument("--json", metavar="FILE", help="write the plan as JSON")
    parser.add_argument("--html", metavar="FILE", help="write the plan as one page with pictures")
    parser.add_argument(
        "--show-contexts", action="store_true", help="show context labels in the files; default: number them"
    )
    parser.add_argument("--no-grid", action="store_true", help="do not compare other limits")
    add_quiet(parser)


def _run(arguments: argparse.Namespace, _kms_clients: KmsClients) -> int:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing or find_spec("warmkey.plan") is None:
        what = f"{' and '.join(missing)}, which this Python does not have" if missing else "a package that is not here"
        print(  # noqa: T201 - a command's errors go there
            f"warmkey: plan needs {what}; install warmkey with its extra plan, as by "
            "python -m pip install '.[plan]' in a clone of it, outside of the Lambda layer",
            file=sys.stderr,
        )
        return _WRONG_COMMAND_LINE
    # Above this module: it builds on the test kit, and the layer does not contain it.
    code: int = import_module("warmkey.plan.command").run(arguments)
    return code


def _number(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            raise ArgumentTypeError(f"must be a number from {low:g} to {high:g}, not {plausible(text)}")
        return number

    return read


def _integer(low: int, high: int) -> Callable[[str], int]:
    return partial(integer, low=low, high=high)


def _contexts(text: str) -> tuple[int, float]:
    """Return the number of contexts, and the exponent of Zipf's law; 0: evenly."""
    parts = text.split(",")
    if len(parts) == 1 and "." in text:
        return 1000, _number(0, 10)(text)
    if len(parts) > 2:  # noqa: PLR2004 - a number and an exponent
        raise ArgumentTypeError(f"must be a number, an exponent with a decimal point, or both, not {plausible(text)}")
    return _integer(1, 10**12)(parts[0]), _number(0, 10)(parts[1]) if len(parts) > 1 else 0.0
