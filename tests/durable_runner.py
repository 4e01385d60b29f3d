"""What AWS's runner for tests of durable functions leaves to be done."""

from __future__ import annotations

from typing import Any


def close_loop(runner: Any) -> None:
    """Close the event loop of *runner*, which has stopped.

    Left to the collector, it is complained about wherever the collector happens to come. In Python 3.11 a complaint in
    the middle of ``ast.parse`` makes that fail.
    """
    scheduler = getattr(runner, "_scheduler", None)
    if scheduler is not None:
        scheduler._thread.join(30)
        scheduler._loop.close()
