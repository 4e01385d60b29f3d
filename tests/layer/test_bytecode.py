"""Bytecode is found by the runtime that it is for, and never compared with its source."""

from __future__ import annotations

import importlib.util
import marshal
import sys
from typing import TYPE_CHECKING

import pytest

from layer.bytecode import Interpreter, compile_sources, find_interpreters

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = {"a.py": b"x = 1\n", "p/__init__.py": b"", "p/b.py": b"def f():\n    return [1, 'two', 3.0]\n"}
THIS = Interpreter(
    executable=sys.executable,
    runtime="{}.{}".format(*sys.version_info),
    version="{}.{}.{}".format(*sys.version_info),
)
TAG = sys.implementation.cache_tag


def test_there_is_one_file_for_each_source_beside_it() -> None:
    compiled = compile_sources(SOURCES, [THIS])

    expected = {f"__pycache__/a.{TAG}.pyc", f"p/__pycache__/__init__.{TAG}.pyc", f"p/__pycache__/b.{TAG}.pyc"}
    assert set(compiled) == expected


def test_the_runtime_never_checks_it_against_the_source() -> None:
    header = compile_sources(SOURCES, [THIS])[f"__pycache__/a.{TAG}.pyc"][:8]

    assert header == importlib.util.MAGIC_NUMBER + (0b01).to_bytes(4, "little")


def test_tracebacks_name_the_place_in_lambda() -> None:
    code = marshal.loads(compile_sources(SOURCES, [THIS])[f"p/__pycache__/b.{TAG}.pyc"][16:])

    assert code.co_filename == "/opt/python/p/b.py"


def test_the_same_source_gives_the_same_bytes() -> None:
    assert compile_sources(SOURCES, [THIS]) == compile_sources(SOURCES, [THIS])


def test_without_interpreters_there_is_none() -> None:
    assert compile_sources(SOURCES, []) == {}


def test_an_interpreter_is_found_by_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"python{THIS.runtime}").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert [found.version for found in find_interpreters([THIS.runtime])] == [THIS.version]


@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 127\n", "#!/bin/sh\necho 3.1 3.1.4\n", "no program at all"])
def test_a_shim_that_starts_nothing_or_something_else_is_no_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    shim = tmp_path / "python3.14"
    shim.write_text(script)
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))

    assert find_interpreters(["3.14"]) == []
