"""Show messages without a key, as `warmkey inspect` does: a report for whatever the bytes are, and for base64 text."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

from fuzz.message_mutation import changed_message
from fuzz.promise import attempt, check, check_text
from fuzz.target import Target
from fuzz.targets import messages
from tests.vectors.readers import COMMITTING, KEYRING
from warmkey.cli.files import Base64Source
from warmkey.cli.message_walk import examine
from warmkey.cli.report import as_json, as_text

if TYPE_CHECKING:
    from warmkey.cli.message_walk import Examination

__all__ = ["TARGET"]


def seeds() -> list[bytes]:
    """Return messages, and one as text: in lines, URL-safe, padded too much, and with a second one behind it."""
    every = messages.seeds()
    text = base64.b64encode(every[0])
    return [*every, base64.encodebytes(every[0]), base64.urlsafe_b64encode(every[0]), text + b"====", text + text]


def test(data: bytes) -> None:
    """Report as text and as JSON; what can be decrypted is complete, and all lengths are within the message."""
    found = examine(io.BytesIO(data))
    text, report = _reports(found, data)
    decrypted = attempt(lambda: COMMITTING.decrypt(data, keyring=KEYRING))
    check(decrypted.error is not None or report["complete"], "a problem with a message that can be decrypted")
    check(report["plaintext_length"] <= len(data) if "plaintext_length" in report else True, "more than there is")
    check(report["length"] in (None, len(data)), "another length")
    encoded = examine(Base64Source(io.BytesIO(base64.encodebytes(data))))
    check(_reports(encoded, data) == (text, report), "another report of the same message as base64")
    _reports(examine(Base64Source(io.BytesIO(data))), data)


def _reports(found: Examination, data: bytes) -> tuple[str, dict[str, Any]]:
    """Return the report as text and as JSON, of which each line can be printed."""
    text = as_text(found, "a file")
    if found.problem is not None:
        check_text(str(found.problem))
        check(found.problem.offset <= len(data), "a problem behind the end")
    for line in text.splitlines():
        check(line.isprintable(), "a report that is not text")
    return text, json.loads(as_json(found, "a file"))


TARGET = Target(seeds=seeds, change=changed_message, test=test)
