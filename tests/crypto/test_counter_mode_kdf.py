"""The key derivation in counter mode, beside the library's own."""

from __future__ import annotations

import os

import pytest

from tests.vectors.branch_key_forge import derived_key
from warmkey.crypto.counter_mode_kdf import CounterModeKdf


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-wrapping 14ff
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-unwrapping f918
@pytest.mark.parametrize("length", [0, 1, 16, 64, 65])
def test_it_derives_what_the_library_derives(length: int) -> None:
    key, label, context = os.urandom(32), b"a label", os.urandom(length)
    expected = derived_key(key, label=label, context=context)

    kdf = CounterModeKdf(key, label)

    assert kdf.derive(context) == expected
    assert kdf.derive(context) == expected


def test_it_shows_no_key() -> None:
    assert repr(CounterModeKdf(bytes(32), b"label")) == "<CounterModeKdf>"
