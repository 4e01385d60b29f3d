"""Break the library in many places, one at a time, and list the breaks that no test notices.

Without options: all of the modules that decide what is shared, for how long, and which bytes are believed. What earlier
runs found is kept in build/mutants, so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import TYPE_CHECKING

from layer.project import ROOT
from tools.mutants import coverage_map, noticed, requirements
from tools.mutants.child import apart
from tools.mutants.report import summary
from tools.mutants.results import Results, read_equivalent, stale
from tools.mutants.runner import run
from tools.mutants.selection import COMPLETE, PACKAGE, chosen, every_mutation, files_of_tests

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["main"]

# Loaded once, before processes are forked, because they take longer than most tests do; nothing of warmkey is.
_THIRD_PARTIES = ("boto3", "botocore.session", "cryptography.hazmat.primitives.asymmetric.ec", "moto")


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Do as the command line says; return 1 if a mutant survived that is not listed as equivalent."""
    options = _parser().parse_args(arguments)
    (root / "build/mutants").mkdir(parents=True, exist_ok=True)
    if not options.report:
        for name in _THIRD_PARTIES:
            importlib.import_module(name)
    if options.requirements:
        problems = requirements.check(root, options.requirements, options.seed, _tell)
    elif options.noticed:
        problems = noticed.check(root, _tell)
    else:
        problems = _try(root, options)
    sys.stdout.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


def _try(root: Path, options: argparse.Namespace) -> list[str]:
    equivalent = read_equivalent(root)
    mutations = chosen(root, options.only or COMPLETE, options.sample, options.seed)
    files, folder = files_of_tests(root), root / "build/mutants/map"
    if not options.report:
        apart(lambda: coverage_map.build(root, folder, files, _tell))
    covered = coverage_map.read(root, folder, files)
    trials = covered.trials(mutations, options.seconds)
    results = Results(root, "results")
    if not options.report:
        wanted = [each for each in trials if options.equivalent or each.mutation.name not in equivalent]
        waiting = [each for each in wanted if not results.known(each)]
        _tell(f"{len(waiting)} mutants to try; others are known from earlier runs or listed as equivalent")
        run(root, waiting, results, _tell)
    found = {each.mutation.name: result for each in trials if (result := results.known(each))}
    print(*summary(mutations, found, equivalent), sep="\n")
    if options.write_noticed:
        noticed.write(root, found.values(), options.write_noticed, options.seed)
    return [
        *(
            f"{PACKAGE}/{each.module}:{each.lines[0]}: {found[each.name].status}: {each.name}"
            for each in mutations
            if each.name in found and found[each.name].is_alive and each.name not in equivalent
        ),
        *stale(equivalent, every_mutation(root, ()), [name for name, each in found.items() if not each.is_alive]),
    ]


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.mutants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", action="append", metavar="PATH", help="modules whose path under src/warmkey begins so; repeatable"
    )
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="and N mutants of the other modules")
    parser.add_argument("--seed", type=int, default=17, help="which ones; the default is 17")
    parser.add_argument(
        "--seconds",
        type=float,
        default=10,
        help="CPU time of the tests that a mutant must survive, the fast ones first; 10",
    )
    parser.add_argument("--equivalent", action="store_true", help="try those too that are listed as equivalent")
    parser.add_argument("--report", action="store_true", help="run nothing; say what is known")
    parser.add_argument(
        "--write-noticed", type=int, default=0, metavar="N", help=f"write N noticed ones to {noticed.NOTICED}, for CI"
    )
    parser.add_argument("--noticed", action="store_true", help="try only those again, each with the test that noticed")
    parser.add_argument(
        "--requirements",
        type=int,
        nargs="?",
        const=40,
        default=0,
        metavar="N",
        help="break lines that follow N requirements, 40 without a number, for the tests that claim them to notice",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
