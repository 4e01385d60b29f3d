"""An environment like Lambda's for each supported Python that this machine has: ``.venv-runtime-3.X``.

And in ``build/wheels`` what functions and other layers may bring beside ours.

usage: python -m tools.runtime_environments
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from layer.bytecode import FETCHED, find_interpreters
from layer.runtimes import HOST, RUNTIMES
from layer.wheels import fetch

_PINS = Path("requirements/runtime.txt")
_NEIGHBOURS = Path("requirements/neighbours.txt")
_INSTALL = Path("tools/environment.sh").resolve()


def main() -> None:
    """Make those that are missing or older than their pins."""
    for interpreter in find_interpreters(RUNTIMES):
        if Path(interpreter.executable).is_relative_to(FETCHED):
            continue  # it has what it needs, and can't make environments
        environment = f".venv-runtime-{interpreter.runtime}"
        installed = Path(environment, ".installed")
        if not installed.exists() or installed.stat().st_mtime < _PINS.stat().st_mtime:
            subprocess.run([_INSTALL, "runtime", interpreter.executable, environment], check=True)
    try:
        fetch(_NEIGHBOURS, HOST, Path("build/wheels"))
    except subprocess.CalledProcessError:
        print(f"what {_NEIGHBOURS} pins could not be downloaded; what needs it will be skipped")


if __name__ == "__main__":
    main()
