"""The targets, each in a module of its own that has a ``TARGET``."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from fuzz.target import Target

__all__ = ["NAMES", "target"]

#: What each puts to the test.
NAMES = {
    "messages": "decrypting messages of strangers and of writers with keys of their own, with and without a cache",
    "streams": "the same messages as streams, whatever the sizes of the pieces",
    "parsing": "all of a message without cryptography: every key fits, every tag and signature verifies",
    "inspect": "`warmkey inspect`: reports on whatever the bytes are",
    "records": "sealed records that were changed, moved or put together, and messages with anything in them",
    "tokens": "tokens whose text was changed, and messages with anything in them",
    "masking": "Data Masking's payloads whose text or record was changed, and messages with anything in them",
    "checkpoints": "durable checkpoints of other places, of other forms, and with anything in them",
    "items": "branch key items of who can write the table, and of who may use its KMS key; `warmkey keystore list`",
    "branch_keys": "decrypting messages of strangers and of holders of branch keys, under branch keys",
    "settings": "environment variables and keywords of `configure`",
    "traces": "CSV traces and public data sets for `warmkey plan`",
    "logs": "exported logs for `warmkey plan`",
}


def target(name: str) -> Target:
    """Return the target of this name; its module is imported now, so that what it imports can be instrumented."""
    return cast("Target", import_module(f"fuzz.targets.{name}").TARGET)
