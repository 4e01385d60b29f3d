"""A function that uses what Powertools has in our layer: Tracer, Data Masking and streams, over warmkey."""

from __future__ import annotations

import gzip
import io
import os
from typing import Any

import wrapt
from aws_lambda_powertools import Tracer
from aws_lambda_powertools.shared.version import VERSION
from aws_lambda_powertools.utilities.data_masking import DataMasking
from aws_lambda_powertools.utilities.streaming.transformations import GzipTransform

import warmkey
from warmkey.powertools import DataMaskingWithFields, DecryptTransform, WarmkeyProvider

tracer = Tracer(service="orders")
TENANT = {"tenant": "acme"}


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    os.environ["_X_AMZN_TRACE_ID"] = event.pop("trace")  # the emulator passes none on
    return traced(event, context)


@tracer.capture_lambda_handler
def traced(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return {
        "powertools": VERSION,
        "wrapt": wrapt.FunctionWrapper.__mro__[-2].__module__,
        "whole": whole(event),
        "fields": fields(event),
        "stream": stream(b"rows").decode(),
    }


@tracer.capture_method
def whole(event: dict[str, Any]) -> Any:
    masking = DataMasking(provider=WarmkeyProvider())
    return masking.decrypt(masking.encrypt(event, **TENANT), **TENANT)


@tracer.capture_method
def fields(event: dict[str, Any]) -> Any:
    masking = DataMaskingWithFields()
    sealed = masking.encrypt(event, fields=["card", "lines[*].note"], **TENANT)
    if "card" in sealed:
        raise RuntimeError("the field is still there")
    return masking.decrypt(sealed, **TENANT)


@tracer.capture_method
def stream(plaintext: bytes) -> bytes:
    message = io.BytesIO(warmkey.encrypt(gzip.compress(plaintext), TENANT))
    return GzipTransform().transform(DecryptTransform(TENANT).transform(message)).read()
