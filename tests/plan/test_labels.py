"""Contexts that reports show."""

from __future__ import annotations

from tests.plan.made import trace_of
from warmkey.plan.labels import busiest_contexts
from warmkey.plan.traffic import TraceTraffic


def test_the_ten_contexts_with_most_messages_are_shown() -> None:
    uses = {f"tenant {number}": number for number in range(1, 13)}
    rows = [(0, "encrypt", tenant, 1, "c", "") for tenant, count in uses.items() for _ in range(count)]
    traffic = TraceTraffic(trace_of(*rows), "a trace")

    assert busiest_contexts(traffic, show_contexts=True) == [
        (f"tenant {number}", number) for number in range(12, 2, -1)
    ]
    assert busiest_contexts(traffic, show_contexts=False)[0] == ("context 12", 12)
