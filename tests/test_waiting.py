"""Who may wait: everybody but what an event loop calls, as far as only frames of ours lie in between."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from warmkey import aio
from warmkey.caches.interface import CacheEntry
from warmkey.clock import SystemClock
from warmkey.events import MessageRefused, Operation, RefusalReason
from warmkey.exceptions import MalformedMessage
from warmkey.message_ends import Message
from warmkey.waiting import WouldWait, check_may_wait, may_wait, never_waiting

if TYPE_CHECKING:
    from collections.abc import Callable


def of_warmkey(source: str, **names: Any) -> Any:
    """What *source* defines, as if it were in a module of the library."""
    module: dict[str, Any] = {"__name__": "warmkey.made_for_a_test", **names}
    exec(source, module)
    return module["function"]


def test_a_call_may_wait() -> None:
    assert may_wait()
    check_may_wait()


def test_every_call_may_where_nothing_for_event_loops_was_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    step = of_warmkey("def function(): return check()", check=may_wait)
    call = never_waiting(of_warmkey("def function(step): return step()"))
    monkeypatch.setitem(never_waiting.__globals__, "_callers", {})

    assert call(step) is True


def test_one_that_an_event_loop_makes_may_not() -> None:
    step = of_warmkey("def function(): return check(), 1", check=may_wait)
    call = never_waiting(of_warmkey("def function(step): return step()"))

    assert call(step) == (False, 1)


def test_it_ends_with_an_error_that_no_handler_of_errors_catches() -> None:
    step = of_warmkey("def function():\n try: check()\n except Exception: return 'failed'", check=check_may_wait)
    call = never_waiting(of_warmkey("def function(step): return step()"))

    with pytest.raises(WouldWait):
        call(step)


def test_somebody_elses_call_in_the_middle_of_one_may() -> None:
    """A subscriber, a log handler, a signal handler or a finalizer."""
    step = of_warmkey("def function(): return check()", check=may_wait)
    call = never_waiting(of_warmkey("def function(step): return step()"))

    assert call(lambda: step()) is True  # noqa: PLW0108 - its frame is what this is about


def test_a_module_whose_name_begins_like_ours_is_somebody_elses() -> None:
    step = of_warmkey("def function(): return check()", check=may_wait)
    theirs: dict[str, Any] = {"__name__": "warmkey_extras", "step": step}
    exec("def function(): return step()", theirs)
    call = never_waiting(of_warmkey("def function(step): return step()"))

    assert call(theirs["function"]) is True


def test_another_thread_of_the_same_call_may() -> None:
    found: list[bool] = []
    step = of_warmkey("def function(): found.append(check())", check=may_wait, found=found)

    def in_a_thread() -> None:
        thread = threading.Thread(target=step)
        thread.start()
        thread.join()

    never_waiting(of_warmkey("def function(step): return step()"))(in_a_thread)

    assert found == [True]


def test_a_message_that_begins_again_in_a_thread_is_counted_when_it_ends_there() -> None:
    told: list[object] = []
    first = Message(told.append, (), Operation.ENCRYPT)
    with pytest.raises(WouldWait), first:
        raise WouldWait

    assert told == []

    again = Message(told.append, (), Operation.ENCRYPT)
    with pytest.raises(MalformedMessage), again:
        raise MalformedMessage("cut off")

    assert told == [MessageRefused(operation=Operation.ENCRYPT, reason=RefusalReason.MALFORMED)]


def refresh_claims(entry: CacheEntry) -> Callable[[int], bool]:
    step = of_warmkey("def function(thread): return entry.claim_refresh(thread)", entry=entry)
    return never_waiting(of_warmkey("def function(thread): return step(thread)", step=step))


def test_an_event_loop_leaves_the_renewal_of_an_entry_to_a_thread_and_goes_on_once_one_has_begun() -> None:
    entry = CacheEntry(object(), operation=Operation.DECRYPT, created=SystemClock().now(), time_to_live=60)
    claim_in_the_loop = refresh_claims(entry)

    assert claim_in_the_loop(1) is False, "the first to see that it is due goes on"
    with pytest.raises(WouldWait):
        claim_in_the_loop(1)
    assert entry.claim_refresh(2) is True
    assert claim_in_the_loop(1) is False, "a thread renews it"


def test_the_thread_that_saw_an_entry_first_renews_it_when_an_event_loop_sends_it() -> None:
    entry = CacheEntry(object(), operation=Operation.DECRYPT, created=SystemClock().now(), time_to_live=60)
    claim_in_the_loop = refresh_claims(entry)

    assert entry.claim_refresh(2) is False
    with pytest.raises(WouldWait):
        claim_in_the_loop(1)
    assert entry.claim_refresh(2) is True


def test_the_functions_for_event_loops_are_such_calls() -> None:
    assert {id(getattr(aio, name).__code__) for name in aio.__all__} <= never_waiting.__globals__["_callers"].keys()
