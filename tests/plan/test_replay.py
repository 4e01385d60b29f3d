"""A replay is exact: it is the real cache, told the time of each row."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from tests.plan.made import encrypts, random_trace, replayed, some, trace_of
from warmkey import CachingCMM, LocalCMC
from warmkey.algorithm_suites import AlgorithmSuite, CommitmentPolicy
from warmkey.clock import Instant
from warmkey.events import CacheEviction, Event, Operation
from warmkey.keyrings import AwsKmsKeyring
from warmkey.plan import fleets
from warmkey.plan.limits import Limits
from warmkey.plan.trace import NONE
from warmkey.plan.trace_model import model
from warmkey.structures import EncryptionMaterialsRequest
from warmkey.testing import FakeKms

if TYPE_CHECKING:
    from warmkey.plan.trace import Trace

EXACT = Limits(max_age=60, jitter=0)


def test_an_entry_that_is_exactly_as_old_as_the_maximum_age_is_expired() -> None:
    outcome = replayed(encrypts([0, 59.999999999, 60, 119.999, 120]), EXACT)

    assert some(outcome.encrypt.misses) == {"absent": 1, "expired": 2}
    assert outcome.encrypt.hits == 2
    assert some(outcome.encrypt.evictions) == {"expired": 2}
    assert outcome.encrypt.kms_requests == {"GenerateDataKey": 3}


def test_the_message_after_the_last_allowed_one_fetches_the_next_data_key() -> None:
    outcome = replayed(encrypts([1, 2, 3, 4, 5, 6, 7]), Limits(max_age=60, jitter=0, max_messages=3))

    assert some(outcome.encrypt.misses) == {"absent": 1, "messages-spent": 2}
    assert some(outcome.encrypt.evictions) == {"messages-spent": 2}
    assert outcome.max_messages_per_data_key == 3


def test_bytes_are_reserved_before_a_message_is_served_and_a_limit_that_is_reached_exactly_is_kept() -> None:
    outcome = replayed(encrypts([1, 2, 3, 4], length=50), Limits(max_age=60, jitter=0, max_bytes=100))

    assert some(outcome.encrypt.misses) == {"absent": 1, "bytes-spent": 1}
    assert outcome.max_bytes_per_data_key == 100


def test_a_message_over_the_byte_limit_has_a_data_key_of_its_own() -> None:
    outcome = replayed(encrypts([1, 2], length=101), Limits(max_age=60, jitter=0, max_bytes=100))

    assert outcome.encrypt.bypasses == {"over-byte-limit": 2}
    assert some(outcome.encrypt.misses) == {}
    assert outcome.encrypt.kms_requests == {"GenerateDataKey": 2}
    assert (outcome.max_messages_per_data_key, outcome.max_bytes_per_data_key) == (1, 101)


def test_the_least_recently_used_entry_makes_room() -> None:
    contexts = "abacba"  # c pushes b out, and b pushes a out
    trace = trace_of(*((time, "encrypt", context, 1, "c", "") for time, context in enumerate(contexts)))

    outcome = replayed(trace, Limits(max_age=60, jitter=0, capacity=2))

    assert some(outcome.encrypt.misses) == {"absent": 5}
    assert outcome.encrypt.hits == 1
    assert some(outcome.encrypt.evictions) == {"capacity": 3}
    assert outcome.max_entries == 2


def test_each_reader_asks_once_for_each_data_key_and_maximum_age() -> None:
    trace = trace_of(
        (0, "decrypt", "a", 1, "r1", "k1"),
        (1, "decrypt", "a", 1, "r1", "k1"),
        (2, "decrypt", "a", 1, "r2", "k1"),
        (3, "decrypt", "a", 1, "r1", "k2"),
        (60, "decrypt", "a", 1, "r1", "k1"),
    )

    outcome = replayed(trace, EXACT)

    assert some(outcome.decrypt.misses) == {"absent": 3, "expired": 1}
    assert outcome.decrypt.kms_requests == {"Decrypt": 4}
    assert (outcome.max_messages_per_data_key, outcome.encrypt.messages) == (0, 0)


def test_the_same_data_key_label_under_another_context_is_another_data_key() -> None:
    trace = trace_of(
        (0, "decrypt", "a", 1, "r", "k"), (1, "decrypt", "b", 1, "r", "k"), (2, "decrypt", "a", 1, "r", "")
    )

    assert replayed(trace, EXACT).decrypt.kms_requests == {"Decrypt": 3}


def test_a_reader_without_a_data_key_reads_the_newest_message_of_its_context() -> None:
    trace = trace_of(
        (0, "encrypt", "a", 1, "w", ""),
        (1, "decrypt", "a", 1, "r", ""),
        (2, "encrypt", "a", 1, "w", ""),  # the same data key
        (3, "decrypt", "a", 1, "r", ""),
        (60, "encrypt", "a", 1, "w", ""),  # another one
        (61, "decrypt", "a", 1, "r", ""),
    )

    outcome = replayed(trace, EXACT)

    assert outcome.decrypt.kms_requests == {"Decrypt": 2}
    assert "rows that read without data_key: 3; 3 of them read the newest message" in trace.notes[0]


def test_without_capacity_every_message_asks() -> None:
    outcome = replayed(encrypts([1, 2]), Limits(capacity=0))

    assert outcome.encrypt.bypasses == {"caching-off": 2}
    assert outcome.max_entries == 0


def test_jitter_shortens_lifetimes_and_never_lengthens_them() -> None:
    trace = encrypts([each / 10 for each in range(3000)])

    shortened = replayed(trace, Limits(max_age=10, jitter=0.5)).encrypt.kms_requests["GenerateDataKey"]

    assert 300 / 10 < shortened <= 300 / 5


def test_branch_keys_are_read_once_for_each_container_and_lifetime_and_fill_both_entries() -> None:
    trace = trace_of(
        (0, "encrypt", "a", 1, "c", ""),
        (1, "decrypt", "a", 1, "c", ""),
        (2, "decrypt", "a", 1, "r", ""),
        (60, "decrypt", "a", 7, "c", ""),
        (61, "encrypt", "a", 9, "c", ""),
    )

    outcome = replayed(trace, Limits(branch_key_ttl=60, jitter=0), "hierarchical")

    assert outcome.encrypt.kms_requests == {"Decrypt": 2}
    assert outcome.decrypt.kms_requests == {"Decrypt": 2}
    assert (outcome.encrypt.dynamodb_requests, outcome.decrypt.dynamodb_requests) == (2, 2)
    assert some(outcome.decrypt.evictions) == {"expired": 1, "replaced": 1}
    assert (outcome.max_messages_per_data_key, outcome.max_bytes_per_data_key) == (1, 9)


def test_requests_are_counted_in_the_second_in_which_they_are_made() -> None:
    outcome = replayed(encrypts([0, 0.5, 61.2, 200.0]), EXACT)

    assert outcome.kms_per_second.seconds.tolist() == [0, 61, 200]
    assert outcome.kms_per_second.counts.tolist() == [1, 1, 1]
    assert outcome.peak == 1


def test_seconds_are_those_of_the_clock() -> None:
    trace = trace_of(*((5.6 + each / 5, "encrypt", str(each), 1, "c", "") for each in range(4)))  # 5.6 5.8 6.0 6.2

    assert replayed(trace, EXACT).peak == model("caching", trace, EXACT).peak == 2
    assert model("caching", trace, EXACT).cold_start == 2


def counted_by_hand(trace: Trace, limits: Limits) -> tuple[dict[str, int], dict[str, int], int]:
    """Replay encrypts with nothing of the planner but the trace, on a clock of our own."""

    class Clock:
        moment = Instant(0.0, 0.0)

        def now(self) -> Instant:
            return self.moment

    clock, kms, evictions = Clock(), FakeKms(), []
    keyring = AwsKmsKeyring(kms.create_key(), kms_client=kms)

    def note(event: Event) -> None:
        if isinstance(event, CacheEviction):
            evictions.append(event.reason)

    cmms: dict[int, CachingCMM] = {}
    for nanoseconds, container, context, length in zip(
        trace.nanoseconds.tolist(),
        trace.containers.tolist(),
        trace.contexts.tolist(),
        trace.lengths.tolist(),
        strict=True,
    ):
        clock.moment = Instant(nanoseconds / 1e9, nanoseconds / 1e9)
        if container not in cmms:
            cmms[container] = CachingCMM(
                cache=LocalCMC(limits.capacity, clock=clock, emit=note),
                clock=clock,
                keyring=keyring,
                max_age=limits.max_age,
                max_messages_encrypted=limits.max_messages,
                max_bytes_encrypted=limits.max_bytes,
            )
        cmms[container].get_encryption_materials(
            EncryptionMaterialsRequest(
                {"tenant": f"number {context}"},
                CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT,
                AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
                max_plaintext_length=length,
            )
        )
    misses: dict[str, int] = {}
    for cmm in cmms.values():
        for reason, count in cmm.statistics(Operation.ENCRYPT).misses.items():
            misses[reason] = misses.get(reason, 0) + count
    return misses, {reason: evictions.count(reason) for reason in evictions}, kms.count("GenerateDataKey")


@pytest.mark.parametrize(
    "limits",
    [
        Limits(max_age=30, jitter=0),
        Limits(max_age=120, jitter=0, max_messages=4),
        Limits(max_age=120, jitter=0, max_bytes=4000),
        Limits(max_age=300, jitter=0, capacity=3),
        Limits(max_age=20, jitter=0, capacity=4, max_messages=6, max_bytes=9000),
    ],
)
def test_it_counts_what_the_cache_counts(limits: Limits) -> None:
    trace = random_trace(seed=5, rows=600, seconds=900, contexts=8)

    outcome = replayed(trace, limits)

    misses, evictions, requests = counted_by_hand(trace, limits)
    assert some(outcome.encrypt.misses) == misses
    assert some(outcome.encrypt.evictions) == evictions
    assert outcome.encrypt.kms_requests == {"GenerateDataKey": requests}


def test_it_writes_no_log_line_and_no_metric(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="warmkey")
    for strategy in ("caching", "hierarchical"):
        replayed(random_trace(seed=1, rows=200, seconds=900, reads=0.5), Limits(capacity=2, max_age=5), strategy)

    written = capsys.readouterr()
    assert (written.out, written.err) == ("", "")
    assert [record for record in caplog.records if record.name.startswith("warmkey")] == []


def test_contexts_are_made_again_where_there_are_too_many_to_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleets, "_CONTEXTS_KEPT", 2)
    trace = random_trace(seed=4, rows=300, seconds=100, contexts=20, reads=0.3)

    outcome = replayed(trace, EXACT)

    monkeypatch.undo()
    assert outcome.decrypt == replayed(trace, EXACT).decrypt


def test_progress_is_told_and_reaches_the_end() -> None:
    from warmkey.plan.replay import replay  # noqa: PLC0415

    seen: list[int] = []
    trace = encrypts([each / 100 for each in range(6000)])
    replay("caching", trace, EXACT, cold_start=3, progress=seen.append)

    assert seen == [0, 5000, 6000]
    assert trace.written_by.tolist() == [NONE] * 6000


def test_the_fullest_cache_has_an_entry_after_a_single_message() -> None:
    assert replayed(encrypts([0]), EXACT).max_entries == 1
