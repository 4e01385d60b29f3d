"""The hierarchical keyring at steady rates."""

from __future__ import annotations

from warmkey.plan.limits import Limits
from warmkey.plan.rates import Contexts, Rates
from warmkey.plan.rates_of_branch_keys import hierarchical


def test_each_branch_key_that_is_fetched_is_a_request_to_dynamodb_and_one_to_kms() -> None:
    rates = Rates(writes_per_second=5, reads_per_second=5, containers=10, readers=4, contexts=Contexts(count=10))

    outcome = hierarchical(rates, Limits())

    for counts in (outcome.encrypt, outcome.decrypt):
        assert counts.dynamodb_requests == counts.kms_requests["Decrypt"] > 0
