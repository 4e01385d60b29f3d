"""Bytecode is found by the runtime that it is for; whether it is compared with its source can be chosen."""

from __future__ import annotations

import importlib.util
import marshal
import sys
from typing import TYPE_CHECKING

import pytest

from layer import bytecode
from layer.bytecode import Interpreter, compile_sources, find_interpreters
from layer.runtimes import HOST

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
    compiled = compile_sources(SOURCES, [THIS], checked=False)

    expected = {f"__pycache__/a.{TAG}.pyc", f"p/__pycache__/__init__.{TAG}.pyc", f"p/__pycache__/b.{TAG}.pyc"}
    assert set(compiled) == expected


@pytest.mark.parametrize(("checked", "flags"), [(False, 0b01), (True, 0b11)])
def test_the_runtime_checks_it_against_the_source_if_asked_to(checked: bool, flags: int) -> None:
    header = compile_sources(SOURCES, [THIS], checked=checked)[f"__pycache__/a.{TAG}.pyc"][:8]

    assert header == importlib.util.MAGIC_NUMBER + flags.to_bytes(4, "little")


def test_tracebacks_name_the_place_in_lambda() -> None:
    code = marshal.loads(compile_sources(SOURCES, [THIS], checked=False)[f"p/__pycache__/b.{TAG}.pyc"][16:])

    assert code.co_filename == "/opt/python/p/b.py"


def test_the_same_source_gives_the_same_bytes() -> None:
    first, second = (compile_sources(SOURCES, [THIS], checked=True) for _ in range(2))

    assert first == second


def test_without_interpreters_there_is_none() -> None:
    assert compile_sources(SOURCES, [], checked=True) == {}


def test_an_interpreter_is_found_by_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"python{THIS.runtime}").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert [found.version for found in find_interpreters([THIS.runtime])] == [THIS.version]


def test_one_that_was_fetched_is_found_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = tmp_path / f"{THIS.runtime}-{HOST}" / "bin" / f"python{THIS.runtime}"
    fetched.parent.mkdir(parents=True)
    fetched.symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    monkeypatch.setattr(bytecode, "FETCHED", tmp_path)

    assert [found.executable for found in find_interpreters([THIS.runtime])] == [str(fetched)]


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
    monkeypatch.setattr(bytecode, "FETCHED", tmp_path)

    assert find_interpreters(["3.14"]) == []
