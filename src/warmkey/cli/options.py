"""Options that several commands have."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from warmkey.algorithm_suites import CommitmentPolicy
from warmkey.cli import argument_types as types
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "AddKey",
    "AddPair",
    "add_aws",
    "add_commitment_policy",
    "add_context",
    "add_json",
    "add_keys",
    "add_max_body_length",
    "add_quiet",
]


def add_commitment_policy(parser: argparse.ArgumentParser, *, what: str) -> None:
    """Add ``--commitment-policy``, which says *what*."""
    parser.add_argument(
        "--commitment-policy",
        choices=[policy.name for policy in CommitmentPolicy],
        default=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT.name,
        help=f"{what}; default: %(default)s",
    )


def add_aws(parser: argparse.ArgumentParser, *, region: str, service: str) -> None:
    """Add the options that say which account, Region and endpoint.

    :param region: what ``--region`` is the Region of, and its default
    :param service: what ``--endpoint-url`` is the endpoint of
    """
    aws = parser.add_argument_group("AWS")
    aws.add_argument("--profile", help="profile of the AWS configuration files; default: as boto3 chooses it")
    aws.add_argument("--region", help=f"Region {region}")
    aws.add_argument("--endpoint-url", metavar="URL", help=f"endpoint of {service}; default: that of the Region")


def add_keys(
    parser: argparse.ArgumentParser,
    option: str,
    *,
    read: Callable[[str], str] = types.key_arn,
    required: bool = False,
    help_text: str,
) -> None:
    """Add an *option* that collects KMS keys."""
    parser.add_argument(option, action=AddKey, type=read, default=[], required=required, metavar="ARN", help=help_text)


def add_context(
    parser: argparse.ArgumentParser, *, read: Callable[[str], tuple[str, str]] = types.pair, help_text: str
) -> None:
    """Add ``--context``, which collects pairs of an encryption context."""
    parser.add_argument("--context", action=AddPair, type=read, default=[], metavar="KEY=VALUE", help=help_text)


def add_max_body_length(parser: argparse.ArgumentParser) -> None:
    """Add ``--max-body-length``."""
    parser.add_argument(
        "--max-body-length",
        type=types.count,
        metavar="BYTES",
        help="refuse longer frames and non-framed bodies, because they are held in memory; default: 64 MiB",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print the result as a JSON object")


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Add ``--quiet``."""
    parser.add_argument("--quiet", action="store_true", help="do not show progress on standard error")


@safe_repr
class AddKey(argparse.Action):
    """Collect keys, and refuse one that is repeated."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,  # noqa: ANN401 - argparse's
        option_string: str | None = None,
    ) -> None:
        """Add a key."""
        keys = getattr(namespace, self.dest)
        if values in keys:
            parser.error(f"{option_string} has {values!r} twice")
        setattr(namespace, self.dest, [*keys, values])


@safe_repr
class AddPair(argparse.Action):
    """Collect pairs, and refuse a key that is repeated."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,  # noqa: ANN401 - argparse's
        option_string: str | None = None,
    ) -> None:
        """Add a pair."""
        del option_string
        pairs = getattr(namespace, self.dest)
        if values[0] in dict(pairs):
            parser.error(f"--context has the key {values[0]!r} twice")
        setattr(namespace, self.dest, [*pairs, values])
