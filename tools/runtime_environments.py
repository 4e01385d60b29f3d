"""An environment like Lambda's for each supported Python that this machine has: ``.venv-runtime-3.X``.

usage: python -m tools.runtime_environments
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from layer.bytecode import find_interpreters
from layer.wheels import RUNTIMES

_PINS = Path("requirements/runtime.txt")
_INSTALL = Path("tools/environment.sh").resolve()


def main() -> None:
    """Make those that are missing or older than their pins."""
    for interpreter in find_interpreters(RUNTIMES):
        environment = f".venv-runtime-{interpreter.runtime}"
        installed = Path(environment, ".installed")
        if not installed.exists() or installed.stat().st_mtime < _PINS.stat().st_mtime:
            subprocess.run([_INSTALL, "runtime", interpreter.executable, environment], check=True)


if __name__ == "__main__":
    main()
