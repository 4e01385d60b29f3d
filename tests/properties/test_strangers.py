"""What strangers send, readable or not, stays nowhere and is not repeated at length."""

from __future__ import annotations

import gc
import os
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from tests.vectors.forge import Forgery, sized, wrapped
from tests.vectors.readers import COMMITTING, KEYRING
from warmkey import (
    AwsKmsKeyring,
    CachingCMM,
    DefaultCMM,
    KeyUnavailable,
    LocalCMC,
    MultiKeyring,
    WarmkeyError,
    message_length,
)
from warmkey.keyrings import AwsKmsDiscoveryKeyring
from warmkey.testing import FakeKms

if TYPE_CHECKING:
    from collections.abc import Callable

ARN = b"arn:aws:kms:us-east-1:111122223333:key/1"


def held_after(messages: int) -> int:
    """Bytes that are still held after a caching CMM refused that many long messages, all different."""
    cmm = CachingCMM(cache=LocalCMC(10), max_age=60, keyring=KEYRING)

    def refuse() -> None:
        keys = [sized(b"p") + sized(os.urandom(20_000)) + sized(b"c")] * 3
        forgery = Forgery(keys=keys, pairs=[(b"k", os.urandom(10_000).hex().encode())])
        with pytest.raises(WarmkeyError):
            COMMITTING.decrypt(forgery.message(b""), cmm=cmm, encryption_context={"k": "another"})

    for _ in range(3):
        refuse()
    gc.collect()
    tracemalloc.start()
    for _ in range(messages):
        refuse()
    gc.collect()
    held, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held


def test_long_messages_of_strangers_leave_nothing_behind() -> None:
    assert held_after(60) < 200_000


MANY = {
    "foreign": [sized(b"x" * 60_000) + sized(b"y" * 60_000) + sized(b"z")] * 20,
    "no ARN": [sized(b"aws-kms") + sized(b"y\n" * 30_000) + sized(b"z")] * 5,
    "other ARNs": [sized(b"aws-kms") + sized(ARN + str(number).encode()) + sized(b"z") for number in range(300)],
    "one ARN": [sized(b"aws-kms") + sized(ARN) + sized(b"z")] * 300,
    "raw": [wrapped(bytes(32), b"another context")] * 300,
}


@pytest.mark.parametrize("keys", MANY.values(), ids=MANY)
def test_errors_stay_short_and_on_one_line_whatever_a_message_names(keys: list[bytes]) -> None:
    kms = FakeKms()
    discovery, strict = AwsKmsDiscoveryKeyring(kms_client=kms), AwsKmsKeyring(ARN.decode(), kms_client=kms)
    message = Forgery(keys=keys).message(b"")
    for keyring in (KEYRING, strict, discovery, MultiKeyring(children=[KEYRING, strict, discovery])):
        with pytest.raises(KeyUnavailable) as caught:
            COMMITTING.decrypt(message, cmm=DefaultCMM(keyring))

        assert len(str(caught.value)) < 5_000
        assert "\n" not in str(caught.value)


def test_all_attempts_are_there_though_the_text_tells_the_first() -> None:
    with pytest.raises(KeyUnavailable) as caught:
        COMMITTING.decrypt(Forgery(keys=MANY["raw"]).message(b""), keyring=KEYRING)

    assert len(caught.value.attempts) == 300
    assert str(caught.value).endswith("; and 290 more attempts")


LONG_KEYS = {
    "one": {"k" * 65_000: "v"},
    "many": {f"{number:0200}": "v" for number in range(200)},
    "another value": {"k" * 65_000: "another"},
    "reserved": {"aws-crypto-" + "k" * 65_000: "v"},
}


@pytest.mark.parametrize("context", LONG_KEYS.values(), ids=LONG_KEYS)
def test_errors_stay_short_whatever_context_keys_a_caller_gives(context: dict[str, str]) -> None:
    message = Forgery(pairs=[(b"k" * 65_000, b"v")]).message(b"")
    other = Forgery().message(b"")
    calls: list[Callable[[], object]] = [
        lambda: COMMITTING.decrypt(other, keyring=KEYRING, encryption_context=context),
        lambda: COMMITTING.decrypt(message, keyring=KEYRING, encryption_context=context),
        lambda: COMMITTING.encrypt(b"", keyring=KEYRING, encryption_context=context),
        lambda: message_length(0, encryption_context=context),
    ]
    told = [str(error) for error in map(refusal, calls) if error is not None]

    assert told
    assert max(map(len, told)) < 5_000


def refusal(call: Callable[[], object]) -> WarmkeyError | None:
    try:
        call()
    except WarmkeyError as error:
        return error
    return None
