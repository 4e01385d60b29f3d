"""How we use Powertools: what we write, and what of the function's own we leave alone."""

from __future__ import annotations

from typing import Any

import pytest
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.buffer import LoggerBufferConfig

from tests.observability.output import written
from warmkey.observability import powertools
from warmkey.observability.metrics import METRICS

NAMES = list(METRICS)


def write(series: dict[str, list[float]], **arguments: Any) -> None:
    powertools.MetricsWriter(**{"namespace": None, "service": None, "function_name": None, **arguments}).write(series)


def test_a_blob_has_namespace_service_and_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "shop")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "orders")
    with written() as output:
        write({"CacheHits": [3], "KmsLatency": [1.5, 2]}, function_name="ship")

    (blob,) = output.blobs
    assert blob["_aws"]["CloudWatchMetrics"] == [
        {
            "Namespace": "shop",
            "Dimensions": [["function_name", "service"]],
            "Metrics": [{"Name": "CacheHits", "Unit": "Count"}, {"Name": "KmsLatency", "Unit": "Milliseconds"}],
        }
    ]
    assert {name: blob[name] for name in ("function_name", "service", "CacheHits", "KmsLatency")} == {
        "function_name": "ship",
        "service": "orders",
        "CacheHits": [3],
        "KmsLatency": [1.5, 2],
    }


def test_arguments_come_before_powertools_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "shop")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "orders")
    with written() as output:
        write({"CacheHits": [3]}, namespace="security", service="keys")

    assert output.blobs[0]["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "security"
    assert output.blobs[0]["service"] == "keys"


def test_without_any_namespace_there_is_one() -> None:
    with written() as output:
        write({"CacheHits": [3]})

    assert output.blobs[0]["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "warmkey"


def test_more_values_than_a_blob_holds_go_into_more_blobs() -> None:
    values = [float(number) for number in range(250)]
    with written() as output:
        write({"CacheHits": [1], "KmsLatency": values})

    assert [len(blob["KmsLatency"]) for blob in output.blobs] == [100, 100, 50]
    assert output.values("KmsLatency") == values
    assert output.values("CacheHits") == [1]
    assert output.totals["KmsLatency"] == sum(values)


def test_more_metrics_than_a_blob_holds_go_into_more_blobs(monkeypatch: pytest.MonkeyPatch) -> None:
    many = {f"Metric{number}": METRICS["CacheHits"] for number in range(130)}
    monkeypatch.setattr(powertools, "METRICS", many)
    with written() as output:
        write({name: [1.0] for name in many})

    assert len(output.blobs) == 2
    assert output.totals == dict.fromkeys(many, 1)


@pytest.mark.parametrize(
    "variables",
    [{"POWERTOOLS_METRICS_DISABLED": "true"}, {"POWERTOOLS_DEV": "true"}],
    ids=["disabled", "development"],
)
def test_powertools_variables_turn_metrics_off(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with written() as output:
        write({"CacheHits": [float(number) for number in range(250)]})

    assert output.text == ""


def test_metrics_in_development_if_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_DEV", "true")
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "false")
    with written() as output:
        write({"CacheHits": [1]})

    assert output.totals == {"CacheHits": 1}


def test_metrics_that_the_function_is_collecting_stay_as_they_are() -> None:
    theirs = Metrics(namespace="shop", service="orders")
    theirs.set_default_dimensions(stage="test")
    theirs.add_metric(name="Orders", unit="Count", value=1)
    theirs.add_metadata(key="order", value="17")
    with written() as output:
        write({"CacheHits": [1]})
        theirs.flush_metrics()
    theirs.clear_default_dimensions()

    ours, their_blob = output.blobs
    assert "stage" not in ours
    assert "Orders" not in ours
    assert (their_blob["Orders"], their_blob["stage"], their_blob["order"]) == ([1], "test", "17")
    assert "CacheHits" not in their_blob


# Which logger


def test_the_functions_own_logger_is_ours_too() -> None:
    with written() as output:
        theirs = Logger(service="orders", level="WARNING", log_record_order=["message", "level"])
        theirs.append_keys(stage="test")
        ours = powertools.logger("orders")
        ours.info("not at this level")
        ours.warning("like theirs", extra={"warmkey": {"event": "Test"}})

    (line,) = output.lines
    assert (line["message"], line["service"], line["stage"]) == ("like theirs", "orders", "test")
    assert list(line)[:2] == ["message", "level"]


def test_of_several_loggers_it_is_the_one_of_our_service() -> None:
    Logger(service="orders")
    Logger(service="keys")

    assert powertools.users_logger("keys") == "keys"
    assert powertools.users_logger(None) == "orders"
    assert powertools.users_logger("neither") == "orders"


def test_the_functions_buffer_is_ours_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793")
    with written() as output:
        theirs = Logger(
            service="orders-with-a-buffer", level="INFO", buffer_config=LoggerBufferConfig(buffer_at_verbosity="DEBUG")
        )
        ours = powertools.logger("orders-with-a-buffer")
        ours.debug("kept for later")
        assert output.text == ""
        theirs.error("now")

    assert [line["message"] for line in output.lines] == ["kept for later", "now"]
