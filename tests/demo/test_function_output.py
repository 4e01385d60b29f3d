"""Log lines and metrics are told apart from Lambda's own lines."""

from __future__ import annotations

from examples.demo.function_output import FunctionOutput, parse

OUTPUT = """\
START RequestId: 1 Version: $LATEST
{"level": "INFO", "message": "a miss"}
{"_aws": {"Timestamp": 1}, "CacheMisses": [1]}
{"neither": "log nor metric"}
[1, 2]
plain text
END RequestId: 1
REPORT RequestId: 1\tInit Duration: 0.10 ms\tDuration: 1.00 ms
"""


def test_log_lines_have_a_level_and_metrics_have_aws_metadata() -> None:
    assert parse(OUTPUT) == FunctionOutput(
        logs=[{"level": "INFO", "message": "a miss"}], metrics=[{"_aws": {"Timestamp": 1}, "CacheMisses": [1]}]
    )


def test_no_output_is_no_lines() -> None:
    assert parse("") == FunctionOutput(logs=[], metrics=[])
