"""Offer settings as options of a command, named as the variables: ``--kms-key-arns`` is ``WARMKEY_KMS_KEY_ARNS``.

An option overrides the variable. Where neither is given, the default holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from warmkey.lambda_runtime.settings import PREFIX, ROWS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

__all__ = ["add_settings", "given_settings"]

_DESTINATION = "setting_"


def add_settings(parser: Any, names: Iterable[str]) -> None:  # noqa: ANN401 - argparse keeps its type to itself
    """Add an option for each setting of *names*."""
    group = parser.add_argument_group(
        "settings", f"as the variables {PREFIX}... of the environment, which they override"
    )
    for name in names:
        group.add_argument(
            f"--{name.replace('_', '-')}",
            dest=_DESTINATION + name,
            metavar="VALUE",
            help=ROWS[name].metadata["allowed"].replace("%", "%%"),
        )


def given_settings(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the settings that options give, as ``read_settings`` takes them."""
    return {name: value for name in ROWS if isinstance(value := getattr(arguments, _DESTINATION + name, None), str)}
