"""Count the KMS calls per hour of one container for several limits, on a clock that the program moves forward."""

from __future__ import annotations

from typing import NamedTuple

import warmkey
from warmkey.testing import FakeKms, SettableClock

__all__ = ["LIMITS", "kms_calls_an_hour"]

SUITE = warmkey.AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
MESSAGES_AN_HOUR = (1, 3, 10, 20, 40, 100, 300, 1_000, 3_000, 10_000, 30_000)
_HOUR = 3600.0


class Limits(NamedTuple):
    """What a user sets."""

    max_age: float
    max_messages: int


LIMITS = {
    "no cache": None,
    "60 s, 100 messages": Limits(60, 100),
    "60 s, 1000 messages": Limits(60, 1000),
    "300 s, 100 messages": Limits(300, 100),
    "300 s, 1000 messages (default)": Limits(300, 1000),
    "3600 s, 10000 messages": Limits(3600, 10_000),
}


def kms_calls_an_hour() -> dict[str, dict[str, int]]:
    """Return KMS calls by limits and by messages per hour, evenly spread, with one encryption context."""
    return {
        name: {str(messages): messages if limits is None else _calls(limits, messages) for messages in MESSAGES_AN_HOUR}
        for name, limits in LIMITS.items()
    }


def _calls(limits: Limits, messages: int) -> int:
    kms, clock = FakeKms(), SettableClock()
    keyring = warmkey.AwsKmsKeyring(kms.create_key(), kms_client=kms)
    cache = warmkey.LocalCMC(10, clock=clock)
    cmm = warmkey.CachingCMM(
        cache=cache,
        clock=clock,
        keyring=keyring,
        max_age=limits.max_age,
        max_messages_encrypted=limits.max_messages,
    )
    client = warmkey.Client()
    for _ in range(messages):
        client.encrypt(b"", cmm=cmm, algorithm_suite=SUITE)
        clock.tick(_HOUR / messages)
    return kms.count("GenerateDataKey")
