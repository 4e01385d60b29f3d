"""The recorder of facts."""

from __future__ import annotations

import pytest

from warmkey.events import CacheHit, CacheMiss, MissReason, Operation, fan_out
from warmkey.testing import Recorder

HIT = CacheHit(operation=Operation.ENCRYPT)
ABSENT = CacheMiss(operation=Operation.ENCRYPT, reason=MissReason.ABSENT)
EXPIRED = CacheMiss(operation=Operation.DECRYPT, reason=MissReason.EXPIRED)


def recorder_of(*events: CacheHit | CacheMiss) -> Recorder:
    recorder = Recorder()
    emit = fan_out(recorder)
    for event in events:
        emit(event)
    return recorder


def test_it_keeps_every_fact_in_order_hits_included() -> None:
    recorder = recorder_of(ABSENT, HIT, HIT, EXPIRED)

    assert recorder.events == [ABSENT, HIT, HIT, EXPIRED]
    assert repr(recorder) == "<Recorder of 4 facts>"


def test_of_gives_the_facts_of_one_kind() -> None:
    assert recorder_of(ABSENT, HIT, EXPIRED).of(CacheMiss) == [ABSENT, EXPIRED]


def test_count_narrows_down_by_fields_given_as_members_or_as_text() -> None:
    recorder = recorder_of(ABSENT, HIT, EXPIRED)

    assert recorder.count(CacheMiss) == 2
    assert recorder.count(CacheMiss, reason=MissReason.EXPIRED) == 1
    assert recorder.count(CacheMiss, reason="expired", operation="encrypt") == 0


def test_a_field_that_the_fact_does_not_have_is_an_error_in_the_test() -> None:
    with pytest.raises(AttributeError):
        recorder_of(ABSENT).count(CacheMiss, cause="expired")


def test_clear_forgets() -> None:
    recorder = recorder_of(ABSENT)

    recorder.clear()

    assert recorder.events == []


def test_assert_count_fails_with_the_whole_story() -> None:
    recorder = recorder_of(ABSENT, HIT)
    recorder.assert_count(1, CacheMiss, reason="absent")

    with pytest.raises(AssertionError) as failure:
        recorder.assert_count(2, CacheMiss, reason="absent")

    assert str(failure.value).splitlines() == [
        "expected 2 × CacheMiss(reason=absent), found 1",
        "recorded",
        f"  {ABSENT}",
        f"  {HIT}",
    ]


def test_assert_events_wants_exactly_these_in_this_order() -> None:
    recorder = recorder_of(ABSENT, HIT)
    recorder.assert_events(ABSENT, HIT)

    with pytest.raises(AssertionError, match="expected nothing\nrecorded\n"):
        recorder.assert_events()
    with pytest.raises(AssertionError, match="recorded nothing"):
        Recorder().assert_events(HIT)
