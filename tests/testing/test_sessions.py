"""A KMS of the test's own behind warmkey's default client, by fixture and by context manager."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

import warmkey
from warmkey.clock import SystemClock
from warmkey.events import CacheHit, CacheMiss, KmsRequest
from warmkey.testing import FakeKms, assert_kms_calls, fake_kms, moto_kms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from warmkey.events import Event
    from warmkey.testing import KmsSession

SESSIONS: dict[str, Callable[[], AbstractContextManager[KmsSession]]] = {"fake": fake_kms, "moto": moto_kms}
CONTEXT = {"tenant": "a"}


@pytest.fixture(params=SESSIONS)
def session(request: pytest.FixtureRequest) -> Iterator[KmsSession]:
    with SESSIONS[request.param]() as session:
        yield session


def test_the_default_client_works_on_the_key_of_the_session(session: KmsSession) -> None:
    ciphertext = warmkey.encrypt(b"order", CONTEXT)

    assert warmkey.decrypt(ciphertext, CONTEXT) == b"order"
    assert {request.key_arn for request in session.facts.of(KmsRequest)} == {session.key_arn}
    assert session.client.describe_key(KeyId=session.key_arn)["KeyMetadata"]["Enabled"]


def test_kms_requests_are_counted(session: KmsSession) -> None:
    for _ in range(3):
        warmkey.decrypt(warmkey.encrypt(b"order", CONTEXT), CONTEXT)

    session.assert_kms_calls(2)
    session.assert_kms_calls(1, "GenerateDataKey")
    assert session.kms_calls.operations == ["GenerateDataKey", "Decrypt"]
    with pytest.raises(
        AssertionError, match="expected 1 KMS requests, counted 2; all of them: GenerateDataKey, Decrypt"
    ):
        session.assert_kms_calls(1)


def test_facts_are_recorded(session: KmsSession) -> None:
    warmkey.encrypt(b"order", CONTEXT)
    warmkey.encrypt(b"order", CONTEXT)

    session.facts.assert_count(1, CacheMiss, operation="encrypt", reason="absent")
    session.facts.assert_count(1, CacheHit, operation="encrypt")


def test_clear_begins_the_count_after_the_set_up_and_keeps_the_cache(session: KmsSession) -> None:
    warmkey.encrypt(b"order", CONTEXT)

    session.clear()
    warmkey.encrypt(b"order", CONTEXT)

    session.assert_kms_calls(0)
    session.facts.assert_events(CacheHit(operation="encrypt"))  # type: ignore[arg-type]


def test_time_moves_when_the_test_says_so(session: KmsSession) -> None:
    session.configure(max_age_seconds=60)
    warmkey.encrypt(b"order", CONTEXT)

    session.clock.tick(61)
    warmkey.encrypt(b"order", CONTEXT)

    session.assert_kms_calls(2, "GenerateDataKey")


def test_settings_of_the_environment_hold_when_set_before_the_first_use(
    session: KmsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARMKEY_MAX_MESSAGES_ENCRYPTED", "1")

    for _ in range(3):
        warmkey.encrypt(b"order", CONTEXT)

    session.assert_kms_calls(3, "GenerateDataKey")


@pytest.mark.parametrize("kind", SESSIONS)
def test_nothing_is_left_behind(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("WARMKEY_KMS_KEY_ARNS", "mine")
    before = dict(os.environ)

    with SESSIONS[kind]() as session:
        assert "AWS_PROFILE" not in os.environ
        assert os.environ["WARMKEY_KMS_KEY_ARNS"] == session.key_arn
        warmkey.encrypt(b"order")

    assert before == dict(os.environ)
    with pytest.raises(warmkey.ConfigurationError):
        warmkey.encrypt(b"order")
    warmkey.reset()


@pytest.mark.parametrize("kind", SESSIONS)
def test_one_session_after_another_begins_with_an_empty_cache(kind: str) -> None:
    for _ in range(2):
        with SESSIONS[kind]() as session:
            warmkey.decrypt(warmkey.encrypt(b"order"))
            session.assert_kms_calls(2)


@pytest.mark.parametrize("kind", SESSIONS)
def test_the_region_is_that_of_the_environment(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")

    with SESSIONS[kind]() as session:
        warmkey.encrypt(b"order")

        assert session.client.meta.region_name == session.key_arn.split(":")[3] == "eu-central-1"


def test_settings_may_be_given_with_the_session() -> None:
    with fake_kms(cache="off") as session:
        warmkey.encrypt(b"order")
        warmkey.encrypt(b"order")

        session.assert_kms_calls(2, "GenerateDataKey")


def test_the_fixture_with_moto_mocks_the_rest_of_aws_too(warmkey_kms: KmsSession) -> None:
    assert boto3.client("sts").get_caller_identity()["Account"] == warmkey_kms.key_arn.split(":")[4]
    with assert_kms_calls(1):
        warmkey.encrypt(b"order")


def test_the_fixture_with_the_fake_injects_faults(warmkey_fake_kms: KmsSession) -> None:
    assert isinstance(warmkey_fake_kms.client, FakeKms)
    warmkey_fake_kms.client.fail(error="denied")

    with pytest.raises(warmkey.KeyUnavailable):
        warmkey.encrypt(b"order")


def test_without_moto_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "moto", None)

    with pytest.raises(ImportError, match="pip install moto"), moto_kms():
        pass


def test_without_pytest_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pytest", None)
    monkeypatch.delitem(sys.modules, "warmkey.testing.pytest_plugin")

    with pytest.raises(ImportError, match="pip install pytest"):
        importlib.import_module("warmkey.testing.pytest_plugin")


# --- what a test put in place stays


REAL = "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"


class RealKms:
    """Stands for the KMS that the function is to use, and no test."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"the real KMS was asked for {name}")


@pytest.mark.parametrize(
    "passed",
    [
        {"kms_client": RealKms()},
        {"kms_key_arns": REAL},
        {"kms_key_arns": [REAL], "decrypt_key_arns": [REAL]},
        {"kms_mode": "discovery", "discovery_accounts": ["444455556666"]},
        {"kms_mode": "mrk", "kms_key_arns": REAL},
        {"clock": SystemClock()},
        {"botocore_config": Config(read_timeout=7)},
        {"init": "eager", "kms_client": RealKms(), "kms_key_arns": REAL},
    ],
    ids="+".join,
)
def test_kms_keys_and_clock_stay_whatever_the_code_passes(session: KmsSession, passed: dict[str, Any]) -> None:
    warmkey.configure(max_age_seconds=60, **passed)

    message = warmkey.encrypt(b"order", CONTEXT)
    assert warmkey.decrypt(message, CONTEXT) == b"order"
    assert {request.key_arn for request in session.facts.of(KmsRequest)} == {session.key_arn}
    session.assert_kms_calls(2)
    session.clock.tick(61)
    warmkey.encrypt(b"order", CONTEXT)
    session.assert_kms_calls(3)


def test_the_facts_are_told_beside_the_codes_own_subscriber(session: KmsSession) -> None:
    seen: list[Event] = []
    warmkey.configure(emit=seen.append)

    warmkey.encrypt(b"order", CONTEXT)

    assert [event for event in seen if isinstance(event, CacheMiss)] == session.facts.of(CacheMiss)
    session.facts.assert_count(1, CacheMiss)


def test_a_subscriber_that_the_code_has_from_the_test_is_told_once(session: KmsSession) -> None:
    warmkey.configure(emit=session.facts)

    warmkey.encrypt(b"order", CONTEXT)

    session.facts.assert_count(1, CacheMiss)


def test_the_tests_settings_win_over_the_codes_and_the_codes_over_the_environment(
    session: KmsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARMKEY_MAX_AGE_SECONDS", "10")
    monkeypatch.setenv("WARMKEY_CACHE_CAPACITY", "20")
    monkeypatch.setenv("WARMKEY_PARTITION_ID", "environment")
    session.configure(max_age_seconds=30)
    warmkey.configure(max_age_seconds=40, cache_capacity=50)

    info = warmkey.cache_info()
    assert (info.max_age_seconds, info.capacity, info.partition_id) == (30, 50, "environment")


def test_so_they_do_in_the_other_order(session: KmsSession) -> None:
    warmkey.configure(max_age_seconds=40, cache_capacity=50)
    session.configure(max_age_seconds=30)

    assert (warmkey.cache_info().max_age_seconds, warmkey.cache_info().capacity) == (30, 50)


def test_what_the_code_configured_before_the_session_holds_in_it_and_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that is imported when tests are collected configures once, for all of them."""
    monkeypatch.setenv("WARMKEY_KMS_KEY_ARNS", REAL)
    warmkey.reset()
    warmkey.configure(kms_client=FakeKms(), max_age_seconds=60)
    try:
        for _ in range(2):
            with fake_kms() as session:
                warmkey.encrypt(b"order", CONTEXT)
                session.assert_kms_calls(1)
                assert warmkey.cache_info().max_age_seconds == 60
        assert warmkey.cache_info().max_age_seconds == 60
    finally:
        warmkey.reset()


def test_what_the_code_configured_in_a_session_is_not_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARMKEY_KMS_KEY_ARNS", REAL)
    with fake_kms():
        warmkey.configure(max_age_seconds=60)
    with fake_kms():
        assert warmkey.cache_info().max_age_seconds == 300
    warmkey.configure(kms_client=FakeKms(), max_age_seconds=90)
    assert warmkey.cache_info().max_age_seconds == 90
    warmkey.reset()


MODULE = """
import warmkey
{before}
warmkey.configure(kms_key_arns={arn!r}, max_age_seconds=60)
def handler(event, context):
    return warmkey.encrypt(event)
"""


@pytest.mark.parametrize("before", ["", "warmkey.reset()"])
def test_a_module_that_configures_can_be_reloaded_after_a_first_use(
    session: KmsSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    (tmp_path / "module_under_test.py").write_text(MODULE.format(before=before, arn=REAL))
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("module_under_test")
    try:
        for calls in (1, 2):
            module.handler(b"order", None)
            module.handler(b"order", None)
            session.assert_kms_calls(calls)
            importlib.reload(module)
        assert warmkey.cache_info().max_age_seconds == 60
    finally:
        del sys.modules["module_under_test"]


def test_a_misspelt_setting_of_the_code_is_refused_in_a_session_too(session: KmsSession) -> None:
    with pytest.raises(warmkey.ConfigurationError, match="did you mean max_age_seconds"):
        warmkey.configure(max_age_second=60)
    with pytest.raises(warmkey.ConfigurationError, match="did you mean max_age_seconds"):
        session.configure(max_age_second=60)
    with pytest.raises(warmkey.ConfigurationError, match="did you mean max_age_seconds"), fake_kms(max_age_second=60):
        pass

    session.assert_kms_calls(0)
    warmkey.encrypt(b"order")
    session.assert_kms_calls(1)


def test_an_inner_session_gives_way_to_the_outer_one(session: KmsSession) -> None:
    with fake_kms(max_age_seconds=60) as inner:
        warmkey.encrypt(b"order")
        inner.assert_kms_calls(1)

    warmkey.encrypt(b"order")
    session.assert_kms_calls(2)  # the counter of the outer one has seen the inner one's too
    assert [request.key_arn for request in session.facts.of(KmsRequest)] == [session.key_arn]
    assert warmkey.cache_info().max_age_seconds == 300


def test_outside_a_session_configure_after_the_first_use_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARMKEY_KMS_KEY_ARNS", REAL)
    with fake_kms():
        warmkey.encrypt(b"order")
    warmkey.configure(kms_client=FakeKms())
    warmkey.warm_up()

    with pytest.raises(warmkey.ConfigurationError, match="after the first use"):
        warmkey.configure()
    warmkey.reset()
