"""Which tenant code runs for: in the handler, in threads, in tasks, in children, and where nobody can know."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import pytest

from tests.lambda_runtime.processes import in_child
from warmkey.observability import instrument, invocations
from warmkey.observability.invocations import TenantUnknownError, current_tenant_id

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class LambdaContext:
    """What we look at."""

    tenant_id: Any = "a"
    aws_request_id: str = "request-1"


@pytest.fixture(autouse=True)
def _a_process_that_served_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever other tests left behind."""
    monkeypatch.setattr(invocations, "_invocations", invocations._Invocations())
    monkeypatch.setattr(invocations, "_current", contextvars.ContextVar("of this test", default=None))


def in_thread(function: Callable[[], str]) -> str:
    """Run it in a thread that carries no context variables."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(contextvars.Context().run, function).result()


def unknown(function: Callable[[], str] = current_tenant_id) -> str:
    with pytest.raises(TenantUnknownError) as raised:
        function()
    return str(raised.value)


def test_the_handler_knows_it() -> None:
    @instrument
    def handler(_event: object, _context: object) -> str:
        return current_tenant_id()

    assert [handler({}, LambdaContext(tenant)) for tenant in ("a", "b")] == ["a", "b"]
    assert handler({}, _context=LambdaContext("c")) == "c"


def test_a_part_of_the_handler_that_is_instrumented_belongs_to_the_whole() -> None:
    with instrument(LambdaContext("a")), instrument(LambdaContext("b")):
        assert current_tenant_id() == "a"


def test_outside_of_an_invocation_there_is_none() -> None:
    assert "outside of an invocation" in unknown()
    with instrument(LambdaContext()):
        pass
    assert "outside of an invocation" in unknown()
    assert "outside of an invocation" in in_thread(unknown)


@pytest.mark.parametrize("tenant", [None, "", 7, MagicMock()], ids=["none", "empty", "a number", "a mock"])
def test_lambda_may_have_given_none(tenant: object) -> None:
    with instrument(LambdaContext(tenant)):
        assert "no Lambda context with a tenant_id" in unknown()
        assert "no Lambda context with a tenant_id" in in_thread(unknown)


def test_a_context_whose_attributes_raise_has_none() -> None:
    class Hostile:
        aws_request_id = "request-1"

        @property
        def tenant_id(self) -> str:
            raise ValueError

    with instrument(Hostile()):
        assert "no Lambda context with a tenant_id" in unknown()


def test_a_request_id_that_can_t_be_shown_keeps_no_tenant_from_being_known() -> None:
    class Unprintable:
        def __str__(self) -> str:
            raise ValueError

    with instrument(LambdaContext("a", Unprintable())):  # type: ignore[arg-type]
        assert current_tenant_id() == "a"


def test_threads_and_executors_that_are_older_than_the_invocation_belong_to_it() -> None:
    with ThreadPoolExecutor(1) as executor:
        executor.submit(int).result()
        for tenant in ("a", "b"):
            with instrument(LambdaContext(tenant)):
                assert executor.submit(current_tenant_id).result() == tenant
        assert "outside of an invocation" in executor.submit(unknown).result()


def test_asyncio_tasks_and_their_threads_carry_their_invocation() -> None:
    async def request(tenant: str, all_are_in: asyncio.Barrier) -> list[str]:
        with instrument(LambdaContext(tenant)):
            await all_are_in.wait()
            found = [current_tenant_id(), await asyncio.to_thread(current_tenant_id)]
            found.append(await asyncio.create_task(asyncio.to_thread(current_tenant_id)))
            await all_are_in.wait()
            return found

    async def main() -> list[list[str]]:
        all_are_in = asyncio.Barrier(3)
        return await asyncio.gather(*(request(tenant, all_are_in) for tenant in "abc"))

    assert asyncio.run(main()) == [["a"] * 3, ["b"] * 3, ["c"] * 3]


def test_among_several_at_once_a_thread_without_context_variables_is_refused_for_good() -> None:
    """Once there were several, the only one that is left may be another than the one that started the thread."""
    with instrument(LambdaContext("a")):
        assert in_thread(current_tenant_id) == "a"
        contextvars.Context().run(check_a_second_invocation)
        assert current_tenant_id() == "a"
        assert "serves several invocations at once" in in_thread(unknown)
    with instrument(LambdaContext("c")):
        assert "serves several invocations at once" in in_thread(unknown)
        assert current_tenant_id() == "c"


def check_a_second_invocation() -> None:
    with instrument(LambdaContext("b")):
        assert current_tenant_id() == "b"
        assert "serves several invocations at once" in in_thread(unknown)


def test_several_of_one_tenant_are_as_good_as_one() -> None:
    def second() -> None:
        with instrument(LambdaContext("a")):
            assert in_thread(current_tenant_id) == "a"

    with instrument(LambdaContext("a")):
        contextvars.Context().run(second)
        assert in_thread(current_tenant_id) == "a"


def test_beside_one_without_a_tenant_a_thread_is_refused_while_both_are_there() -> None:
    def second() -> None:
        with instrument():
            assert "serves several invocations at once" in in_thread(unknown)

    with instrument(LambdaContext("a")):
        contextvars.Context().run(second)
        assert in_thread(current_tenant_id) == "a"


def test_what_outlives_its_invocation_does_not_become_the_next_ones() -> None:
    with instrument(LambdaContext("a")):
        carried = contextvars.copy_context()
    assert "has ended" in carried.run(unknown)
    with instrument(LambdaContext("b")):
        assert "has ended" in carried.run(unknown)
        gc.collect()
        assert "has ended" in carried.run(unknown)
        assert carried.run(check_anew) == "c"


def check_anew() -> str:
    with instrument(LambdaContext("c")):
        return current_tenant_id()


def test_a_forked_child_has_to_say_so_again() -> None:
    def child() -> list[str]:
        with instrument(LambdaContext("b")):
            told = current_tenant_id()
        return [unknown(), told]

    with instrument(LambdaContext("a")):
        first, told = in_child(child)
        assert "has ended, or was its parent's" in first
        assert told == "b"


def test_threads_that_look_while_invocations_come_and_go_see_only_tenants_that_are_there() -> None:
    seen: set[str] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            try:
                seen.add(current_tenant_id())
            except TenantUnknownError as error:
                seen.add(str(error))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(500):
        with instrument(LambdaContext("a")):
            pass
    done.set()
    for thread in threads:
        thread.join()

    assert {each for each in seen if "outside of an invocation" not in each} <= {"a"}
