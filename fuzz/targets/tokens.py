"""Open tokens: texts that were changed on their way, and messages of writers who put anything into them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuzz.mutation import changed_document, json_of
from fuzz.promise import SECRET, attempt, check
from fuzz.sealed_documents import CONTEXT, Delivery, data_of, document_of, sealing
from fuzz.target import Target
from warmkey.sealing import open_token
from warmkey.testing import SettableClock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

__all__ = ["TARGET"]

_NOW = int(SettableClock.START.wall)
_NEVER = 2**64 - 1
_WORDS = ("token", "record", "checkpoint", "tenant", "a", "inner", "kind", "edits", "asked", "text", "+", "/", "=")


def seeds() -> list[bytes]:
    """Return tokens that expire at various times, and some that were changed."""
    inner = [
        b"\x01" + expiry.to_bytes(8, "big") + SECRET.encode()
        for expiry in (0, _NOW - 1, _NOW, _NOW + 1, _NEVER - 1, _NEVER)
    ]
    whole = [{"kind": "token", "inner": data.decode("latin-1"), "asked": CONTEXT} for data in inner]
    edits = [[[0, 1, "B"]], [[-1, 1, "="]], [[-1, 0, "\n"]], [[100, 2, ""]], [[7, 1, "+"]], [[0, 400, ""]]]
    return [json_of(document) for document in (*whole, *({**whole[-1], "edits": each} for each in edits))]


def change(data: bytes, source: Random, others: Sequence[bytes]) -> bytes:
    """Change the document."""
    return changed_document(data, source, others, _WORDS)


def test(data: bytes) -> None:
    """Only an unchanged token of version 1 that has not expired opens, for who asks for its context."""
    document = document_of(data)
    inner, asked = data_of(document.get("inner", "")), document.get("asked", {})
    delivery = Delivery(document, inner, form="url")
    opened = attempt(lambda: open_token(delivery.value, asked))
    expiry = int.from_bytes(inner[1:9], "big")
    is_current = len(inner) >= 9 and inner[0] == 1 and (expiry == _NEVER or expiry > _NOW)  # noqa: PLR2004 - the format
    fits = (isinstance(asked, dict) and CONTEXT.items() >= asked.items()) or asked is None
    if opened.error is None:
        check(delivery.intact and delivery.kind == "token", "opened what is not a token of a writer")
        check(is_current, "opened a token that is over, or of another version")
        check(opened.value == inner[9:], "another content")
    else:
        check(not (delivery.intact and delivery.kind == "token" and is_current and fits), "refused what was written")


TARGET = Target(seeds=seeds, change=change, test=test, world=sealing)
