"""Tables that set the strategies side by side."""

from __future__ import annotations

import sys
from dataclasses import replace

from tests.plan.made import encrypts
from warmkey.plan.bill import Surroundings
from warmkey.plan.limits import Limits
from warmkey.plan.plan import Request, make_plan
from warmkey.plan.prices import TABLE
from warmkey.plan.progress import Progress
from warmkey.plan.tables import side_by_side
from warmkey.plan.traffic import TraceTraffic


def test_a_reason_that_one_strategy_has_is_nought_of_the_other() -> None:
    around = Surroundings(prices=TABLE, region="eu-west-1", quota=100)
    strategies = ["caching", "hierarchical"]
    request = Request(method="model", strategies=strategies, limits=Limits(), around=around, with_grid=False)
    plan = make_plan(TraceTraffic(encrypts(range(9)), "a trace"), request, Progress(sys.stderr, quiet=True))
    caching, hierarchical = (
        replace(plan.strategies[name], outcome=replace(outcome, encrypt=replace(outcome.encrypt, bypasses=bypasses)))
        for name, bypasses in zip(strategies, ({"too-long": 2.0}, {}), strict=True)
        for outcome in [plan.strategies[name].outcome]
    )

    rows = list(side_by_side(replace(plan, strategies={"caching": caching, "hierarchical": hierarchical})))

    assert ("  encrypt, bypasses: too-long", "2", "0", "") in rows
