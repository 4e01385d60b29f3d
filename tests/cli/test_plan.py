"""The options of ``warmkey plan``: what each takes, and what it is where it is not given."""

from __future__ import annotations

import argparse

import pytest

from warmkey.cli.plan import add_plan


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_plan(parser.add_subparsers())
    return parser.parse_args(["plan", *arguments])


@pytest.mark.parametrize(
    ("option", "lowest", "highest", "refused"),
    [
        ("--request-seconds", "0", "900", ("-0.001", "900.001")),
        ("--idle-seconds", "0.001", "1e6", ("0.0009", "1000000.1")),
        ("--writes-per-second", "0", "1e9", ("-1", "1000000000.1")),
        ("--reads-per-second", "0", "1e9", ("-1", "1000000000.1")),
        ("--containers", "1", "10000000", ("0", "10000001")),
        ("--reader-containers", "1", "10000000", ("0", "10000001")),
        ("--container-lifetime", "0.001", "1e9", ("0.0009", "1000000000.1")),
        ("--read-window", "0.001", "1e9", ("0.0009", "1000000000.1")),
        ("--branch-keys", "1", "1000000000000", ("0", "1000000000001")),
        ("--bytes", "0", "1125899906842624", ("-1", "1125899906842625")),
        ("--period", "0.001", "1e9", ("0.0009", "1000000000.1")),
        ("--seed", "0", "4294967295", ("-1", "4294967296")),
        ("--max-age", "1e-9", "1e9", ("0.9e-9", "1000000000.1")),
        ("--max-messages", "1", "4294967296", ("0", "4294967297")),
        ("--max-bytes", "0", "9223372036854775807", ("-1", "9223372036854775808")),
        ("--capacity", "0", "1000000000", ("-1", "1000000001")),
        ("--jitter", "0", "0.999999", ("-0.1", "0.9999991")),
        ("--branch-key-ttl", "1e-9", "1e9", ("0.9e-9", "1000000000.1")),
        ("--max-lag", "1e-9", "1e9", ("0.9e-9", "1000000000.1")),
        ("--max-dollars", "0", "1e12", ("-1", "1000000000000.1")),
        ("--max-keys-exposed", "1", "1000000000", ("0", "1000000001")),
        ("--quota", "1e-9", "1e12", ("0.9e-9", "1000000000000.1")),
        ("--functions", "1", "1000000", ("0", "1000001")),
        ("--messages-per-invocation", "1e-9", "1e9", ("0.9e-9", "1000000000.1")),
    ],
)
def test_numbers_are_taken_from_the_lowest_to_the_highest(
    option: str, lowest: str, highest: str, refused: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    for text in (lowest, highest):
        taken = getattr(parsed(option, text), option[2:].replace("-", "_"))
        assert taken == (int(text) if text.isdecimal() else float(text))
    for text in refused:
        with pytest.raises(SystemExit):
            parsed(f"{option}={text}")
        assert f"argument {option}: must be " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "contexts"),
    [
        ("1", (1, 0.0)),
        ("1000000000000", (10**12, 0.0)),
        ("0.0", (1000, 0.0)),
        ("10.0", (1000, 10.0)),
        ("1,0", (1, 0.0)),
        ("1000000000000,10", (10**12, 10.0)),
    ],
)
def test_contexts_are_a_number_an_exponent_or_both(text: str, contexts: tuple[int, float]) -> None:
    assert parsed("--contexts", text).contexts == contexts


@pytest.mark.parametrize(
    "text", ["0", "1000000000001", "10.1", "-0.1", "5,10.1", "0,1", "1000000000001,1", "1,1,1", ""]
)
def test_other_contexts_are_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed(f"--contexts={text}")
    assert "argument --contexts: must be " in capsys.readouterr().err


def test_the_defaults() -> None:
    defaults = {name: value for name, value in vars(parsed()).items() if isinstance(value, (int, float, str))}
    flags = ("sample", "show_contexts", "no_grid", "quiet")
    assert [defaults.pop(name) for name in flags] == [False] * len(flags)

    assert defaults == {
        "request_seconds": 0.1,
        "idle_seconds": 600,
        "writes_per_second": 0,
        "reads_per_second": 0,
        "bytes": 1024,
        "period": 3600,
        "seed": 14,
        "max_age": 300,
        "max_messages": 1000,
        "max_bytes": 2**30,
        "capacity": 1000,
        "jitter": 0.1,
        "branch_key_ttl": 3600,
        "strategy": "both",
        "region": "us-east-1",
        "functions": 1,
        "messages_per_invocation": 1,
        "metrics": "summary",
    }
