"""Everything at once for as long as you like: threads, expiry, faults, purges, forks. Then the books must balance.

    python -m tests.stress.soak --seconds 60 --threads 8 --seed 1 --parts messages,branch-keys,helpers

It runs rounds of each part in turn until the time is up: messages over caching CMMs, messages under branch keys that
are rotated, and the helpers with records, tokens and event loops. What is done follows from the seed, in which order
from the machine. After each round the books are compared with what the fakes counted, and every message is read again.
Memory must not grow from round to round.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import os
import resource
import time
from collections import Counter
from statistics import median
from typing import TYPE_CHECKING

from tests.interop.peers import PythonPeer
from tests.stress import soak_branch_keys, soak_helpers, soak_messages
from tests.stress.many_contexts import resident_megabytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PARTS = {"messages": soak_messages.play, "branch-keys": soak_branch_keys.play, "helpers": soak_helpers.play}
# What the allocator keeps or gives back between rounds is less than that.
ALLOWED_MEGABYTES = 25
ROUNDS_THAT_TELL = 30


def soak(
    seconds: float,
    *,
    threads: int,
    operations: int,
    seed: int,
    say: Callable[[str], object],
    parts: Sequence[str] = tuple(PARTS),
) -> Counter[str]:
    """Rounds of each part until *seconds* have passed, at least one of each; what they counted together.

    :raises AssertionError: something did not hold; the text begins with the round's seed
    """
    peer, until, totals, resident = PythonPeer(), time.monotonic() + seconds, Counter[str](), list[float]()
    for number in itertools.count():
        part = parts[number % len(parts)]
        try:
            summary = PARTS[part](seed + number, threads=threads, operations=operations, peer=peer)
        except AssertionError as error:
            raise AssertionError(f"seed {seed + number}, {part}: {error}") from error
        totals.update(summary.counts, rounds=1)
        gc.collect()
        resident.append(resident_megabytes())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        say(f"round {number}, {part}: {summary}, {resident[-1]:.0f} MB, peak {peak} MB")
        if time.monotonic() >= until and number + 1 >= len(parts):
            say(f"resident memory: {check_memory(resident)}")
            return totals
    raise AssertionError  # pragma: no cover - the loop has no end of its own


def check_memory(resident: Sequence[float]) -> str:
    """How many megabytes there were early and late in the soak.

    :raises AssertionError: many more in the last fifth of its rounds than in the second
    """
    fifth = max(len(resident) // 5, 1)
    early, late = median(resident[fifth : 2 * fifth] or resident), median(resident[-fifth:])
    if len(resident) >= ROUNDS_THAT_TELL and late - early > ALLOWED_MEGABYTES:
        raise AssertionError(f"memory grew from {early:.0f} to {late:.0f} MB over {len(resident)} rounds")
    return f"{early:.0f} MB in the second fifth of the rounds, {late:.0f} MB in the last"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.stress.soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--operations", type=int, default=300, help="per thread and round")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--parts", type=_parts, default=list(PARTS), help=f"any of {','.join(PARTS)}")
    options = parser.parse_args()
    _say(f"seed {options.seed}")
    totals = soak(
        options.seconds,
        threads=options.threads,
        operations=options.operations,
        seed=options.seed,
        say=_say,
        parts=options.parts,
    )
    _say(", ".join(f"{count} {what}" for what, count in totals.items()))
    _say("every message was counted, within its limits, and readable; the books balance")


def _parts(text: str) -> list[str]:
    parts = text.split(",")
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"must be parts of {','.join(PARTS)}, not {','.join(unknown)}")
    return parts


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command line's output


if __name__ == "__main__":
    main()
