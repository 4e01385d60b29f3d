"""Use the same test tools without pytest."""

from __future__ import annotations

import unittest

import warmkey
from warmkey.testing import assert_kms_calls, fake_kms


class EncryptedNotes(unittest.TestCase):
    """Many notes need one KMS request."""

    def setUp(self) -> None:
        self.kms = self.enterContext(fake_kms())

    def test_many_notes_take_one_request(self) -> None:
        with assert_kms_calls(1):
            for number in range(100):
                warmkey.encrypt_text(f"note {number}")

        self.assertEqual(self.kms.client.counts(), {"GenerateDataKey": 1})
