"""`make fuzz`: as long as asked, guided by coverage where atheris is installed, at random where it is not.

    python -m fuzz [--target real|gullible|both] [--seconds 20] [--seed 0]

A finding ends it with the traceback; the bytes are in build/fuzz.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import subprocess
import sys
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

BUILD = Path("build/fuzz")


def main() -> int:
    """Run what the command line asks for; the exit status."""
    options = parsed_options()
    if options.target == "both":
        return run_each(options)
    if importlib.util.find_spec("atheris") is not None:
        guided(options.target, options.seconds, options.seed)
    else:
        print("atheris is not installed (it comes for x86_64 only): going on at random, without guidance")
        at_random(options.target, options.seconds, options.seed)
    return 0


def parsed_options() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="make fuzz", description="Fuzz the decryption of messages.")
    parser.add_argument("--target", choices=("real", "gullible", "both"), default="both")
    parser.add_argument("--seconds", type=int, default=20, help="for each target")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big") or 1)
    return parser.parse_args()


def run_each(options: argparse.Namespace) -> int:
    """Each target in a process of its own: libFuzzer ends the one that it is in."""
    for target in ("real", "gullible"):
        arguments = [f"--target={target}", f"--seconds={options.seconds}", f"--seed={options.seed}"]
        finished = subprocess.run([sys.executable, "-m", "fuzz", *arguments], check=False)
        if finished.returncode:
            return finished.returncode
    return 0


def guided(target: str, seconds: int, seed: int) -> None:
    """Let libFuzzer look for inputs that reach new code. It ends the process itself."""
    import atheris  # noqa: PLC0415 - where it is installed

    with atheris.instrument_imports(include=["warmkey"]):
        from fuzz.targets import TARGETS, seeds  # noqa: PLC0415 - what it imports of warmkey gets instrumented
    corpus, found = BUILD / "corpus" / target, BUILD / "found"
    for directory in (corpus, found):
        directory.mkdir(parents=True, exist_ok=True)
    for number, message in enumerate(seeds()):
        (corpus / f"seed-{number:03}").write_bytes(message)
    print(f"{target}: {seconds} seconds, seed {seed}, corpus in {corpus}")
    limits = [f"-max_total_time={seconds}", f"-seed={seed}", "-timeout=10", "-rss_limit_mb=1024", "-max_len=65536"]
    atheris.Setup([sys.argv[0], str(corpus), f"-artifact_prefix={found}/{target}-", *limits], TARGETS[target])
    atheris.Fuzz()


def at_random(target: str, seconds: int, seed: int) -> None:
    """Try changed messages until the time is up."""
    from fuzz.targets import TARGETS, seeds  # noqa: PLC0415

    source, originals, test_one = random.Random(seed), seeds(), TARGETS[target]
    end, count = monotonic() + seconds, 0
    while monotonic() < end:
        data = mutated(source, originals)
        keep_on_failure(test_one, data, target)
        count += 1
    print(f"{target}: {count} inputs, seed {seed}, nothing found")


def mutated(source: random.Random, originals: list[bytes]) -> bytes:
    """One of *originals* after a few changes."""
    data = bytearray(source.choice(originals))
    for _ in range(source.randint(1, 4)):
        start = source.randint(0, len(data))
        stop = min(len(data), start + source.choice((0, 1, 1, 2, 4, 16)))
        match source.randint(0, 4):
            case 0:
                data[start:stop] = source.randbytes(stop - start)
            case 1:
                del data[start:stop]
            case 2:
                data[start:start] = data[start:stop] or source.randbytes(2)
            case 3:
                data[start:stop] = source.choice((b"\x00", b"\xff")) * (stop - start)
            case _:
                other = source.choice(originals)
                data[start:] = other[min(start, len(other)) :]
    return bytes(data)


def keep_on_failure(test_one: Callable[[bytes], None], data: bytes, target: str) -> None:
    """Test, and write the input down where the test fails."""
    try:
        test_one(data)
    except BaseException:
        found = BUILD / "found"
        found.mkdir(parents=True, exist_ok=True)
        (found / f"{target}-random").write_bytes(data)
        raise


if __name__ == "__main__":
    sys.exit(main())
