"""A KMS of the test's own behind warmkey's default client, by fixture and by context manager."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

import boto3
import pytest

import warmkey
from warmkey.events import CacheHit, CacheMiss, KmsRequest
from warmkey.testing import FakeKms, assert_kms_calls, fake_kms, moto_kms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

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
