"""Powertools' own provider and ours, over one KMS server that counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.data_masking import DataMasking

import warmkey
from benchmarks.loopback_kms import loopback_kms
from warmkey.powertools import WarmkeyProvider

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from benchmarks.loopback_kms import LoopbackKms

__all__ = ["Both", "both"]


class Both:
    """Data Masking with each provider.

    :ivar kms: the server; ``kms.count()`` is how many requests it had
    """

    def __init__(self, kms: LoopbackKms) -> None:
        from aws_lambda_powertools.utilities.data_masking.provider.kms import (  # noqa: PLC0415 - slow
            AWSEncryptionSDKProvider,
        )

        self.kms = kms
        self.ours = DataMasking(provider=WarmkeyProvider())
        self.built_in = DataMasking(provider=AWSEncryptionSDKProvider(keys=[kms.key_arn]))

    def requests_for(self, times: int, masking: DataMasking, data: str, **context: Any) -> int:
        before = self.kms.count()
        for _ in range(times):
            masking.decrypt(data, **context)
        return self.kms.count() - before


def both(monkeypatch: pytest.MonkeyPatch) -> Iterator[Both]:
    with loopback_kms() as kms:
        for name, value in kms.environment().items():
            monkeypatch.setenv(name, value)
        warmkey.reset()
        warmkey.configure(metrics="off")
        yield Both(kms)
        warmkey.reset()
