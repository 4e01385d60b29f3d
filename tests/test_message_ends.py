"""Every message ends in the books once: counted when it ends, by how it ended, and never as two things."""

from __future__ import annotations

import gc
import io
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

import warmkey
from tests.observability.conftest import _fresh_process  # noqa: F401 - used by every test
from tests.observability.output import written
from warmkey import (
    AlgorithmSuite,
    AuthenticationFailed,
    CachingCMM,
    Client,
    KeyUnavailable,
    LocalCMC,
    MalformedMessage,
    PolicyRefused,
)
from warmkey.cmms import RequiredEncryptionContextCMM
from warmkey.events import (
    CURRENT,
    CacheHit,
    CacheMiss,
    MessageAbandoned,
    MessageRefused,
    Operation,
    RefusalReason,
    RequestFailed,
    fan_out,
)
from warmkey.keyrings import RawAesKeyring
from warmkey.observability import MessageStatistics, Subscriber
from warmkey.observability.counters import MessageCounter
from warmkey.testing import FakeKms, Recorder, fake_kms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from warmkey.testing import KmsSession

ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT
CONTEXT = {"tenant": "blue-whale"}
SIGNED = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384
UNSIGNED = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY


@pytest.fixture
def kms() -> Iterator[KmsSession]:
    with fake_kms() as session:
        yield session


def changed(message: bytes, position: int = -1) -> bytes:
    data = bytearray(message)
    data[position] ^= 1
    return bytes(data)


def counts(statistics: MessageStatistics) -> dict[str, Any]:
    """Those that are not zero."""
    return {name: count for name, count in asdict(statistics).items() if count}


def books() -> dict[str, Any]:
    info = warmkey.cache_info()
    return counts(info.encrypt) | {f"decrypt {name}": count for name, count in counts(info.decrypt).items()}


def decryption(message: bytes, context: dict[str, str] | None = None) -> None:
    warmkey.decrypt(message, context)


def stream(message: bytes, context: dict[str, str] | None = None) -> None:
    client, cmm = warmkey.default_client(), warmkey.default_cmm()
    with client.decrypt_stream(io.BytesIO(message), cmm=cmm, encryption_context=context) as plaintext:
        plaintext.read()


REFUSALS: dict[str, tuple[Callable[[bytes], bytes], dict[str, str], type[Exception], str]] = {
    "tampered with": (changed, CONTEXT, AuthenticationFailed, "authentication_failures"),
    "cut": (lambda message: message[:-1], CONTEXT, MalformedMessage, "malformed"),
    "of nothing": (lambda _message: b"", CONTEXT, MalformedMessage, "malformed"),
    "something else": (lambda _message: b"{}", CONTEXT, MalformedMessage, "malformed"),
    "of another tenant": (bytes, {"tenant": "grey-seal"}, PolicyRefused, "policy_refusals"),
}
METRICS = {
    "malformed": "MessagesRefusedMalformed",
    "authentication_failures": "MessagesRefusedAuthentication",
    "policy_refusals": "MessagesRefusedPolicy",
}


@pytest.mark.usefixtures("kms")
@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize("decrypt", [decryption, stream])
@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_message_that_is_refused_counts_as_that_and_as_nothing_else(
    refusal: str, decrypt: Callable[..., None], *, warm: bool
) -> None:
    damage, context, kind, name = REFUSALS[refusal]
    message = warmkey.encrypt(b"order", CONTEXT)
    if warm:
        warmkey.decrypt(message, CONTEXT)
    before = {"misses": {"absent": 1}, **({"decrypt misses": {"absent": 1}} if warm else {})}

    with written() as output, warmkey.instrument(), pytest.raises(kind):
        decrypt(damage(message), context)

    assert books() == {**before, f"decrypt {name}": 1}
    written_of_it = {metric: output.totals[metric] for metric in METRICS.values() if metric in output.totals}
    assert written_of_it == {METRICS[name]: 1}
    assert not {"CacheHits", "RequestsFailed", "CacheCoalesced"} & output.totals.keys()
    (summary,) = output.fields("Summary")
    assert (summary[name], summary["hits"], summary["failures"], summary["kms_requests_avoided"]) == (1, 0, 0, 0)
    (line,) = [line for line in output.lines if line["warmkey"]["event"] == "MessageRefused"]
    assert line["level"] == "WARNING"
    assert not output.fields("RequestFailed")
    assert not any(value in output.text for value in ("blue-whale", "grey-seal"))


@pytest.mark.usefixtures("kms")
def test_the_caches_own_statistics_stay_facts_about_the_cache() -> None:
    message = warmkey.encrypt(b"order", CONTEXT)
    warmkey.decrypt(message, CONTEXT)
    with pytest.raises(AuthenticationFailed):
        warmkey.decrypt(changed(message), CONTEXT)

    assert warmkey.default_cmm().statistics(DECRYPT).hits == 1
    assert (warmkey.cache_info().decrypt.hits, warmkey.cache_info().decrypt.authentication_failures) == (0, 1)


def test_it_is_an_event_beside_those_of_the_cache(kms: KmsSession) -> None:
    message = warmkey.encrypt(b"order", CONTEXT)
    warmkey.decrypt(message, CONTEXT)
    kms.clear()
    with pytest.raises(AuthenticationFailed):
        warmkey.decrypt(changed(message), CONTEXT)

    assert kms.facts.events == [
        CacheHit(operation=DECRYPT),
        MessageRefused(operation=DECRYPT, reason=RefusalReason.AUTHENTICATION),
    ]


@pytest.mark.usefixtures("kms")
def test_base64_that_is_none_is_malformed() -> None:
    for text in ("", "no base64", "AAAA"):
        with pytest.raises(MalformedMessage):
            warmkey.decrypt_text(text)

    assert books() == {"decrypt malformed": 3}


def test_a_required_key_that_is_missing_is_a_refusal(kms: KmsSession) -> None:
    kms.configure(required_context_keys=["tenant"])
    for use in (warmkey.encrypt, warmkey.decrypt):
        with pytest.raises(PolicyRefused):
            use(b"order", {"other": "key"})

    assert books() == {"policy_refusals": 1, "decrypt policy_refusals": 1}


@pytest.mark.usefixtures("kms")
@pytest.mark.parametrize(
    "wrong",
    [lambda: warmkey.encrypt("text"), lambda: warmkey.encrypt_text(b"bytes")],
    ids=["bytes", "text"],  # type: ignore[arg-type]
)
def test_a_call_that_cannot_be_a_message_failed(wrong: Callable[[], object]) -> None:
    with pytest.raises(warmkey.InvalidRequest):
        wrong()

    assert books() == {"failures": 1}


def test_without_a_data_key_a_message_failed_once(kms: KmsSession) -> None:
    kms.client.deny("GenerateDataKey")
    with written() as output, warmkey.instrument(), pytest.raises(KeyUnavailable):
        warmkey.encrypt(b"order", CONTEXT)

    assert books() == {"failures": 1}
    assert output.totals["RequestsFailed"] == 1
    assert output.fields("RequestFailed") == [
        {"event": "RequestFailed", "operation": "encrypt", "error": "KeyUnavailable"}
    ]
    kms.facts.assert_count(1, RequestFailed)


@pytest.mark.usefixtures("kms")
def test_what_ended_well_counts_by_how_the_cache_served_it() -> None:
    message = warmkey.encrypt(b"order", CONTEXT)
    for _ in range(3):
        warmkey.decrypt(message, CONTEXT)
    client, cmm = warmkey.default_client(), warmkey.default_cmm()
    with client.encrypt_stream(io.BytesIO(b"order"), cmm=cmm, encryption_context=CONTEXT) as encrypting:
        encrypting.read()

    assert books() == {
        "misses": {"absent": 1},
        "bypasses": {"unknown-length": 1},
        "decrypt misses": {"absent": 1},
        "decrypt hits": 2,
    }


# --- streams


def opened(message: bytes | None, length: int = 300_000, **more: Any) -> Any:
    client, cmm = warmkey.default_client(), warmkey.default_cmm()
    if message is None:
        plaintext = io.BytesIO(bytes(length))
        return client.encrypt_stream(plaintext, cmm=cmm, encryption_context=CONTEXT, plaintext_length=length, **more)
    return client.decrypt_stream(io.BytesIO(message), cmm=cmm)


@pytest.fixture(params=["encrypt", "decrypt"])
def begun(request: pytest.FixtureRequest, kms: KmsSession) -> tuple[str, Any]:
    """A stream of which a little has been read, and the operation."""
    kms.configure(algorithm_suite=SIGNED)
    message = warmkey.encrypt(bytes(300_000), CONTEXT)
    warmkey.decrypt(message)
    kms.configure(algorithm_suite=SIGNED)  # empty books
    stream = opened(message if request.param == "decrypt" else None)
    assert len(stream.read(10)) == 10
    assert counts(warmkey.cache_info().encrypt) == counts(warmkey.cache_info().decrypt) == {}
    return request.param, stream


def ends(begun: tuple[str, Any]) -> dict[str, Any]:
    return counts(getattr(warmkey.cache_info(), begun[0]))


def test_a_stream_counts_at_its_end_and_once(begun: tuple[str, Any]) -> None:
    begun[1].read()
    assert ends(begun) == {"misses": {"absent": 1}}

    begun[1].close()
    assert ends(begun) == {"misses": {"absent": 1}}


def test_a_stream_that_is_closed_before_its_end_is_abandoned(begun: tuple[str, Any]) -> None:
    if begun[0] == "decrypt":
        with pytest.raises(AuthenticationFailed):
            begun[1].close()
    else:
        begun[1].close()
    begun[1].close()

    assert ends(begun) == {"abandoned": 1}


def test_a_stream_that_an_error_of_its_user_ends_is_abandoned(begun: tuple[str, Any]) -> None:
    def fail() -> None:
        with begun[1]:
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    assert ends(begun) == {"abandoned": 1}


@pytest.mark.usefixtures("kms")
def test_a_stream_that_its_source_closes_in_the_middle_of_a_read_ends_as_that_read_does() -> None:
    class Closing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                stream.close()
            return super().read(size)

    client, cmm = warmkey.default_client(), warmkey.default_cmm()
    stream = client.encrypt_stream(Closing(bytes(300_000)), cmm=cmm, encryption_context=CONTEXT)
    with pytest.raises(warmkey.InvalidRequest, match="the stream is closed"):
        stream.read()

    assert books() == {"failures": 1}


@pytest.mark.usefixtures("kms")
def test_a_stream_that_is_forgotten_is_abandoned_even_while_a_lock_of_ours_is_held() -> None:
    stream = opened(None)
    stream.read(10)
    with DEFAULT_MESSAGES()._lock:
        del stream
        gc.collect()

    assert books() == {"abandoned": 1}


def DEFAULT_MESSAGES() -> MessageCounter:  # noqa: N802 - of the helpers
    from warmkey.lambda_runtime.default_client import DEFAULT  # noqa: PLC0415 - the object, as it is now

    return DEFAULT.get().messages


@pytest.mark.parametrize("length", [1, 10, 4096, 300_000])
def test_whoever_reads_exactly_as_much_as_there_is_has_read_everything(kms: KmsSession, length: int) -> None:
    kms.configure(algorithm_suite=UNSIGNED)  # without a signature, whose length varies
    message = warmkey.encrypt(bytes(length), CONTEXT)
    for stream, whole in ((opened(message), length), (opened(None, length, algorithm_suite=UNSIGNED), len(message))):
        left = whole
        _ = stream.header
        while left:
            left -= len(stream.read(min(left, 70_000)))
        stream.close()

    assert "abandoned" not in str(books())


@pytest.mark.usefixtures("kms")
def test_a_stream_that_was_never_begun_is_no_message() -> None:
    opened(None).close()
    opened(b"whatever").close()

    assert books() == {}


@pytest.mark.usefixtures("kms")
def test_a_failing_source_fails_the_message() -> None:
    class Broken(io.BytesIO):
        def read(self, *_size: object) -> bytes:
            raise OSError("broken")

    client, cmm = warmkey.default_client(), warmkey.default_cmm()
    with pytest.raises(OSError, match="broken"):
        client.encrypt_stream(Broken(), cmm=cmm).read()

    assert books() == {"failures": 1}


@pytest.mark.usefixtures("kms")
@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_interruption_abandons_the_message(
    kms: KmsSession, monkeypatch: pytest.MonkeyPatch, interruption: type[BaseException]
) -> None:
    def interrupt(**_parameters: object) -> object:
        raise interruption

    monkeypatch.setattr(kms.client, "generate_data_key", interrupt)
    with pytest.raises(interruption):
        warmkey.encrypt(b"order")

    assert books() == {"abandoned": 1}
    kms.facts.assert_count(1, MessageAbandoned)
    assert CURRENT.message is None


# --- CMMs of one's own


def own_cmm(**more: Any) -> CachingCMM:
    keyring = RawAesKeyring("tests", "key", bytes(32))
    return CachingCMM(cache=LocalCMC(10), keyring=keyring, max_age=60, **more)


def test_a_cmm_of_ones_own_with_a_subscriber_counts_in_the_same_way() -> None:
    emit, seen = Subscriber(), Recorder()
    cmm, client = own_cmm(emit=fan_out(emit, seen)), Client()
    message = client.encrypt(b"order", cmm=cmm).ciphertext
    with written() as output, warmkey.instrument():
        client.decrypt(message, cmm=cmm)
        with pytest.raises(AuthenticationFailed):
            client.decrypt(changed(message), cmm=cmm)

    totals = {
        name: output.totals.get(name, 0) for name in ("CacheMisses", "CacheHits", "MessagesRefusedAuthentication")
    }
    assert totals == {"CacheMisses": 1, "CacheHits": 0, "MessagesRefusedAuthentication": 1}
    assert [type(event) for event in seen.events] == [CacheMiss, CacheMiss, CacheHit, MessageRefused]


def test_so_does_one_inside_of_one_that_requires_keys() -> None:
    counter = MessageCounter()
    cmm, client = RequiredEncryptionContextCMM(["tenant"], cmm=own_cmm(emit=counter)), Client()
    message = client.encrypt(b"order", cmm=cmm, encryption_context=CONTEXT).ciphertext
    for data, context in ((message, CONTEXT), (changed(message), CONTEXT), (message, {})):
        with pytest.raises(warmkey.WarmkeyError) if data != message or not context else nothing():
            client.decrypt(data, cmm=cmm, encryption_context=context)

    assert counts(counter.of(DECRYPT)) == {
        "misses": {"absent": 1},
        "authentication_failures": 1,
        "policy_refusals": 1,
    }


class nothing:  # noqa: N801 - a context manager
    def __enter__(self) -> None:
        pass

    def __exit__(self, *_error: object) -> None:
        pass


def test_a_caching_cmm_over_a_caching_cmm_counts_a_message_once() -> None:
    counter = MessageCounter()
    outer = CachingCMM(cache=LocalCMC(10), cmm=own_cmm(emit=counter), max_age=60, emit=counter)
    for _ in range(2):
        Client().encrypt(b"order", cmm=outer)

    assert counter.of(ENCRYPT).requests == 2


def test_materials_without_a_message_count_when_they_are_had() -> None:
    counter = MessageCounter()
    cmm = own_cmm(emit=counter)

    class Wrapper:
        """Knows nothing of subscribers."""

        def get_encryption_materials(self, request: Any, /) -> Any:
            return cmm.get_encryption_materials(request)

        def decrypt_materials(self, request: Any, /) -> Any:
            return cmm.decrypt_materials(request)

    for _ in range(2):
        Client().encrypt(b"order", cmm=Wrapper())

    assert counts(counter.of(ENCRYPT)) == {"hits": 1, "misses": {"absent": 1}}


def test_a_message_inside_of_another_one_has_its_own_end() -> None:
    counter, inner_counter = MessageCounter(), MessageCounter()
    inner = own_cmm(emit=inner_counter)

    class Keyring(RawAesKeyring):
        def on_encrypt(self, materials: Any, /) -> Any:
            Client().encrypt(b"inside", cmm=inner)
            return super().on_encrypt(materials)

    keyring = Keyring("tests", "key", bytes(32))
    cmm = CachingCMM(cache=LocalCMC(10), keyring=keyring, max_age=60, emit=counter)
    Client().encrypt(b"order", cmm=cmm)

    assert counts(counter.of(ENCRYPT)) == counts(inner_counter.of(ENCRYPT)) == {"misses": {"absent": 1}}


def test_threads_do_not_mix_their_messages() -> None:
    counter = MessageCounter()
    cmm, client = own_cmm(emit=counter), Client()
    message = client.encrypt(b"order", cmm=cmm).ciphertext
    client.decrypt(message, cmm=cmm)
    start = threading.Barrier(8)

    def work(data: bytes) -> None:
        start.wait()
        for _ in range(50):
            try:
                client.decrypt(data, cmm=cmm)
            except AuthenticationFailed:
                continue

    crowd = [threading.Thread(target=work, args=(changed(message) if bad else message,)) for bad in [True, False] * 4]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()

    assert counts(counter.of(DECRYPT)) == {"hits": 200, "misses": {"absent": 1}, "authentication_failures": 200}


def test_whoever_shares_the_call_of_another_thread_is_counted_as_that() -> None:
    kms, counter = FakeKms(), MessageCounter()
    keyring = warmkey.AwsKmsKeyring(kms.create_key(), kms_client=kms)
    cmm = CachingCMM(cache=LocalCMC(10), keyring=keyring, max_age=60, emit=counter)
    with kms.hold() as gate:
        crowd = [threading.Thread(target=Client().encrypt, args=(b"order",), kwargs={"cmm": cmm}) for _ in range(4)]
        for thread in crowd:
            thread.start()
        gate.wait_for(1)
    for thread in crowd:
        thread.join()

    found = counter.of(ENCRYPT)
    assert (found.requests, found.misses) == (4, {"absent": 1})


def test_a_failing_subscriber_does_not_fail_the_message(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(MessageCounter):
        def message_ended(self, event: object) -> None:
            raise RuntimeError

        count_hit = note = __call__ = message_ended  # type: ignore[assignment]

    cmm = own_cmm(emit=Broken())
    for _ in range(2):
        Client().encrypt(b"order", cmm=cmm)

    assert {record.getMessage() for record in caplog.records} == {"a subscriber failed with RuntimeError"}
