"""What a target is."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from random import Random

__all__ = ["Target"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something that takes bytes from strangers, in the form of a fuzzer's inputs.

    :ivar seeds: inputs to begin with, the same in each process
    :ivar change: returns an input after a few changes that know its form, some of them with parts of other inputs
    :ivar test: raises whatever must not happen, for any bytes
    :ivar world: what has to be open around ``test``
    """

    seeds: Callable[[], list[bytes]]
    change: Callable[[bytes, Random, Sequence[bytes]], bytes]
    test: Callable[[bytes], None]
    world: Callable[[], AbstractContextManager[object]] = nullcontext
