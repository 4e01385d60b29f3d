"""`make fuzz`: as long as asked, guided by coverage where atheris is installed, at random where it is not.

    python -m fuzz [--target messages] [--seconds 20] [--seed 0]
    python -m fuzz --minimise [--target messages] [--inputs 2000] [--seed 0]

A finding ends it with the traceback; the input is in build/fuzz/found. Mend what it found, then put the input into
fuzz/corpus with a comment that says what it was.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from random import Random
from time import monotonic
from typing import TYPE_CHECKING

from fuzz import corpus
from fuzz.targets import NAMES, target

if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

    from fuzz.target import Target

_FOUND = corpus.BUILD / "found"
_LONGEST = 65_536
# Of one input: more is a hang.
_SECONDS = 10


def main() -> int:
    """Run what the command line asks for; the exit status."""
    options = _parsed_options()
    if options.target == "all":
        return _run_each()
    if options.minimise:
        _minimise(options.target, options.inputs, options.seed or 0)
        return 0
    seed = options.seed if options.seed is not None else int.from_bytes(os.urandom(3), "big") or 1
    if importlib.util.find_spec("atheris") is not None:
        _guided(options.target, options.seconds, seed)
    else:
        print("atheris is not installed (it comes for x86_64 only): going on at random, without guidance")
        at_random(options.target, options.seconds, seed)
    return 0


def _parsed_options() -> argparse.Namespace:
    targets = "\n".join(f"  {name:12} {what}" for name, what in NAMES.items())
    parser = argparse.ArgumentParser(
        prog="make fuzz",
        description="Fuzz what strangers can send.",
        epilog=f"targets:\n{targets}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--target", choices=(*NAMES, "all"), default="all", metavar="NAME", help="one of those below")
    parser.add_argument("--seconds", type=int, default=20, help="for each target")
    parser.add_argument("--seed", type=int, help="of everything that is chosen at random")
    parser.add_argument("--minimise", action="store_true", help="write the corpus in fuzz/corpus again")
    parser.add_argument("--inputs", type=int, default=2_000, help="that --minimise tries beside those it has")
    return parser.parse_args()


def _run_each() -> int:
    """Run each target in a process of its own: libFuzzer ends the one that it is in."""
    failed = []
    for name in NAMES:
        finished = subprocess.run([sys.executable, "-m", "fuzz", *sys.argv[1:], f"--target={name}"], check=False)
        if finished.returncode:
            failed.append(name)
    if failed:
        print(f"something was found in: {', '.join(failed)}")
    return len(failed)


def _minimise(name: str, count: int, seed: int) -> None:
    found, before = corpus.read(name)
    tested = target(name)
    with tested.world():
        needed = corpus.minimised(
            partial(corpus.arcs, tested.test), corpus.candidates(name, tested, count=count, seed=seed)
        )
    corpus.write(name, corpus.Corpus(found, needed))
    print(f"{name}: {len(needed)} inputs, {len(before)} before, and {len(found)} that something was found with")


def _guided(name: str, seconds: int, seed: int) -> None:
    """Let libFuzzer look for inputs that reach new code. It ends the process itself."""
    import atheris  # noqa: PLC0415 - where it is installed

    with ExitStack() as world, atheris.instrument_imports(include=["warmkey"]):
        tested = target(name)
        world.enter_context(tested.world())
        originals = _originals(name, tested)
        for data in originals:
            tested.test(data)  # what is imported at its first use gets instrumented, too
        opened = world.pop_all()

    def change(data: bytes, most: int, seed: int) -> bytes:
        source = Random(seed)
        if not source.randrange(4):
            return bytes(atheris.Mutate(data, most))
        return tested.change(data, source, originals)[:most]

    folder = corpus.BUILD / "corpus" / name
    for directory in (folder, _FOUND):
        directory.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(originals):
        (folder / f"seed-{number:03}").write_bytes(data)
    print(f"{name}: {seconds} seconds, seed {seed}, corpus in {folder}", flush=True)
    arguments = [
        sys.argv[0],
        str(folder),
        f"-artifact_prefix={_FOUND}/{name}-",
        f"-max_total_time={seconds}",
        f"-seed={seed}",
        f"-timeout={_SECONDS}",
        "-rss_limit_mb=1024",
        f"-max_len={_LONGEST}",
    ]
    with opened:
        atheris.Setup(arguments, tested.test, custom_mutator=change)
        atheris.Fuzz()


def at_random(name: str, seconds: float, seed: int) -> None:
    """Try changed inputs until the time is up."""
    tested = target(name)
    source, originals = Random(seed), _originals(name, tested)
    end, count = monotonic() + seconds, 0
    signal.signal(signal.SIGALRM, _give_up)
    with tested.world():
        while monotonic() < end:
            data = source.choice(originals)
            for _ in range(source.randint(1, 3)):
                data = tested.change(data, source, originals)[:_LONGEST]
            _keep_on_failure(tested, data, name)
            count += 1
    print(f"{name}: {count} inputs, seed {seed}, nothing found")


def _originals(name: str, tested: Target) -> list[bytes]:
    found, inputs = corpus.read(name)
    return [*tested.seeds(), *inputs, *(data for _, data in found)]


def _give_up(_number: int, _frame: FrameType | None) -> NoReturn:
    raise TimeoutError(f"one input took more than {_SECONDS} seconds")


def _keep_on_failure(tested: Target, data: bytes, name: str) -> None:
    """Test, and write the input down where the test fails."""
    signal.alarm(_SECONDS)
    try:
        tested.test(data)
    except BaseException:
        _FOUND.mkdir(parents=True, exist_ok=True)
        (_FOUND / f"{name}-random").write_bytes(data)
        raise
    finally:
        signal.alarm(0)


if __name__ == "__main__":
    sys.exit(main())
