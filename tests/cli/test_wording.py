"""Errors speak of options, not of arguments of functions."""

from __future__ import annotations

import pytest

from warmkey import ConfigurationError, InvalidRequest, KeyUnavailable, MalformedMessage
from warmkey.cli.wording import in_words_of_the_command
from warmkey.data_format.message_header import BASE64_OF_A_MESSAGE


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConfigurationError("kms_key_id must be"), "--key-arn must be"),
        (InvalidRequest("choose a larger frame_length"), "choose a larger --frame-length"),
        (InvalidRequest("branch_key_id must have"), "branch key ID must have"),
        (ConfigurationError("rotate it with version_key"), "rotate it with warmkey keystore rotate"),
        (OSError(2, "No such file", "frame_length"), "[Errno 2] No such file: 'frame_length'"),
        (MalformedMessage(BASE64_OF_A_MESSAGE), f"message: {BASE64_OF_A_MESSAGE}; --base64 does that here"),
        (KeyUnavailable("no key"), "no key"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value[:12],
)
def test_options_are_named(error: OSError, text: str) -> None:
    assert in_words_of_the_command(error) == text
