"""The corpus in the repo: for each target one file, with an input on each line as a Python literal of bytes.

A line under a comment is the input of something that was found; it stays. The others are few, and chosen so that each
reaches a line of warmkey's that the shorter ones before it don't reach.
"""

from __future__ import annotations

import ast
import gc
import sys
from itertools import chain
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType
    from typing import TypeAlias

    from _typeshed import TraceFunction

    from fuzz.target import Target

    Arc: TypeAlias = tuple[str, int, int]

__all__ = ["BUILD", "Arc", "Corpus", "arcs", "candidates", "minimised", "read", "write"]

#: What fuzzing finds out on this machine.
BUILD = Path("build/fuzz")
_FOLDER = Path(__file__).with_name("corpus")
_OURS = str(Path("src", "warmkey"))
# Longer ones are rarely the only ones that reach a line.
_LONGEST = 4_000


class Corpus(NamedTuple):
    """The inputs of a target.

    :ivar found: each with what was wrong about it
    :ivar inputs: the others, the shortest first
    """

    found: list[tuple[str, bytes]]
    inputs: list[bytes]


def read(name: str, folder: Path = _FOLDER) -> Corpus:
    """Return the corpus of a target; an empty one if it has none yet."""
    path = folder / f"{name}.txt"
    corpus, why = Corpus([], []), ""
    for line in path.read_text(encoding="ascii").splitlines() if path.exists() else ():
        if line.startswith("# "):
            why = line[2:]
        elif why:
            corpus.found.append((why, ast.literal_eval(line)))
            why = ""
        else:
            corpus.inputs.append(ast.literal_eval(line))
    return corpus


def write(name: str, corpus: Corpus, folder: Path = _FOLDER) -> None:
    """Write the corpus of a target."""
    found = [f"# {why}\n{data!r}\n" for why, data in corpus.found]
    inputs = [f"{data!r}\n" for data in corpus.inputs]
    (folder / f"{name}.txt").write_text("".join(found + inputs), encoding="ascii")


def candidates(name: str, target: Target, *, count: int, seed: int) -> Iterable[bytes]:
    """Give what a corpus may consist of.

    That is the present one, the seeds, what libFuzzer kept on this machine, and *count* changed inputs.
    """
    source, pool = Random(seed), [*read(name).inputs, *target.seeds()]
    kept = sorted((BUILD / "corpus" / name).glob("*"))
    changed = (target.change(source.choice(pool), source, pool) for _ in range(count))
    return chain(pool, (path.read_bytes() for path in kept), changed)


def minimised(reach: Callable[[bytes], set[Arc]], inputs: Iterable[bytes]) -> list[bytes]:
    """Return those of *inputs* that together reach what all of them reach: one that is needed after another."""
    reached: set[Arc] = set()
    useful: list[tuple[bytes, set[Arc]]] = []
    ordered = sorted({data for data in inputs if len(data) <= _LONGEST}, key=lambda data: (len(data), data))
    for data in ordered:
        new = reach(data)
        if not new <= reached:
            reached |= new
            useful.append((data, new))
    needed: list[bytes] = []
    reached = set()
    for data, own in reversed(useful):  # what later ones reach too needs no line of its own
        if not own <= reached:
            reached |= own
            needed.append(data)
    return needed[::-1]


def arcs(test: Callable[[bytes], None], data: bytes) -> set[Arc]:
    """Return the steps from line to line that *test* makes in warmkey's code with *data*, once that is nothing new."""
    found: set[Arc] = set()

    def on_call(frame: FrameType, _event: str, _argument: object) -> TraceFunction | None:
        name = frame.f_code.co_filename
        if _OURS not in name:
            return None
        last = frame.f_lineno

        def on_line(frame: FrameType, _event: str, _argument: object) -> TraceFunction:
            nonlocal last
            found.add((name, last, frame.f_lineno))
            last = frame.f_lineno
            return on_line

        return on_line

    test(data)
    before, collects = sys.gettrace(), gc.isenabled()
    gc.disable()  # what another input left behind ends later
    sys.settrace(on_call)
    try:
        test(data)
    finally:
        sys.settrace(before)
        if collects:
            gc.enable()
    return found
