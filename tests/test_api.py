"""The module-level helpers, as a handler uses them."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import threading
import traceback
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING, Any

import pytest

import warmkey
from warmkey import (
    AuthenticationFailed,
    CachingCMM,
    Client,
    ConfigurationError,
    InvalidRequest,
    KeyUnavailable,
    LocalCMC,
    MalformedMessage,
    PolicyRefused,
    WarmkeyError,
)
from warmkey.keyrings import RawAesKeyring
from warmkey.testing import KmsSession, fake_kms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONTEXT = {"tenant": "a-tenant-of-ours"}
SECRET = "the card number is 4929 1234 5678 9123"


@pytest.fixture(autouse=True)
def session() -> Iterator[KmsSession]:
    with fake_kms() as session:
        yield session


class LambdaContext:
    """As Lambda's runtime makes it."""

    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def get_remaining_time_in_millis(self) -> int:
        return 3000


# --- encrypt and decrypt


@pytest.mark.parametrize("context", [None, {}, CONTEXT])
def test_what_is_encrypted_comes_back(context: dict[str, str] | None) -> None:
    assert warmkey.decrypt(warmkey.encrypt(b"order", context), context) == b"order"


def test_a_hundred_messages_cost_one_request_each_way(session: KmsSession) -> None:
    messages = [warmkey.encrypt(b"order", CONTEXT) for _ in range(100)]
    for message in messages:
        warmkey.decrypt(message, CONTEXT)

    session.assert_kms_calls(1, "GenerateDataKey")
    session.assert_kms_calls(1, "Decrypt")


def test_a_message_is_an_ordinary_one(session: KmsSession) -> None:
    message = warmkey.encrypt(b"order", CONTEXT)
    keyring = warmkey.AwsKmsKeyring(session.key_arn, kms_client=session.client)

    result = Client().decrypt(message, keyring=keyring)

    assert result.plaintext == b"order"
    assert result.header.frame_length == 4096
    assert result.algorithm_suite.value == 0x0578


def test_suite_and_frame_length_are_those_of_the_settings(session: KmsSession) -> None:
    session.configure(algorithm_suite=0x0478, frame_length=100)

    header = warmkey.default_client().decrypt(warmkey.encrypt(b"order"), cmm=warmkey.default_cmm()).header

    assert (header.algorithm_suite.value, header.frame_length) == (0x0478, 100)


def test_a_context_of_other_values_decrypts_nothing(session: KmsSession) -> None:
    message = warmkey.encrypt(b"order", CONTEXT)
    warmkey.decrypt(message, CONTEXT)

    with pytest.raises(PolicyRefused, match="'tenant'"):
        warmkey.decrypt(message, {"tenant": "b"})


@pytest.mark.parametrize("use", [warmkey.encrypt, warmkey.decrypt])
def test_the_lambda_context_is_no_encryption_context(use: Callable[..., bytes]) -> None:
    data = warmkey.encrypt(b"order") if use is warmkey.decrypt else b"order"

    with pytest.raises(InvalidRequest, match="LambdaContext of your handler"):
        use(data, LambdaContext())


@pytest.mark.parametrize("use", [warmkey.encrypt, warmkey.decrypt])
@pytest.mark.parametrize("data", ["text", None, 7, ["x"]])
def test_data_is_bytes(use: Callable[..., bytes], data: Any) -> None:
    with pytest.raises(InvalidRequest, match="must be bytes"):
        use(data)


def test_messages_with_more_data_keys_than_we_allow_are_refused_before_kms_is_asked(session: KmsSession) -> None:
    keys = [session.client.create_key() for _ in range(6)]
    wrapping = [warmkey.AwsKmsKeyring(key, kms_client=session.client) for key in keys]
    message = Client().encrypt(b"order", keyring=warmkey.MultiKeyring(wrapping[0], wrapping[1:])).ciphertext
    session.clear()

    with pytest.raises(PolicyRefused, match="6 encrypted data keys; max_encrypted_data_keys allows 5"):
        warmkey.decrypt(message)
    session.assert_kms_calls(0)


# --- required context keys


@pytest.mark.parametrize("context", [None, {}, {"purpose": "test"}, {"Tenant": "a"}])
def test_required_context_keys_are_wanted_of_every_encrypt_and_decrypt(session: KmsSession, context: Any) -> None:
    session.configure(required_context_keys="tenant")
    message = warmkey.encrypt(b"order", CONTEXT)

    for use, data in ((warmkey.encrypt, b"order"), (warmkey.decrypt, message)):
        with pytest.raises(PolicyRefused, match="lacks 'tenant'; WARMKEY_REQUIRED_CONTEXT_KEYS"):
            use(data, context)
    assert warmkey.decrypt(message, CONTEXT) == b"order"


def test_every_missing_key_is_named(session: KmsSession) -> None:
    session.configure(required_context_keys=["tenant", "purpose", "table"])

    with pytest.raises(PolicyRefused, match="lacks 'purpose', 'tenant';"):
        warmkey.encrypt(b"order", {"table": "orders"})


def test_another_tenants_message_is_not_read_not_even_warm(session: KmsSession) -> None:
    session.configure(required_context_keys="tenant")
    message = warmkey.encrypt(b"order", CONTEXT)
    warmkey.decrypt(message, CONTEXT)

    with pytest.raises(PolicyRefused, match="another value for 'tenant'"):
        warmkey.decrypt(message, {"tenant": "b"})


def test_a_message_without_the_required_key_is_not_read(session: KmsSession) -> None:
    message = warmkey.encrypt(b"order")
    session.configure(required_context_keys="tenant")

    with pytest.raises((AuthenticationFailed, KeyUnavailable)):
        warmkey.decrypt(message, CONTEXT)


def test_required_keys_are_stored_in_the_message_as_always(session: KmsSession) -> None:
    session.configure(required_context_keys="tenant")
    message = warmkey.encrypt(b"order", CONTEXT)

    stored = (
        warmkey.default_client()
        .decrypt(message, cmm=warmkey.default_cmm(), encryption_context=CONTEXT)
        .header.encryption_context
    )

    assert stored["tenant"] == CONTEXT["tenant"]


def test_the_lambda_context_is_named_where_keys_are_required_too(session: KmsSession) -> None:
    session.configure(required_context_keys="tenant")

    with pytest.raises(InvalidRequest, match="LambdaContext of your handler"):
        warmkey.encrypt(b"order", LambdaContext())  # type: ignore[arg-type]


# --- text


@pytest.mark.parametrize("text", ["", "order", "käse", "a\0b", "𝄞", "x" * 10_000])
def test_text_comes_back(text: str) -> None:
    message = warmkey.encrypt_text(text, CONTEXT)

    assert warmkey.decrypt_text(message, CONTEXT) == text
    assert warmkey.decrypt(base64.b64decode(message), CONTEXT) == text.encode()


@pytest.mark.parametrize("text", [b"order", None, 7, bytearray(b"x")])
def test_only_str_is_text(text: Any) -> None:
    with pytest.raises(InvalidRequest, match="the text must be str"):
        warmkey.encrypt_text(text)
    with pytest.raises(InvalidRequest, match="the message must be base64 in a str"):
        warmkey.decrypt_text(text)


def test_a_lone_surrogate_is_no_text() -> None:
    with pytest.raises(InvalidRequest, match="lone surrogate"):
        warmkey.encrypt_text("\ud800")


def test_a_plaintext_that_is_no_text_is_not_decoded_somehow() -> None:
    message = base64.b64encode(warmkey.encrypt(b"\xff\xfe")).decode()

    with pytest.raises(InvalidRequest, match="not UTF-8 text; decrypt gives it as bytes"):
        warmkey.decrypt_text(message)


@pytest.mark.parametrize("text", ["", "order", "AgV4", "A", "ÄÄÄÄ", "AgV4\n", "=", "A===", "\ud800", "AgV4" * 5 + "*"])
def test_what_is_no_base64_of_a_message_is_malformed(text: str) -> None:
    with pytest.raises(MalformedMessage):
        warmkey.decrypt_text(text)


def test_no_character_of_a_message_can_be_changed_unnoticed(session: KmsSession) -> None:
    session.configure(algorithm_suite=0x0478)
    for plaintext in ("a", "ab", "abc"):  # every remainder of base64
        message = warmkey.encrypt_text(plaintext)
        for at in range(len(message)):
            other = message[:at] + ("B" if message[at] == "A" else "A") + message[at + 1 :]
            with pytest.raises(WarmkeyError):
                warmkey.decrypt_text(other)


# --- secrets


def chain(error: BaseException) -> Iterator[BaseException]:
    """*error* and everything that it came from."""
    pending: list[BaseException | None] = [error]
    seen: list[BaseException] = []
    while pending:
        current = pending.pop()
        if current is not None and not any(current is other for other in seen):
            seen.append(current)
            pending += [current.__cause__, current.__context__]
            pending += [attempt.cause for attempt in getattr(current, "attempts", ())]
            yield current


def what_an_error_shows(error: BaseException) -> Iterator[tuple[str, str]]:
    """Names and contents of whatever a crash reporter could print: errors, and local variables of warmkey's frames."""
    for link in chain(error):
        yield type(link).__name__, repr((link.args, vars(link), getattr(link, "object", None)))
        for frame, _ in traceback.walk_tb(link.__traceback__):
            if frame.f_globals["__name__"].startswith("warmkey."):
                yield from ((f"{frame.f_code.co_name}.{name}", repr(value)) for name, value in frame.f_locals.items())


def shown_secrets(error: BaseException) -> list[str]:
    return [where for where, text in what_an_error_shows(error) if SECRET in text or CONTEXT["tenant"] in text]


def broken_kms(session: KmsSession) -> None:
    session.client.fail(error="denied", times=None)


def missing_context_key(session: KmsSession) -> None:
    session.configure(required_context_keys="purpose")


def broken_settings(session: KmsSession) -> None:
    os.environ["WARMKEY_CACHE"] = "maybe"  # the session puts back what there was


@pytest.mark.parametrize("trouble", [broken_kms, missing_context_key, broken_settings])
@pytest.mark.parametrize(
    "use",
    [
        lambda message: warmkey.encrypt(SECRET.encode(), CONTEXT),
        lambda message: warmkey.encrypt_text(SECRET, CONTEXT),
        lambda message: warmkey.encrypt_text(SECRET + "\ud800", CONTEXT),
        lambda message: warmkey.decrypt(message, CONTEXT),
        lambda message: warmkey.decrypt_text(base64.b64encode(message).decode(), CONTEXT),
    ],
    ids=["encrypt", "encrypt_text", "encrypt_text of a surrogate", "decrypt", "decrypt_text"],
)
def test_no_secret_is_in_the_frames_of_an_error(session: KmsSession, trouble: Any, use: Any) -> None:
    message = warmkey.encrypt(SECRET.encode(), CONTEXT)
    session.configure()
    trouble(session)

    with pytest.raises(WarmkeyError) as caught:
        use(message)

    assert shown_secrets(caught.value) == []


def test_a_plaintext_that_is_no_text_stays_out_of_the_error() -> None:
    message = base64.b64encode(warmkey.encrypt(SECRET.encode() + b"\xff", CONTEXT)).decode()

    with pytest.raises(InvalidRequest) as caught:
        warmkey.decrypt_text(message, CONTEXT)

    assert shown_secrets(caught.value) == []


def test_the_search_for_secrets_finds_them() -> None:
    leaky: dict[str, Any] = {"__name__": "warmkey.leaky"}
    exec("def leak(text):\n    raise KeyError(text)", leaky)

    with pytest.raises(KeyError) as caught:
        leaky["leak"](SECRET)

    assert shown_secrets(caught.value) == ["KeyError", "leak.text"]


# --- purge


def own_cmm(partition_id: str = "mine", cache: LocalCMC | None = None) -> CachingCMM:
    keyring = RawAesKeyring("namespace", "name", b"k" * 32)
    return CachingCMM(cache=cache or LocalCMC(10), keyring=keyring, max_age=60, partition_id=partition_id)


def test_purge_forgets_every_data_key_of_the_container(session: KmsSession) -> None:
    warmkey.purge()  # what other tests left alive
    for _ in range(2):
        warmkey.decrypt(warmkey.encrypt(b"order", CONTEXT), CONTEXT)
    mine = own_cmm()
    Client().encrypt(b"order", cmm=mine)

    assert warmkey.purge() == 3
    assert warmkey.cache_info().entries == len(mine.cache) == 0  # type: ignore[arg-type]
    assert warmkey.cache_info().evictions == {"purged": 2}
    warmkey.encrypt(b"order", CONTEXT)
    session.assert_kms_calls(2, "GenerateDataKey")


def test_purge_of_one_partition_leaves_the_others(session: KmsSession) -> None:
    warmkey.encrypt(b"order", CONTEXT)
    shared = own_cmm(cache=warmkey.default_cmm().cache)  # type: ignore[arg-type]
    Client().encrypt(b"order", cmm=shared)

    assert warmkey.purge("mine") == 1
    assert warmkey.purge(warmkey.default_cmm().partition_id) == 1
    assert warmkey.purge() == 0


def test_purge_discards_what_is_being_requested(session: KmsSession) -> None:
    with session.client.hold("GenerateDataKey") as gate:
        asking = threading.Thread(target=warmkey.encrypt, args=(b"order", CONTEXT))
        asking.start()
        gate.wait_for(1)
        warmkey.purge()
    asking.join()

    assert warmkey.cache_info().entries == 0
    warmkey.encrypt(b"order", CONTEXT)
    session.assert_kms_calls(2)


def test_purge_before_the_first_use_builds_nothing() -> None:
    assert warmkey.purge() == 0
    warmkey.configure(max_age_seconds=60)


def test_purge_takes_a_partition_id() -> None:
    with pytest.raises(InvalidRequest, match=r"partition_id must be a str .* not 7"):
        warmkey.purge(7)  # type: ignore[arg-type]


# --- cache_info


def test_cache_info_balances(session: KmsSession) -> None:
    session.configure(cache_capacity=1, max_bytes_encrypted=100)
    for plaintext in (b"", b"order", b"x" * 101):
        warmkey.encrypt(plaintext, CONTEXT)
    message = warmkey.encrypt(b"order", {"tenant": "b"})
    warmkey.decrypt(message, {"tenant": "b"})
    session.client.fail(error="denied")
    with contextlib.suppress(KeyUnavailable):
        warmkey.encrypt(b"order", {"tenant": "c"})

    info = warmkey.cache_info()

    assert (info.encrypt.hits, info.encrypt.coalesced, info.encrypt.failures) == (1, 0, 1)
    assert info.encrypt.misses == {"absent": 2}
    assert info.encrypt.bypasses == {"over-byte-limit": 1}
    assert (info.encrypt.requests, info.decrypt.requests) == (5, 1)
    assert (info.entries, info.capacity, info.max_age_seconds) == (1, 1, 300)
    assert info.evictions == {"capacity": 2}
    assert info.kms_requests == {"GenerateDataKey": {"ok": 3, "denied": 1}, "Decrypt": {"ok": 1}}
    assert info.partition_id == warmkey.default_cmm().partition_id


def test_cache_info_can_be_a_handlers_response() -> None:
    warmkey.encrypt(b"order", CONTEXT)
    warmkey.encrypt(b"order", CONTEXT)

    found = json.loads(json.dumps(warmkey.cache_info().as_dict()))

    assert found["encrypt"] == {"hits": 1, "coalesced": 0, "misses": {"absent": 1}, "bypasses": {}, "failures": 0}
    assert found["kms_requests"] == {"GenerateDataKey": {"ok": 1}}


def test_cache_info_does_not_change_afterwards() -> None:
    info = warmkey.cache_info()
    warmkey.encrypt(b"order", CONTEXT)

    assert info.encrypt.requests == 0
    with pytest.raises(FrozenInstanceError):
        info.entries = 7  # type: ignore[misc]


def test_cache_info_without_a_cache_shows_bypasses(session: KmsSession) -> None:
    session.configure(cache="off")
    warmkey.encrypt(b"order", CONTEXT)

    info = warmkey.cache_info()

    assert (info.entries, info.capacity) == (0, 0)
    assert info.encrypt.bypasses == {"caching-off": 1}


# --- the rest


def test_default_client_and_cmm_are_what_the_helpers_use(session: KmsSession) -> None:
    message = warmkey.encrypt(b"order", CONTEXT)
    result = warmkey.default_client().decrypt(message, cmm=warmkey.default_cmm(), encryption_context=CONTEXT)
    warmkey.decrypt(message, CONTEXT)

    assert result.plaintext == b"order"
    assert warmkey.default_client() is warmkey.default_client()
    assert warmkey.default_cmm() is warmkey.default_cmm()
    assert warmkey.cache_info().decrypt.hits == 1
    session.assert_kms_calls(1, "Decrypt")


def test_warm_up_asks_kms_nothing(session: KmsSession) -> None:
    warmkey.warm_up()

    session.assert_kms_calls(0)


@pytest.mark.parametrize(
    "use",
    [
        lambda: warmkey.encrypt(b"x"),
        lambda: warmkey.decrypt(b"x"),
        lambda: warmkey.encrypt_text("x"),
        lambda: warmkey.decrypt_text(base64.b64encode(b"x").decode()),
        warmkey.warm_up,
        warmkey.default_client,
        warmkey.default_cmm,
        warmkey.cache_info,
    ],
    ids=["encrypt", "decrypt", "encrypt_text", "decrypt_text", "warm_up", "client", "cmm", "cache_info"],
)
def test_without_settings_every_way_in_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, use: Any) -> None:
    monkeypatch.delenv("WARMKEY_KMS_KEY_ARNS")

    with pytest.raises(ConfigurationError, match="WARMKEY_KMS_KEY_ARNS is missing"):
        use()


def test_time_to_live_is_short_enough_by_default(session: KmsSession) -> None:
    warmkey.encrypt(b"order", CONTEXT)
    session.clock.tick(300)
    warmkey.encrypt(b"order", CONTEXT)

    session.assert_kms_calls(2)


def test_jitter_shortens_by_a_tenth_at_most(session: KmsSession) -> None:
    for number in range(50):
        warmkey.encrypt(b"order", {"number": str(number)})
    session.clock.tick(269.9)
    session.clear()
    for number in range(50):
        warmkey.encrypt(b"order", {"number": str(number)})

    session.assert_kms_calls(0)
