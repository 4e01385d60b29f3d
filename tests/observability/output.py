"""What was written to standard output, read back as CloudWatch would."""

from __future__ import annotations

import contextlib
import io
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Output", "written"]


class Output:
    """The JSON lines of some output."""

    def __init__(self, text: str = "") -> None:
        self.stream = io.StringIO()
        self.stream.write(text)

    @property
    def text(self) -> str:
        """All of it."""
        return self.stream.getvalue()

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Every line."""
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Log lines of whoever wrote them."""
        return [found for found in self.objects if "level" in found]

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Our log lines: level and event."""
        return [(line["level"], line["warmkey"]["event"]) for line in self.lines if "warmkey" in line]

    def fields(self, event: str) -> list[dict[str, Any]]:
        """What our log lines say of one kind of event."""
        ours = [line["warmkey"] for line in self.lines if "warmkey" in line]
        return [fields for fields in ours if fields["event"] == event]

    @property
    def blobs(self) -> list[dict[str, Any]]:
        """Metrics in CloudWatch's embedded format."""
        return [found for found in self.objects if "_aws" in found]

    def values(self, name: str) -> list[float]:
        """All values of one metric."""
        return [value for blob in self.blobs for value in blob.get(name, [])]

    @property
    def totals(self) -> dict[str, float]:
        """The sum of each metric, as CloudWatch would find it."""
        totals: Counter[str] = Counter()
        for blob in self.blobs:
            check_embedded_metric_format(blob)
            for metric in blob["_aws"]["CloudWatchMetrics"][0]["Metrics"]:
                totals[metric["Name"]] += sum(blob[metric["Name"]])
        return dict(totals)


@contextlib.contextmanager
def written() -> Iterator[Output]:
    """What the block writes, as far as it has come."""
    output = Output()
    with contextlib.redirect_stdout(output.stream):
        yield output


def check_embedded_metric_format(blob: dict[str, Any]) -> None:
    """The limits that CloudWatch sets."""
    (directive,) = blob["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"]
    assert len(directive["Metrics"]) <= 100
    for metric in directive["Metrics"]:
        assert 1 <= len(blob[metric["Name"]]) <= 100
    for dimensions in directive["Dimensions"]:
        assert len(dimensions) <= 29
        assert all(blob[dimension] for dimension in dimensions)
