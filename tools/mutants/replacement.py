"""Bring a mutation into a process: into functions that are loaded already, or into a module that is yet to load."""

from __future__ import annotations

import gc
import importlib.machinery
import importlib.util
import sys
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec
    from pathlib import Path

__all__ = ["break_import", "replace_functions"]


def replace_functions(path: Path, broken: str) -> bool:
    """Give the loaded functions of *path* the code that they have in *broken*; return whether any has changed.

    Where none has, the mutation is of what runs when the module loads.
    """
    named = {_place(code): code for code in _codes(compile(broken, path, "exec", dont_inherit=True))}
    changed = False
    for each in gc.get_objects():
        if type(each) is not FunctionType or each.__code__.co_filename != str(path):
            continue
        new = named.get(_place(each.__code__), each.__code__)
        if new != each.__code__ and new.co_freevars == each.__code__.co_freevars and each.__name__ != "<lambda>":
            each.__code__ = new
            changed = True
    return changed


def _place(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


def _codes(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _codes(each)


class _Broken(importlib.machinery.SourceFileLoader):
    """Find one module, and load it as something else; every other module is left to others."""

    def __init__(self, fullname: str, path: Path, broken: str) -> None:
        super().__init__(fullname, str(path))
        self._broken = broken

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        return (
            importlib.util.spec_from_file_location(fullname, self.path, loader=self) if fullname == self.name else None
        )

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - the loader's signature
        return compile(self._broken, self.path, "exec", dont_inherit=True)


def break_import(module: str, path: Path, broken: str) -> None:
    """Let *module* be imported as *broken* in this process; every other module is imported as ever.

    :raises RuntimeError: if the module is loaded already, and would stay whole
    """
    if module in sys.modules:
        raise RuntimeError(f"{module} must not be loaded before it is broken")
    sys.meta_path.insert(0, _Broken(module, path, broken))
