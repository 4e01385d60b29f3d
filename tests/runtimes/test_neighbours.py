"""The built layer beside others that carry what it carries: messages go there and back, metrics come out.

And the versions that count are those that Lambda's rules say: the function's own come first, a later layer's files
replace an earlier one's, and a folder for one Python version comes before the folder for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from layer import runtimes
from tests.runtimes.unpacked import RUNTIMES, pins, start

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.runtimes.unpacked import Files, Parts

pytestmark = [pytest.mark.layer, pytest.mark.runtime]

# The whole matrix takes minutes: by default all of it runs on the newest Python, and on the others on request.
PYTHONS = [
    pytest.param(runtime, marks=[] if [runtime] == RUNTIMES[-1:] else pytest.mark.full) for runtime in runtimes.RUNTIMES
]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """*layers* in the order in which they are attached, and what the function brings; both by the names of parts.

    The other fields say whose version counts: the name of the requirements that pin it.
    """

    layers: tuple[str, ...] = ("full",)
    function: tuple[str, ...] = ()
    cryptography: str = "layer"
    powertools: str = "layer"
    botocore: str = "runtime"


SCENARIOS = {
    "alone": Scenario(),
    "the function brings older ones": Scenario(function=("older",), cryptography="neighbours", powertools="neighbours"),
    "the function brings newer ones": Scenario(layers=("last year's",), function=("newer",)),
    "the function brings the oldest boto3": Scenario(function=("boto3",), botocore="neighbours"),
    "another layer before": Scenario(layers=("older", "full")),
    "another layer after": Scenario(layers=("full", "older"), cryptography="neighbours", powertools="neighbours"),
    "another layer before core": Scenario(layers=("older", "core"), powertools="neighbours"),
    "another layer after core": Scenario(layers=("core", "older"), cryptography="neighbours", powertools="neighbours"),
    "another layer for one Python": Scenario(
        layers=("older for one Python", "full"), cryptography="neighbours", powertools="neighbours"
    ),
}


def merged(parts: Parts, names: tuple[str, ...], *, runtime: str) -> Files:
    """The parts unpacked over each other, the later ones over the earlier."""
    files: dict[str, bytes] = {}
    for name in names:
        part, _, only = name.partition(" for ")
        home = f"python/lib/python{runtime}/site-packages/" if only else "python/"
        files |= {home + path.removeprefix("python/"): content for path, content in parts[part].items()}
    return files


@pytest.mark.parametrize("runtime", PYTHONS)
@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_a_message_goes_there_and_back(
    scenario: Scenario, runtime: str, parts: Parts, environment: Mapping[str, str], tmp_path: Path
) -> None:
    if runtime not in RUNTIMES:
        pytest.skip(f"no Python {runtime} is here, or `make runtimes` has not run")
    opt, function = (merged(parts, names, runtime=runtime) for names in (scenario.layers, scenario.function))
    with start(tmp_path, runtime=runtime, opt=opt, function=function, environment=environment) as running:
        result = running.invoke({}).result
        output = running.output()

    expected = {
        "python": runtime,
        "cryptography": pins(scenario.cryptography)["cryptography"],
        "aws-lambda-powertools": pins(scenario.powertools)["aws-lambda-powertools"],
        "botocore": pins(scenario.botocore)["botocore"],
    }
    assert result == expected
    assert '"CloudWatchMetrics"' in output
