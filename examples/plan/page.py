"""Update docs/choosing-limits.md: run its commands, put their output below them, and draw its pictures.

python -m examples.plan.page
"""

from __future__ import annotations

import io
import shlex
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from examples.plan.pictures import draw
from warmkey.cli.main import main as warmkey

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PAGE", "main", "updated"]

PAGE = Path(__file__).parents[2] / "docs" / "choosing-limits.md"
_COMMAND = "$ warmkey "


def updated(page: str) -> str:
    """Return *page* with the output of each command below it."""
    return "".join(_lines(page.splitlines(keepends=True)))


def _lines(lines: list[str]) -> Iterator[str]:
    shown = iter(lines)
    for line in shown:
        if line.startswith(_COMMAND):
            yield from (line, "\n", output_of(line), "```\n")
            for old in shown:  # the output as it was
                if old == "```\n":
                    break
        else:
            yield line


def output_of(command: str) -> str:
    """Return what a command line that begins with ``$ warmkey`` prints."""
    with redirect_stdout(io.StringIO()) as output:
        warmkey([*shlex.split(command.removeprefix(_COMMAND)), "--quiet"])
    return output.getvalue()


def main() -> None:
    """Write the page and its pictures again."""
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    draw(PAGE.parent / "pictures")


if __name__ == "__main__":
    main()
