"""Show messages without a key, as `warmkey inspect` does: a report for whatever the bytes are."""

from __future__ import annotations

import io
import json

from fuzz.message_mutation import changed_message
from fuzz.promise import attempt, check, check_text
from fuzz.target import Target
from fuzz.targets.messages import seeds
from tests.vectors.readers import COMMITTING, KEYRING
from warmkey.cli.message_walk import examine
from warmkey.cli.report import as_json, as_text

__all__ = ["TARGET"]


def test(data: bytes) -> None:
    """Report as text and as JSON; what can be decrypted is complete, and all lengths are within the message."""
    found = examine(io.BytesIO(data))
    text, report = as_text(found, "a file"), json.loads(as_json(found, "a file"))
    decrypted = attempt(lambda: COMMITTING.decrypt(data, keyring=KEYRING))
    check(decrypted.error is not None or report["complete"], "a problem with a message that can be decrypted")
    check(report["plaintext_length"] <= len(data) if "plaintext_length" in report else True, "more than there is")
    check(report["length"] in (None, len(data)), "another length")
    if found.problem is not None:
        check_text(str(found.problem))
        check(found.problem.offset <= len(data), "a problem behind the end")
    for line in text.splitlines():
        check(line.isprintable(), "a report that is not text")


TARGET = Target(seeds=seeds, change=changed_message, test=test)
