"""No enum of ours shows what it was asked for: it may be a key in the wrong place."""

from __future__ import annotations

import importlib
import traceback
from enum import Enum
from typing import Any

import pytest

from tests.architecture.sources import modules
from warmkey import AlgorithmSuite, InvalidRequest
from warmkey.choices import Choice

ENUMS = sorted(
    {
        value
        for module in modules()
        if not module.endswith("__main__")
        for value in vars(importlib.import_module(module)).values()
        if isinstance(value, type) and issubclass(value, Enum) and value.__module__.startswith("warmkey")
    },
    key=lambda each: (each.__qualname__, each.__module__),
)


def test_all_enums_are_looked_at() -> None:
    assert {"AlgorithmSuite", "CommitmentPolicy", "PaddingScheme", "EcdhCurveSpec", "MetricsMode", "ContentType"} <= {
        each.__name__ for each in ENUMS
    }


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: f"{enum.__module__}.{enum.__qualname__}")
@pytest.mark.parametrize(
    "value", [b"SECRET", "SECRET", 0x5EC7E7, ["SECRET"], None], ids=lambda each: type(each).__name__
)
def test_a_value_that_no_member_has_is_refused_and_not_shown(enum: Any, value: object) -> None:
    assert issubclass(enum, Choice)
    with pytest.raises(InvalidRequest) as caught:
        enum(value)
    told = "".join(traceback.format_exception_only(caught.value))

    assert isinstance(caught.value, ValueError)
    assert (enum.__name__ in told, type(value).__name__ in told) == (True, True)
    assert "SECRET" not in told
    assert str(0x5EC7E7) not in told
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_a_value_that_a_member_has_finds_it() -> None:
    assert AlgorithmSuite(0x0478) is AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
