"""The text of a plan."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.plan.made import encrypts
from warmkey.plan.bill import Surroundings
from warmkey.plan.limits import Limits
from warmkey.plan.plan import Request, make_plan
from warmkey.plan.prices import TABLE
from warmkey.plan.progress import Progress
from warmkey.plan.report_text import as_text
from warmkey.plan.traffic import TraceTraffic

if TYPE_CHECKING:
    from warmkey.plan.plan import Plan


def plan_of(traffic: TraceTraffic) -> Plan:
    around = Surroundings(prices=TABLE, region="eu-west-1", quota=100)
    request = Request(method="model", strategies=["caching"], limits=Limits(), around=around, with_grid=False)
    return make_plan(traffic, request, Progress(sys.stderr, quiet=True))


def blocks(*notes: str) -> list[str]:
    """Return the parts of the text between blank lines."""
    traffic = TraceTraffic(encrypts([0, 1]), "a trace")
    traffic.notes[:] = notes
    return as_text(plan_of(traffic)).split("\n\n")


def test_notes_come_last_after_a_blank_line() -> None:
    without = blocks()

    assert without[-1] == "There are fewer than 100 messages, too few to say what to choose.\n"
    assert blocks("one", "another") == [*without[:-1], without[-1].rstrip(), "note: one\nnote: another\n"]
