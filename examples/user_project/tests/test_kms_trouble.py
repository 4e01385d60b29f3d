"""Test what happens when KMS fails; the fake KMS fails on command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import warmkey

if TYPE_CHECKING:
    from warmkey.testing import KmsSession


def test_cached_data_keys_serve_through_an_outage(warmkey_fake_kms: KmsSession) -> None:
    warmkey.encrypt(b"before", {"shop": "books"})

    with warmkey_fake_kms.client.fail(error="unreachable", times=None):
        warmkey.encrypt(b"during", {"shop": "books"})

    warmkey_fake_kms.assert_kms_calls(1)


def test_a_denied_role_is_an_error_that_names_the_operation(warmkey_fake_kms: KmsSession) -> None:
    warmkey_fake_kms.client.deny("GenerateDataKey")

    with pytest.raises(warmkey.WarmkeyError, match="GenerateDataKey"):
        warmkey.encrypt(b"order", {"shop": "books"})
