"""Turn what the command line names into traffic: traces, logs, other formats, the sample, or rates."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from warmkey.plan.containers import WarmContainers
from warmkey.plan.converters import CONVERTERS
from warmkey.plan.csv_traces import header_of, read_trace
from warmkey.plan.errors import BadInput
from warmkey.plan.exports import is_export
from warmkey.plan.logs import OTHERS, read_logs
from warmkey.plan.observed import observed, rates_behind, rows_of_cloudtrail
from warmkey.plan.rates import Contexts, Rates
from warmkey.plan.sample import sample
from warmkey.plan.text_files import first_line, name_of
from warmkey.plan.trace import make_trace
from warmkey.plan.traffic import RatesTraffic, TraceTraffic

if TYPE_CHECKING:
    import argparse

    from warmkey.plan.limits import Limits
    from warmkey.plan.observed import Observed
    from warmkey.plan.progress import Progress
    from warmkey.plan.trace import Rows
    from warmkey.plan.traffic import Traffic

__all__ = ["traffic_of"]


def traffic_of(arguments: argparse.Namespace, limits: Limits, progress: Progress) -> tuple[Traffic, Observed | None]:
    """Return the traffic, and what logs say happened.

    :raises BadInput: there is none, or more than one kind, or it can't be used
    """
    has_rates = bool(arguments.writes_per_second or arguments.reads_per_second)
    given = [bool(arguments.traces), arguments.sample, has_rates]
    if sum(given) != 1:
        raise BadInput(
            f"give {'one of' if any(given) else 'something to plan for:'} a file, --sample, or rates "
            "(--writes-per-second, --reads-per-second)"
        )
    if has_rates:
        return _of_rates(arguments), None
    if arguments.sample:
        return _of_rows(arguments, sample(arguments.seed), "the sample"), None
    kind = arguments.format or _kind_of(arguments.traces)
    source = " and ".join(map(name_of, arguments.traces))
    progress.begin(f"reading {source}")
    if kind == "logs":
        return _of_logs(arguments, limits, progress, source)
    if len(arguments.traces) > 1:
        raise BadInput(f"give one trace; {len(arguments.traces)} were given")
    path = arguments.traces[0]
    if kind == "csv":
        return _of_rows(arguments, read_trace(path, length=arguments.bytes, progress=progress), source), None
    rows = CONVERTERS[kind](path, length=arguments.bytes, seed=arguments.seed, progress=progress)
    return _of_rows(arguments, rows, source), None


def _kind_of(paths: list[str]) -> str:
    """Return the format that files have by their looks: logs, if all of them look so."""
    if "-" in paths:
        return "csv"
    kinds = {_looks(path) for path in paths}
    return "logs" if kinds == {"logs"} else "csv"


def _looks(path: str) -> str:
    first = first_line(path)
    return "logs" if header_of(first) is None and is_export(first) else "csv"


def _of_rows(arguments: argparse.Namespace, rows: Rows, source: str) -> TraceTraffic:
    for name in _of_rates_only(arguments):
        option = "--" + _OPTIONS[name].replace("_", "-")
        raise BadInput(f"{option} is for rates and logs; a trace says that itself")
    warm = WarmContainers(request_seconds=arguments.request_seconds, idle_seconds=arguments.idle_seconds)
    return TraceTraffic(make_trace(rows, warm), source)


def _of_logs(
    arguments: argparse.Namespace, limits: Limits, progress: Progress, source: str
) -> tuple[Traffic, Observed | None]:
    log = read_logs(arguments.traces, progress)
    if not log.used:
        raise BadInput(
            f"{source}: none of the lines ({log.others:,}) was written by warmkey, Lambda or CloudTrail; a trace is a "
            "CSV file whose first line names its columns, timestamp and context among them"
        )
    ignored = {OTHERS: log.others} if log.others else {}
    if log.requests and not (log.metrics or log.summaries or log.lines):
        rows = rows_of_cloudtrail(log, length=arguments.bytes)
        rows.ignored = ignored
        return _of_rows(arguments, rows, source), None
    found = observed(log)
    rates, notes = rates_behind(log, found, limits, length=arguments.bytes, period=arguments.period)
    given = _of_rates_only(arguments)
    if given:
        rates = replace(rates, **given)
        notes.append(f"given, whatever the logs say: {', '.join(_OPTIONS[name] for name in given).replace('_', ' ')}")
    used = sum(log.used.values())
    traffic = RatesTraffic(rates, notes, seed=arguments.seed, lines=used, ignored=ignored, source=f"{source}, as rates")
    return traffic, found


# Options that describe rates, by the names of what they set.
_OPTIONS = {
    "contexts": "contexts",
    "containers": "containers",
    "readers": "reader_containers",
    "container_lifetime": "container_lifetime",
    "read_window": "read_window",
    "branch_keys": "branch_keys",
}


def _of_rates_only(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what the command line says of rates."""
    given = {name: getattr(arguments, option) for name, option in _OPTIONS.items()}
    if given["contexts"] is not None:
        count, exponent = given["contexts"]
        given["contexts"] = Contexts(count=count, exponent=exponent)
    return {name: value for name, value in given.items() if value is not None}


def _of_rates(arguments: argparse.Namespace) -> RatesTraffic:
    writes, reads = arguments.writes_per_second, arguments.reads_per_second
    given = _of_rates_only(arguments)
    notes = []
    if "containers" not in given:
        busy = writes if "readers" in given else writes + reads
        given["containers"] = max(1, math.ceil(busy * arguments.request_seconds))
        notes.append(
            f"containers assumed: {given['containers']:,}, as many as are busy at a time if a request takes "
            f"{arguments.request_seconds:g} s"
        )
    rates = Rates(
        writes_per_second=writes, reads_per_second=reads, length=arguments.bytes, period=arguments.period, **given
    )
    return RatesTraffic(rates, notes, seed=arguments.seed)
