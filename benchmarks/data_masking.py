"""Decrypting with Powertools' Data Masking: its own provider, and ours over the cache.

The KMS on the loopback interface counts, and answers at once, so what a request to AWS takes comes on top.
"""

from __future__ import annotations

import os
from functools import partial
from statistics import median
from typing import TYPE_CHECKING
from unittest.mock import patch

from aws_lambda_powertools.utilities.data_masking import DataMasking
from aws_lambda_powertools.utilities.data_masking.provider.kms import AWSEncryptionSDKProvider

import warmkey
from benchmarks import promises
from benchmarks.loopback_kms import loopback_kms_process
from benchmarks.rows import Figure, Row
from benchmarks.sealed_records import CONTEXT, RECORD
from benchmarks.timing import interleaved, median_ratio
from warmkey.powertools import WarmkeyProvider

if TYPE_CHECKING:
    from benchmarks.loopback_kms import Endpoint
    from benchmarks.rows import Effort

__all__ = ["measure_data_masking"]

MESSAGES = 100


def measure_data_masking(effort: Effort) -> list[Row]:
    """A row: KMS requests of decrypting messages of one tenant, and microseconds for each message."""
    with loopback_kms_process() as kms, patch.dict(os.environ, kms.environment(), AWS_LAMBDA_LOG_LEVEL="ERROR"):
        warmkey.reset()
        warmkey.configure(metrics="off")
        ours = DataMasking(provider=WarmkeyProvider())
        built_in = DataMasking(provider=AWSEncryptionSDKProvider(keys=[kms.key_arn]))
        messages = [built_in.encrypt(RECORD | {"id": number}, **CONTEXT) for number in range(MESSAGES)]
        calls = [_calls(kms, masking, messages) for masking in (built_in, ours)]
        times = interleaved(
            {
                "ours": partial(ours.decrypt, messages[0], **CONTEXT),
                "built-in": partial(built_in.decrypt, messages[0], **CONTEXT),
            },
            rounds=effort.rounds,
            seconds=effort.seconds,
        )
        warmkey.reset()
    return [
        Row(
            group="data masking",
            name=f"decrypt {MESSAGES} messages of one tenant",
            figures=(
                Figure(label="built-in", value=calls[0], unit="calls"),
                Figure(label="ours", value=calls[1], unit="calls", bound=promises.DATA_MASKING_KMS_CALLS),
                Figure(label="built-in, each", value=median(times["built-in"]), unit="µs"),
                Figure(label="ours, each", value=median(times["ours"]), unit="µs"),
                Figure(label="faster", value=median_ratio(times["built-in"], times["ours"]), unit="×"),
            ),
        )
    ]


def _calls(kms: Endpoint, masking: DataMasking, messages: list[str]) -> int:
    before = kms.count()
    for number, message in enumerate(messages):
        if masking.decrypt(message, **CONTEXT) != RECORD | {"id": number}:
            raise AssertionError("a payload did not come back")
    return kms.count() - before
