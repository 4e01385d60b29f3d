"""Dashboard, alarms, code and docs call things by the same names, and the docs' dollars are right."""

from __future__ import annotations

import dataclasses
import json
import logging
import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from examples.dashboard.panels import PANELS, Kind
from tests.observability.examples_of_events import HIT, KMS_OK
from tests.observability.output import written
from warmkey.events import DynamoDbOutcome, Event, KmsOutcome, RefusalReason
from warmkey.observability import Subscriber, instrument
from warmkey.observability.logs import MESSAGES
from warmkey.observability.metrics import METRICS
from warmkey.observability.subscriber import DOLLARS_PER_KMS_REQUEST

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "observability.md").read_text()
DOLLARS_PER_SERIES = 0.30


class Loader(yaml.SafeLoader):
    """Reads ``!Ref`` and its relatives as plain values."""


def _plain(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)  # type: ignore[arg-type]


Loader.add_multi_constructor("!", _plain)
TEMPLATE = yaml.load((ROOT / "template.yaml").read_text(), Loader)


def resources(kind: str) -> list[dict[str, Any]]:
    return [found["Properties"] for found in TEMPLATE["Resources"].values() if found["Type"] == kind]


def widgets() -> list[dict[str, Any]]:
    (dashboard,) = resources("AWS::CloudWatch::Dashboard")
    return [widget["properties"] for widget in json.loads(dashboard["DashboardBody"])["widgets"]]


def rows(*header: str) -> list[list[str]]:
    """The table of the page that begins with these columns."""
    lines = PAGE.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {' | '.join(header)} |"))
    table = lines[start + 2 : lines.index("", start)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# Metrics


def test_the_page_lists_every_metric_with_unit_and_mode() -> None:
    both = [*rows("metric", "unit", "mode"), *rows("metric", "unit", "mode", "counts")]
    listed = {names(metric)[0]: (unit, mode) for metric, unit, mode, _ in both}

    assert listed == {
        name: (metric.unit, "detailed" if metric.detailed else "summary") for name, metric in METRICS.items()
    }


def test_the_panels_that_are_drawn_name_metrics_that_there_are() -> None:
    drawn = {metric for panel in PANELS for line in panel.lines for metric in line.metrics}

    assert drawn <= METRICS.keys()


@pytest.mark.parametrize("prefix", ["CacheMisses", "CacheEvictions", "MessagesRefused"])
def test_the_panels_show_every_reason(prefix: str) -> None:
    drawn = {metric for panel in PANELS for line in panel.lines for metric in line.metrics}

    assert {name for name in METRICS if name.startswith(prefix)} - {"CacheEvictions"} <= drawn


def test_the_dashboard_has_the_panels_that_are_drawn() -> None:
    assert [(widget["title"], widget["yAxis"]["left"]["label"], widget["stacked"]) for widget in widgets()] == [
        (panel.title, panel.unit, panel.kind is Kind.STACKED_SUMS) for panel in PANELS
    ]


@pytest.mark.parametrize("number", range(len(PANELS)))
def test_a_panel_of_the_dashboard_shows_what_is_drawn(number: int) -> None:
    panel, widget = PANELS[number], widgets()[number]
    if panel.kind is Kind.RATIO_BY_FUNCTION:
        metrics = [row[1] for row in widget["metrics"] if len(row) > 1]
        assert metrics == 2 * [*panel.lines[0].metrics]
        return
    shown = [
        (
            row[0]["label"],
            tuple(re.findall(r'MetricName="(\w+)"', row[0]["expression"])),
            set(re.findall(r"', '(\w+)'\)", row[0]["expression"])),
        )
        for row in widget["metrics"]
    ]

    assert shown == [(line.label, line.metrics, {line.statistic}) for line in panel.lines]


def test_dashboard_and_alarms_look_where_the_functions_write() -> None:
    variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    namespace, service = variables["POWERTOOLS_METRICS_NAMESPACE"], variables["POWERTOOLS_SERVICE_NAME"]
    searches = re.findall(
        r"SEARCH\('\{(\$\{\w+\}[^}]*)\} service=\"([^\"]*)\"", json.dumps(widgets()).replace('\\"', '"')
    )

    assert set(searches) == {(f"${{{namespace}}},function_name,service", f"${{{service}}}")}
    for metric in alarm_metrics():
        assert metric["Namespace"] == namespace
        assert {dimension["Name"] for dimension in metric["Dimensions"]} == {"function_name", "service"}


def alarm_metrics() -> list[dict[str, Any]]:
    """The metrics of ours that alarms watch; others watch Lambda's."""
    return [
        part["MetricStat"]["Metric"]
        for alarm in resources("AWS::CloudWatch::Alarm")
        for part in alarm["Metrics"]
        if "MetricStat" in part and part["MetricStat"]["Metric"]["Namespace"] != "AWS/Lambda"
    ]


def test_alarms_need_the_summary_and_no_more() -> None:
    alarmed = {metric["MetricName"] for metric in alarm_metrics()}

    assert alarmed == {
        "CacheHits",
        "CacheCoalesced",
        "CacheMisses",
        "CacheBypasses",
        "KmsThrottled",
        "RequestsFailed",
    } | {f"MessagesRefused{reason.title()}" for reason in RefusalReason}
    assert not any(METRICS[name].detailed for name in alarmed)


def test_an_alarm_tells_each_refusal_from_the_others_and_from_failures() -> None:
    watched = [
        {part["MetricStat"]["Metric"]["MetricName"] for part in alarm["Metrics"] if "MetricStat" in part}
        for alarm in resources("AWS::CloudWatch::Alarm")
    ]

    for reason in RefusalReason:
        assert watched.count({f"MessagesRefused{reason.title()}"}) == 1
    assert watched.count({"RequestsFailed"}) == 1


def test_every_alarm_uses_ids_that_it_defines() -> None:
    for alarm in resources("AWS::CloudWatch::Alarm"):
        defined = {part["Id"] for part in alarm["Metrics"]}
        used = {word for part in alarm["Metrics"] for word in re.findall(r"\b[a-z]\w*", part.get("Expression", ""))}

        assert used <= defined
        assert sum(str(part["ReturnData"]).lower() == "true" for part in alarm["Metrics"]) == 1


# Log lines


def test_the_page_lists_every_line_with_level_message_and_fields() -> None:
    listed = {
        names(event)[0]: (level.partition(";")[0], message, names(fields))
        for event, level, message, fields in rows("event", "level", "message", "fields")
    }
    kinds: dict[str, Any] = {kind.__name__: kind for kind in get_args(Event)}

    assert {name: listed[name] for name in kinds} == {
        name: (
            logging.getLevelName(MESSAGES[kind][0]),
            MESSAGES[kind][1],
            [field.name for field in dataclasses.fields(kind)],
        )
        for name, kind in kinds.items()
    }
    assert listed.keys() - kinds.keys() == {"Summary", "MetricsOff"}


def test_the_page_lists_the_fields_of_the_summary() -> None:
    class Context:
        aws_request_id = "request-1"

    emit = Subscriber()
    with written() as output, instrument(Context()):
        emit(HIT)
    (summary,) = output.fields("Summary")
    (listed,) = [names(row[3]) for row in rows("event", "level", "message", "fields") if row[0] == "`Summary`"]

    # What signed is told by the helpers' subscriber alone.
    assert ["event", *(name for name in listed if name != "signatures")] == list(summary)


def test_the_page_explains_every_field() -> None:
    used = {field for row in rows("event", "level", "message", "fields") for field in names(row[3])}
    # Of the summary, where there are any.
    used |= {"branch_key_hits", "branch_key_misses", "dynamodb_requests", "signed_messages", "advice"}
    explained = {field for row in rows("field", "what it says") for field in names(row[0])}

    assert used == explained


def test_the_page_lists_every_outcome() -> None:
    (row,) = [row for row in rows("field", "what it says") if row[0] == "`outcome`"]

    assert set(names(row[1])) == {*KmsOutcome, *DynamoDbOutcome}
    assert KMS_OK.outcome in KmsOutcome


# Dollars


def test_the_dollars_of_the_page_are_computed_from_public_prices() -> None:
    usual = [metric for metric in METRICS.values() if not metric.branch_keys]
    series = {"off": 0, "summary": sum(not metric.detailed for metric in usual), "detailed": len(usual)}
    requests_per_series = round(DOLLARS_PER_SERIES / DOLLARS_PER_KMS_REQUEST)

    assert requests_per_series == 100_000
    assert rows("mode", "series per function") == [
        [
            f"`{mode}`",
            f"up to {count}" if count else "0",
            f"{count * DOLLARS_PER_SERIES:.2f}",
            f"{count * requests_per_series:,} KMS requests per month" if count else "–",
        ]
        for mode, count in series.items()
    ]
