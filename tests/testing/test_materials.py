"""Blobs say which of the fake's keys made them, as long as they hold that much."""

from __future__ import annotations

import pytest

from warmkey.testing.materials import SymmetricMaterial, blob_id

HEAD = len(b"\x01fake-kms") + 16


@pytest.mark.parametrize(("length", "is_known"), [(HEAD - 1, False), (HEAD, True), (HEAD + 1, True), (None, True)])
def test_a_blob_that_was_cut_says_which_key_made_it_while_it_has_all_of_the_id(
    length: int | None, *, is_known: bool
) -> None:
    material = SymmetricMaterial()

    found = blob_id(material.encrypt(b"a data key", {})[:length])

    assert found == (material.blob_id if is_known else None)
