"""The layer ``full`` has what Powertools needs for Tracer and Data Masking, for each Python; segments come out."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from examples.demo.emulator import Emulator, EmulatorUnavailable, Runtime
from examples.demo.stages import host_layer
from layer import archive, runtimes
from layer.project import ROOT
from tests.runtimes.test_neighbours import PYTHONS
from tests.runtimes.unpacked import layer, neighbours, of, pins

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = [pytest.mark.layer, pytest.mark.runtime]

FUNCTION = ROOT / "tests" / "runtimes" / "powertools_function" / "app.py"
EVENT = {"id": "order-1", "card": "4929", "lines": [{"note": "ring"}]}
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


@pytest.fixture
def daemon() -> Iterator[socket.socket]:
    """What listens for segments beside a function."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.setblocking(False)
        yield listening


def segments(daemon: socket.socket) -> list[dict[str, Any]]:
    """What it has been sent; each datagram has a line before the segment."""
    found = []
    while True:
        try:
            found.append(json.loads(daemon.recv(65_536).partition(b"\n")[2]))
        except BlockingIOError:
            return found


@pytest.mark.parametrize("runtime", PYTHONS)
@pytest.mark.parametrize(
    "brought", ["", "aws_lambda_powertools"], ids=["the layer alone", "the oldest Powertools before it"]
)
def test_tracer_data_masking_and_streams_work(
    runtime: str, brought: str, environment: Mapping[str, str], daemon: socket.socket, tmp_path: Path
) -> None:
    python = runtimes.interpreter(runtime)
    if not python:
        pytest.skip(f"no Python {runtime} is here; `make runtimes` or `make every-runtime` makes it ready")
    archive.write_tree(layer("full"), tmp_path / "opt")
    own = of(brought, neighbours()) if brought else {}
    function = {name.removeprefix("python/"): content for name, content in own.items()}
    archive.write_tree({"app.py": FUNCTION.read_bytes(), **function}, tmp_path / "function")
    lambda_runtime = Runtime(emulator=ROOT / "build" / "aws-lambda-rie", python=python, opt=tmp_path / "opt")
    variables = {
        **environment,
        "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}",
        "WARMKEY_METRICS": "off",
    }
    try:
        with Emulator(
            lambda_runtime, task_root=tmp_path / "function", handler="app.handler", environment=variables
        ) as running:
            result = running.invoke({**EVENT, "trace": TRACE}).result
    except EmulatorUnavailable as reason:
        pytest.skip(f"{reason}; `make runtime` makes it")

    version = pins("neighbours" if brought else "layer")["aws-lambda-powertools"]
    assert result.pop("powertools") == version
    assert result == {"wrapt": "_wrappers", "whole": EVENT, "fields": EVENT, "stream": "rows"}
    names = [segment["name"] for segment in segments(daemon)]
    assert {"## traced", "## app.whole", "## app.fields", "## app.stream"} <= set(names)


def test_core_has_none_of_it_and_says_what_to_attach() -> None:
    packages = {name.split("/")[1] for name in layer("core")}

    assert packages.isdisjoint({"aws_lambda_powertools", "aws_xray_sdk", "wrapt", "jsonpath_ng"})
    assert host_layer("core").exists()
