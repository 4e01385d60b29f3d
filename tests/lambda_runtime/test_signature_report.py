"""Summary lines say which library signs, and once, after many signatures, how to do without them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

import warmkey
from warmkey.crypto import signature_library
from warmkey.testing import fake_kms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from warmkey.testing import KmsSession


@pytest.fixture
def session() -> Iterator[KmsSession]:
    signature_library._PROCESS.reset()  # other tests have signed before
    with fake_kms() as session:
        yield session


class Summaries:
    """The summary lines so far."""

    def __init__(self, log: pytest.LogCaptureFixture) -> None:
        log.set_level(logging.INFO, "warmkey")
        self._log = log

    def records(self) -> list[logging.LogRecord]:
        return [each for each in self._log.records if getattr(each, "warmkey", {}).get("event") == "Summary"]

    def fields(self) -> list[dict[str, Any]]:
        return [record.warmkey for record in self.records()]  # type: ignore[attr-defined]


@pytest.fixture
def summaries(caplog: pytest.LogCaptureFixture) -> Summaries:
    return Summaries(caplog)


def invoke(messages: int) -> None:
    with warmkey.instrument():
        for _ in range(messages):
            warmkey.encrypt(b"order")


@pytest.mark.parametrize("library", ["cryptography", "awscrt"])
def test_each_summary_says_which_library_signs_and_verifies(
    library: str, session: KmsSession, summaries: Summaries
) -> None:
    warmkey.configure(kms_client=session.client, signatures=library)
    invoke(1)
    invoke(1)

    assert [summary["signatures"] for summary in summaries.fields()] == [library] * 2
    assert warmkey.cache_info().as_dict()["signatures"] == library


def test_a_function_without_signatures_reads_nothing_of_them(session: KmsSession, summaries: Summaries) -> None:
    warmkey.configure(kms_client=session.client, algorithm_suite=0x0478)
    invoke(101)

    (summary,) = summaries.fields()
    assert {"signatures", "signed_messages", "advice"}.isdisjoint(summary)
    assert warmkey.cache_info().signatures is None


def test_the_first_summary_after_a_hundred_signed_messages_gives_advice_once_at_info(
    session: KmsSession, summaries: Summaries
) -> None:
    for messages in (60, 40, 1, 200):
        invoke(messages)

    found = summaries.fields()
    assert ["advice" in summary for summary in found] == [False, False, True, False]
    assert found[2]["signed_messages"] == 101
    assert "WARMKEY_ALGORITHM_SUITE=0x0478" in found[2]["advice"]
    assert "WARMKEY_SIGNATURES=awscrt" in found[2]["advice"]
    assert summaries.records()[2].levelno == logging.INFO


def test_a_setting_that_is_advised_can_be_set(session: KmsSession, summaries: Summaries) -> None:
    """The suite without signatures depends on the commitment policy."""
    policy = "FORBID_ENCRYPT_ALLOW_DECRYPT"
    warmkey.configure(kms_client=session.client, commitment_policy=policy)
    invoke(101)
    (summary,) = summaries.fields()
    warmkey.reset()

    assert "WARMKEY_ALGORITHM_SUITE=0x0178" in summary["advice"]
    warmkey.configure(kms_client=session.client, commitment_policy=policy, algorithm_suite="0x0178")
    assert warmkey.encrypt(b"order")


def test_who_has_chosen_a_suite_needs_no_advice(session: KmsSession, summaries: Summaries) -> None:
    warmkey.configure(kms_client=session.client, algorithm_suite=0x0578)
    invoke(101)

    (summary,) = summaries.fields()
    assert summary["signatures"] == "cryptography"
    assert "advice" not in summary
