"""The array model of the caching CMM, on a few rows that are counted by hand."""

from __future__ import annotations

from tests.plan.made import encrypts, replayed, trace_of
from warmkey.plan.limits import Limits
from warmkey.plan.trace_model import model


def test_without_capacity_only_what_is_encrypted_can_be_over_the_byte_limit() -> None:
    trace = trace_of(
        (0, "encrypt", "a", 10, "c", ""),
        (1, "encrypt", "a", 11, "c", ""),
        (2, "decrypt", "a", 11, "c", ""),
        (3, "decrypt", "a", 1, "c", ""),
    )
    limits = Limits(capacity=0, max_bytes=10)

    modelled, counted = model("caching", trace, limits), replayed(trace, limits)

    assert modelled.encrypt.bypasses == counted.encrypt.bypasses == {"over-byte-limit": 1, "caching-off": 1}
    assert modelled.decrypt.bypasses == counted.decrypt.bypasses == {"caching-off": 2}


def test_messages_without_bytes_are_no_bytes_under_their_data_key() -> None:
    outcome = model("caching", encrypts([0, 1], length=0), Limits())

    assert (outcome.max_messages_per_data_key, outcome.max_bytes_per_data_key) == (2, 0)
