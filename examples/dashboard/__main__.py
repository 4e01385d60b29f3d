"""Draw the dashboard from lines in CloudWatch's embedded metric format: one PNG and one HTML page."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from examples.dashboard.drawing import picture
from examples.dashboard.page import page
from examples.dashboard.points import Metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

_DOCS = Path(__file__).resolve().parents[2] / "docs"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the picture and the page."""
    parser = argparse.ArgumentParser(prog="python -m examples.dashboard", description=__doc__)
    parser.add_argument("metrics", type=Path, help="a file of log lines, for example from the demo's --metrics")
    parser.add_argument("--png", type=Path, default=_DOCS / "dashboard.png", help="the picture to write")
    parser.add_argument("--html", type=Path, default=_DOCS / "dashboard.html", help="the page to write")
    options = parser.parse_args(arguments)
    metrics = Metrics.parse(options.metrics.read_text(encoding="utf-8"))
    picture(metrics, options.png)
    options.html.write_text(page(metrics), encoding="utf-8")
    print(f"{options.png}\n{options.html}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
