"""What a function writes under the real Lambda runtime client, against what the KMS server counted."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from examples.demo.emulator import Emulator, EmulatorUnavailable, FunctionFailed
from examples.demo.kms_server import REGION, create_key, kms_server, request_counts
from examples.demo.stages import EmulatorStage
from tests.observability.output import Output

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.runtime

FUNCTIONS = Path(__file__).parent
ORDERS = [",".join(order) for order in itertools.permutations(["instrument", "metrics", "logger"])]


@pytest.fixture(scope="module")
def kms_url() -> Iterator[str]:
    with kms_server() as url:
        yield url


def stage(opt: Path) -> EmulatorStage:
    try:
        return EmulatorStage(opt)
    except EmulatorUnavailable as reason:
        pytest.skip(f"{reason}; `make runtime` makes it")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> EmulatorStage:
    return stage(tmp_path_factory.mktemp("opt"))


@pytest.fixture(scope="module")
def without_powertools(tmp_path_factory: pytest.TempPathFactory) -> EmulatorStage:
    """As the layer's variant ``core`` with no other layer beside it."""
    opt = tmp_path_factory.mktemp("opt")
    without = stage(opt)
    (powertools,) = opt.rglob("aws_lambda_powertools")
    shutil.rmtree(powertools)
    return without


def environment(kms_url: str, **variables: str) -> dict[str, str]:
    return {
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_ENDPOINT_URL_KMS": kms_url,
        "WARMKEY_KMS_KEY_ARNS": create_key(kms_url),
        "POWERTOOLS_SERVICE_NAME": "orders",
        "POWERTOOLS_METRICS_NAMESPACE": "shop",
        **variables,
    }


def output_of(function: Emulator) -> Output:
    """The JSON lines; Lambda's own are no JSON."""
    return Output("\n".join(line for line in function.output().splitlines() if line.startswith("{")))


def made_since(kms_url: str, before: int) -> int:
    return request_counts(kms_url)["GenerateDataKey"] - before


def test_logs_and_metrics_agree_with_the_kms_server_in_every_order_of_decorators(
    full: EmulatorStage, kms_url: str
) -> None:
    before = request_counts(kms_url)["GenerateDataKey"]
    with full.start(FUNCTIONS / "observed", environment(kms_url)) as function:
        request_ids = [function.invoke({"order": order, "messages": 10}).result for order in ORDERS]
        with pytest.raises(FunctionFailed, match="LookupError"):
            function.invoke({"order": ORDERS[0], "messages": 3, "tenant": "unheard of", "fail": True})
        output = output_of(function)

    summaries = output.fields("Summary")
    assert [summary["request_id"] for summary in summaries[:-1]] == request_ids
    assert [(summary["misses"], summary["hits"]) for summary in summaries] == [(10, 0)] + [(0, 10)] * 5 + [(1, 2)]
    assert len([blob for blob in output.blobs if "Orders" not in blob]) == len(ORDERS) + 1
    assert output.totals == {"CacheMisses": 11, "CacheHits": 52, "KmsRequests": 11, "Orders": len(ORDERS) + 1}
    assert made_since(kms_url, before) == 11
    assert {blob["_aws"]["CloudWatchMetrics"][0]["Namespace"] for blob in output.blobs} == {"shop"}
    assert {blob["service"] for blob in output.blobs} == {"orders"}
    assert {blob["function_name"] for blob in output.blobs if "Orders" not in blob} == {"observed"}


def test_without_any_decorator_hits_go_with_the_first_of_the_next_invocation(full: EmulatorStage, kms_url: str) -> None:
    with full.start(FUNCTIONS / "observed", environment(kms_url)) as function:
        for _ in range(3):
            function.invoke({"messages": 8, "tenant": "acme"})
        output = output_of(function)

    # The last batch of a container is what is lost.
    assert output.values("CacheHits") == [8, 8]
    assert output.values("CacheMisses") == [1]


def test_the_function_decides_on_levels(full: EmulatorStage, kms_url: str) -> None:
    quiet = environment(kms_url, AWS_LAMBDA_LOG_FORMAT="JSON", AWS_LAMBDA_LOG_LEVEL="WARN", WARMKEY_METRICS="off")
    with full.start(FUNCTIONS / "observed", quiet) as function:
        function.invoke({"order": ORDERS[0], "messages": 3})

        assert [line for line in output_of(function).objects if "warmkey" in line or "CacheMisses" in line] == []


def test_at_debug_hits_are_lines_and_no_data_key_is(full: EmulatorStage, kms_url: str) -> None:
    """Lambda sets the root logger to DEBUG too, so that botocore would log what KMS answers."""
    verbose = environment(kms_url, AWS_LAMBDA_LOG_FORMAT="JSON", AWS_LAMBDA_LOG_LEVEL="DEBUG")
    with full.start(FUNCTIONS / "observed", verbose) as function:
        function.invoke({"messages": 3, "tenant": "the value of a context"})
        text, output = function.output(), output_of(function)

    assert len(output.fields("CacheHit")) == 2
    assert "botocore" in text
    assert '\\"Plaintext\\"' not in text
    assert "the value of a context" not in text


def test_without_powertools_it_says_so_once(without_powertools: EmulatorStage, kms_url: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import warmkey\n"
        "@warmkey.instrument\n"
        "def handler(event, context):\n"
        "    for _ in range(event['messages']):\n"
        "        warmkey.encrypt(b'a message')\n"
        "    return context.aws_request_id\n"
    )
    with without_powertools.start(tmp_path, environment(kms_url)) as function:
        request_ids = [function.invoke({"messages": 3}).result for _ in range(2)]
        output = output_of(function)

    assert [line["message"] for line in output.lines] == [
        "cache miss",
        "cache summary",
        "metrics are off because Powertools is not installed",
        "cache summary",
    ]
    assert [summary["request_id"] for summary in output.fields("Summary")] == request_ids
    assert output.blobs == []
