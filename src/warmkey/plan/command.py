"""Run ``warmkey plan``: from the arguments of the command line to the reports."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from warmkey.cli.files import check_folder, output_to, same_file
from warmkey.plan.bill import Surroundings
from warmkey.plan.errors import BadInput
from warmkey.plan.grid import Bounds
from warmkey.plan.inputs import traffic_of
from warmkey.plan.limits import Limits
from warmkey.plan.plan import REPLAYED_BY_DEFAULT, Request, make_plan
from warmkey.plan.prices import TABLE, read_prices
from warmkey.plan.progress import Progress
from warmkey.plan.report_json import as_json
from warmkey.plan.report_text import as_text
from warmkey.plan.sample import csv_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from warmkey.plan.plan import Plan
    from warmkey.plan.traffic import Traffic

__all__ = ["run"]


def run(arguments: argparse.Namespace) -> int:
    """Plan, print the plan, and write the files that were asked for.

    :raises BadInput: the input can't be used, or nothing is within the bounds
    :raises OSError: a file can't be read or written
    """
    _keep_inputs(arguments)
    progress = Progress(sys.stderr, quiet=arguments.quiet)
    limits = _limits(arguments)
    around = _surroundings(arguments)
    traffic, observed = traffic_of(arguments, limits, progress)
    request = Request(
        method=_method(arguments.method, traffic),
        strategies=("caching", "hierarchical") if arguments.strategy == "both" else (arguments.strategy,),
        limits=limits,
        around=around,
        bounds=Bounds(lag=arguments.max_lag, dollars=arguments.max_dollars, keys_exposed=arguments.max_keys_exposed),
        with_grid=not arguments.no_grid,
    )
    if arguments.save_trace is not None:
        _save(traffic, arguments)
    plan = make_plan(traffic, request, progress, observed=observed)
    sys.stdout.write(as_text(plan))
    _write(plan, arguments)
    return 0


def _keep_inputs(arguments: argparse.Namespace) -> None:
    written = [arguments.json, arguments.html, arguments.save_trace]
    for target in filter(None, written):
        check_folder(Path(target))  # now, and not after the work
        for source in [*arguments.traces, *filter(None, [arguments.prices])]:
            if same_file(source, target):
                raise BadInput(f"{target} is an input too; write to another file")
    if len({*filter(None, written)}) < len([*filter(None, written)]):
        raise BadInput("--json, --html and --save-trace must name different files")


def _limits(arguments: argparse.Namespace) -> Limits:
    return Limits(
        max_age=arguments.max_age,
        jitter=arguments.jitter,
        max_messages=arguments.max_messages,
        max_bytes=arguments.max_bytes,
        capacity=arguments.capacity,
        branch_key_ttl=arguments.branch_key_ttl,
    )


def _surroundings(arguments: argparse.Namespace) -> Surroundings:
    prices = TABLE if arguments.prices is None else read_prices(arguments.prices)
    quota = arguments.quota
    return Surroundings(
        prices=prices,
        region=arguments.region,
        quota=prices.quota(arguments.region) if quota is None else quota,
        functions=arguments.functions,
        messages_per_invocation=arguments.messages_per_invocation,
        metrics=arguments.metrics == "summary",
    )


def _method(asked: str | None, traffic: Traffic) -> str:
    """Return the method: a replay of a trace, unless that would take long."""
    if asked is not None:
        return asked
    is_short = traffic.trace is not None and len(traffic.trace) <= REPLAYED_BY_DEFAULT
    return "replay" if is_short else "model"


def _write(plan: Plan, arguments: argparse.Namespace) -> None:
    if arguments.json is not None:
        _write_text(arguments.json, [as_json(plan, show_contexts=arguments.show_contexts)])
    if arguments.html is not None:
        from warmkey.plan.report_html import as_html  # noqa: PLC0415 - text and JSON need no matplotlib

        _write_text(arguments.html, [as_html(plan, show_contexts=arguments.show_contexts)])


def _save(traffic: Traffic, arguments: argparse.Namespace) -> None:
    if traffic.trace is None:
        raise BadInput("--save-trace needs a trace, and there are rates only")
    lines = csv_of(traffic.trace, show_contexts=arguments.show_contexts)
    _write_text(arguments.save_trace, lines)


def _write_text(name: str, texts: Iterable[str]) -> None:
    with output_to(name) as file:
        for text in texts:
            file.write(text.encode("utf-8", "backslashreplace"))
