"""Names that a package offers and loads when they are first asked for.

A package's ``__init__`` runs before any module in it. What ``import warmkey`` needs of ``warmkey.keyrings`` must not
make it load the keyrings that few functions use, so the public packages of rare things load theirs late.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["load_later"]


def load_later(
    package: str, modules: Mapping[str, tuple[str, ...]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` for *package*.

    :param modules: the public names by the module of *package* that has them
    """
    module_of = {name: module for module, names in modules.items() for name in names}

    def load(name: str) -> object:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = import_module(package)
        value = getattr(import_module(f"{package}.{module_of[name]}"), name)
        setattr(home, name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(import_module(package)), *module_of})

    return load, names
