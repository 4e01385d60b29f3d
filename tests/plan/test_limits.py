"""Limits that no cache could have are refused."""

from __future__ import annotations

from typing import Any

import pytest

from warmkey.exceptions import ConfigurationError
from warmkey.plan.limits import Limits


@pytest.mark.parametrize(
    "limits",
    [
        {"max_age": 0},
        {"jitter": 1},
        {"max_messages": 0},
        {"max_messages": 2**32 + 1},
        {"max_bytes": -1},
        {"max_bytes": 2**63},
        {"capacity": -1},
        {"branch_key_ttl": 0},
    ],
    ids=str,
)
def test_a_limit_that_can_not_be_is_refused_by_its_name(limits: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"^{next(iter(limits))} must be "):
        Limits(**limits)
