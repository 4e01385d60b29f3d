"""The packages of rare things load a name when it is first asked for, and no sooner."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
PACKAGES = ["warmkey.caches", "warmkey.cmms", "warmkey.keyrings"]

pytestmark = pytest.mark.parametrize("package", PACKAGES)


def loaded_by(program: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys; print(*sys.modules)"],
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return {name for name in done.stdout.split() if name.startswith("warmkey.")}


def test_each_promised_name_is_there_and_documented(package: str) -> None:
    home = import_module(package)

    assert home.__all__ == sorted(home.__all__)
    for name in home.__all__:
        assert getattr(home, name).__doc__
        assert getattr(home, name) is getattr(home, name)


def test_no_other_name_is_made_up(package: str) -> None:
    home = import_module(package)

    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'RawDesKeyring'"):
        _ = home.RawDesKeyring
    assert not hasattr(home, "__wrapped__")


def test_names_are_listed_before_they_are_loaded(package: str) -> None:
    home = import_module(package)

    assert set(home.__all__) <= set(dir(home))


def test_a_star_import_brings_all_of_them(package: str) -> None:
    names: dict[str, object] = {}
    exec(f"from {package} import *", names)

    assert set(import_module(package).__all__) <= names.keys()


def test_classes_are_found_where_they_say_they_are(package: str) -> None:
    home = import_module(package)
    for name in home.__all__:
        thing = getattr(home, name)
        if isinstance(thing, type):
            assert pickle.loads(pickle.dumps(thing)) is thing


def test_to_import_the_package_loads_no_more_than_warmkey_does(package: str) -> None:
    assert loaded_by(f"import {package}") == loaded_by("import warmkey")
