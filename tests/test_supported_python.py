"""An old Python is told in one sentence what is needed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from layer.runtimes import RUNTIMES
from warmkey.supported_python import OLDEST, require

ROOT = Path(__file__).parents[1]
# As it stands in Lambda's answer, too.
SENTENCE = "warmkey needs Python 3.11 or later, not {}: give the function a newer runtime, such as python3.13"


@pytest.mark.parametrize("version", [(3, 8), (3, 9), (3, 10)])
def test_an_older_python_is_refused_by_name(version: tuple[int, int]) -> None:
    with pytest.raises(ImportError, match=SENTENCE.format("{}.{}".format(*version))):
        require(version)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_runtime_of_the_layer_is_new_enough(runtime: str) -> None:
    require(tuple(map(int, runtime.split("."))))


def test_the_oldest_is_the_first_runtime_of_the_layer() -> None:
    assert RUNTIMES[0] == "{}.{}".format(*OLDEST)


def executable(version: str) -> str:
    """An old Python that starts, wherever this machine keeps such."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    folders = [*map(Path, os.get_exec_path()), *(path / "bin" for path in sorted(pyenv.glob(f"{version}.*")))]
    for path in [folder / f"python{version}" for folder in folders]:
        if path.exists():
            done = subprocess.run([path, "-c", ""], capture_output=True, timeout=60, check=False)
            if done.returncode == 0:
                return str(path)
    pytest.skip(f"no Python {version} is here")


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10"])
def test_importing_it_ends_with_that_sentence(version: str) -> None:
    done = subprocess.run(
        [executable(version), "-c", "import warmkey"],
        env={"PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.defpath},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"ImportError: {SENTENCE.format(version)}")
