"""An environment like Lambda's for each supported Python that this machine has: ``.venv-runtime-3.X``.

And in ``build/wheels`` what functions and other layers may bring beside ours.

usage: python -m tools.runtime_environments
"""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

from layer.bytecode import find_interpreters
from layer.wheels import RUNTIMES, fetch

_PINS = Path("requirements/runtime.txt")
_NEIGHBOURS = Path("requirements/neighbours.txt")
_INSTALL = Path("tools/environment.sh").resolve()


def main() -> None:
    """Make those that are missing or older than their pins."""
    for interpreter in find_interpreters(RUNTIMES):
        environment = f".venv-runtime-{interpreter.runtime}"
        installed = Path(environment, ".installed")
        if not installed.exists() or installed.stat().st_mtime < _PINS.stat().st_mtime:
            subprocess.run([_INSTALL, "runtime", interpreter.executable, environment], check=True)
    try:
        fetch(_NEIGHBOURS, "arm64" if platform.machine() == "aarch64" else "x86_64", Path("build/wheels"))
    except subprocess.CalledProcessError:
        print(f"what {_NEIGHBOURS} pins could not be downloaded; what needs it will be skipped")


if __name__ == "__main__":
    main()
