"""``warmkey`` as a function that returns whatever the process would end with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from warmkey.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["exit_code"]


def exit_code(arguments: Sequence[str], **clients: Any) -> int:
    """Run the command; argparse's own exits count too."""
    try:
        return main(arguments, **clients)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1
