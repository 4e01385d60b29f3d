"""The default client: built once, when it should be, and never used by a process that did not build it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config

import warmkey
from tests.forks import become_another_process
from tests.lambda_runtime.processes import in_child, in_new_process
from warmkey import ConfigurationError, fork_safety
from warmkey.events import CacheEviction, EvictionReason
from warmkey.lambda_runtime import default_client
from warmkey.lambda_runtime.default_client import DEFAULT
from warmkey.testing import fake_kms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from warmkey.testing import KmsSession

CONTEXT = {"tenant": "a"}
KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.fixture
def session() -> Iterator[KmsSession]:
    with fake_kms() as session:
        yield session


# --- when it is built


def test_nothing_is_built_before_the_first_use(session: KmsSession) -> None:
    assert DEFAULT._runtime is None
    warmkey.encrypt(b"order", CONTEXT)
    assert DEFAULT._runtime is not None


def test_threads_that_come_together_share_one(session: KmsSession, monkeypatch: pytest.MonkeyPatch) -> None:
    threads, built = 16, []
    wire = default_client.wire
    start = threading.Barrier(threads)
    found: list[Any] = []

    def counting(*args: Any, **kwargs: Any) -> Any:
        built.append(1)
        return wire(*args, **kwargs)

    def use() -> None:
        start.wait()
        found.append(warmkey.default_cmm())

    monkeypatch.setattr(default_client, "wire", counting)
    crowd = [threading.Thread(target=use) for _ in range(threads)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()

    assert (len(built), len(set(map(id, found))), len(found)) == (1, 1, threads)


def test_a_failure_to_build_can_be_repaired(session: KmsSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARMKEY_MAX_AGE_SECONDS", "soon")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"WARMKEY_MAX_AGE_SECONDS must be .*, not str of length 4"):
            warmkey.encrypt(b"order", CONTEXT)

    monkeypatch.setenv("WARMKEY_MAX_AGE_SECONDS", "60")

    assert warmkey.decrypt(warmkey.encrypt(b"order", CONTEXT), CONTEXT) == b"order"


# --- configure


@pytest.mark.parametrize("use", [warmkey.warm_up, warmkey.default_cmm, warmkey.default_client, warmkey.cache_info])
def test_configure_after_the_first_use_is_refused(monkeypatch: pytest.MonkeyPatch, use: Any) -> None:
    monkeypatch.setenv("WARMKEY_KMS_KEY_ARNS", KEY)
    use()

    with pytest.raises(ConfigurationError, match="after the first use"):
        warmkey.configure(max_age_seconds=60)


def test_configure_before_the_first_use_may_be_repeated_and_the_last_counts(session: KmsSession) -> None:
    warmkey.configure(kms_client=session.client, max_age_seconds=60)
    warmkey.configure(kms_client=session.client, max_age_seconds=90)

    assert warmkey.cache_info().max_age_seconds == 90


def test_a_bad_keyword_is_refused_at_once_and_changes_nothing(session: KmsSession) -> None:
    with pytest.raises(ConfigurationError, match=r"max_age_seconds must be .*, not 0"):
        warmkey.configure(max_age_seconds=0)

    assert warmkey.decrypt(warmkey.encrypt(b"order", CONTEXT), CONTEXT) == b"order"


def test_under_a_session_of_a_test_the_codes_own_botocore_config_stays_in_force(session: KmsSession) -> None:
    config = Config(read_timeout=7)
    warmkey.configure(botocore_config=config)

    assert DEFAULT.overrides().botocore_config is config


@pytest.mark.parametrize(
    ("argument", "value"),
    [("emit", "print"), ("botocore_config", {"read_timeout": 1}), ("clock", 7)],
)
def test_an_argument_of_another_type_is_refused_at_once(argument: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"^{argument} must be .*, not {type(value).__name__}"):
        warmkey.configure(**{argument: value})


def test_configure_after_a_reset_starts_from_the_environment(session: KmsSession) -> None:
    warmkey.configure(kms_client=session.client, max_age_seconds=60)
    warmkey.reset()

    warmkey.configure(kms_client=session.client)

    assert warmkey.cache_info().max_age_seconds == 300


# --- eager


EAGER = {"WARMKEY_INIT": "eager", "WARMKEY_KMS_KEY_ARNS": KEY, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
# Nobody listens there: a request would fail.
NOWHERE = {"AWS_ENDPOINT_URL_KMS": "http://127.0.0.1:1"}


def test_eager_builds_at_the_import_and_asks_kms_nothing() -> None:
    done = in_new_process(
        """
        import warmkey, sys
        from warmkey.lambda_runtime.default_client import DEFAULT
        assert DEFAULT._ready is not None and "botocore" in sys.modules
        assert DEFAULT.get() is DEFAULT._runtime and DEFAULT._ready is None
        """,
        **EAGER,
        **NOWHERE,
    )

    assert done.returncode == 0, done.stderr


def test_lazy_imports_no_boto3() -> None:
    done = in_new_process("import warmkey, sys; assert not {'boto3', 'botocore'} & set(sys.modules)")

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("variables", "error"),
    [
        ({"WARMKEY_INIT": "eager"}, "WARMKEY_KMS_KEY_ARNS is missing"),
        (
            {**EAGER, "WARMKEY_MAX_AGE_SECONDS": "0"},
            "WARMKEY_MAX_AGE_SECONDS must be a number of seconds in digits, such as 300 or 0.5, greater than 0, to 1",
        ),
        ({"WARMKEY_INIT": "eagre"}, "WARMKEY_INIT must be lazy or eager, not 'eagre'"),
    ],
)
def test_eager_fails_at_the_import_where_settings_are_wrong(variables: dict[str, str], error: str) -> None:
    done = in_new_process("import warmkey", **variables)

    assert done.returncode == 1
    assert f"warmkey.exceptions.ConfigurationError: {error}" in done.stderr


def test_configure_may_follow_an_eager_import_and_is_eager_too() -> None:
    done = in_new_process(
        """
        import warmkey
        from warmkey.lambda_runtime.default_client import DEFAULT
        warmkey.configure(max_age_seconds=60)
        assert DEFAULT._ready.settings.max_age_seconds == 60
        assert warmkey.cache_info().max_age_seconds == 60
        """,
        **EAGER,
    )

    assert done.returncode == 0, done.stderr


def test_configure_can_be_eager_by_itself(session: KmsSession) -> None:
    warmkey.configure(kms_client=session.client, init="eager")

    assert DEFAULT._ready is not None
    assert warmkey.default_cmm() is DEFAULT._runtime.cmm  # type: ignore[union-attr]


def test_an_eager_configure_fails_at_once_and_can_be_repeated(
    session: KmsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARMKEY_MAX_AGE_SECONDS", "soon")
    with pytest.raises(ConfigurationError, match=r"WARMKEY_MAX_AGE_SECONDS must be .*, not str of length 4"):
        warmkey.configure(kms_client=session.client, init="eager")

    warmkey.configure(kms_client=session.client, init="eager", max_age_seconds=60)

    assert warmkey.cache_info().max_age_seconds == 60


# --- reset


def test_reset_forgets_data_keys_client_and_configuration(session: KmsSession) -> None:
    warmkey.configure(kms_client=session.client, emit=session.facts, max_age_seconds=60)
    warmkey.encrypt(b"order", CONTEXT)
    before = warmkey.default_cmm()

    warmkey.reset()
    warmkey.configure(kms_client=session.client)
    warmkey.encrypt(b"order", CONTEXT)

    assert len(before.cache) == 0  # type: ignore[arg-type]
    session.facts.assert_count(1, CacheEviction, reason=EvictionReason.PURGED)
    assert warmkey.default_cmm().partition_id != before.partition_id
    assert warmkey.cache_info().max_age_seconds == 300
    session.assert_kms_calls(2)


def test_reset_before_the_first_use_does_nothing() -> None:
    warmkey.reset()
    warmkey.reset()


def test_reset_without_a_cache_has_nothing_to_purge(session: KmsSession) -> None:
    warmkey.configure(kms_client=session.client, cache=False)
    warmkey.encrypt(b"order", CONTEXT)

    warmkey.reset()


# --- forks


def test_a_child_builds_its_own_of_the_same_configuration(session: KmsSession) -> None:
    warmkey.configure(kms_client=session.client, max_age_seconds=60)
    message = warmkey.encrypt(b"order", CONTEXT)
    partition = warmkey.default_cmm().partition_id

    def in_the_child() -> Any:
        before = warmkey.cache_info()
        warmkey.decrypt(message, CONTEXT)
        warmkey.encrypt(b"order", CONTEXT)
        return (
            before.entries,
            before.encrypt.requests,
            before.max_age_seconds,
            before.partition_id,
            session.client.count(),
        )

    entries, requests, max_age, childs_partition, calls = in_child(in_the_child)

    assert (entries, requests, max_age, calls) == (0, 0, 60, 3)
    assert childs_partition != partition
    assert warmkey.cache_info().entries == 1


def test_a_child_closes_the_connections_of_a_client_that_it_was_given(session: KmsSession) -> None:
    warmkey.encrypt(b"order", CONTEXT)

    def in_the_child() -> Any:
        before = session.client.closed
        warmkey.encrypt(b"order", CONTEXT)
        return before, session.client.closed

    assert in_child(in_the_child) == [False, True]
    assert not session.client.closed


def test_a_child_that_python_did_not_fork_notices_by_the_process_mark(
    session: KmsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    warmkey.encrypt(b"order", CONTEXT)
    parents = DEFAULT._runtime
    DEFAULT._lock.acquire()  # as a thread of the parent might have held it
    become_another_process(monkeypatch)

    warmkey.encrypt(b"order", CONTEXT)

    assert DEFAULT._runtime is not parents
    session.assert_kms_calls(2)


def test_a_thread_that_looks_while_another_one_drops_is_not_given_the_parents_client(
    session: KmsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    warmkey.encrypt(b"order", CONTEXT)
    parents = DEFAULT._runtime
    become_another_process(monkeypatch)

    class AnotherThreadsTurn:
        """It drops what was the parent's just before this thread sees the mark."""

        def __getitem__(self, index: int) -> int:
            fork_safety.notice_fork()
            return fork_safety.PROCESS_MARK[index]

    monkeypatch.setattr(default_client, "PROCESS_MARK", AnotherThreadsTurn())

    assert DEFAULT.get() is not parents


@pytest.mark.parametrize("use", [warmkey.reset, lambda: warmkey.configure(max_age_seconds=60)])
def test_such_a_child_may_begin_with_anything(session: KmsSession, monkeypatch: pytest.MonkeyPatch, use: Any) -> None:
    warmkey.encrypt(b"order", CONTEXT)
    DEFAULT._lock.acquire()
    become_another_process(monkeypatch)

    use()

    assert DEFAULT._runtime is None


def test_a_fork_while_another_thread_builds_does_not_deadlock(
    session: KmsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = default_client.wire
    building, go_on = threading.Event(), threading.Event()

    def slow(*args: Any, **kwargs: Any) -> Any:
        if threading.current_thread() is builder:
            building.set()
            go_on.wait(30)
        return wire(*args, **kwargs)

    monkeypatch.setattr(default_client, "wire", slow)
    builder = threading.Thread(target=warmkey.warm_up)
    builder.start()
    building.wait(30)

    text = in_child(lambda: warmkey.decrypt_text(warmkey.encrypt_text("order", CONTEXT), CONTEXT))
    go_on.set()
    builder.join()

    assert text == "order"
