"""Inputs for what is sealed: JSON that says what a writer put into a message, and what was done to it on its way.

``inner`` is what is in the message, ``kind`` the kind that it was given; ``edits`` are places of its bytes or text and
what came in their stead; ``context`` is the writer's, ``asked`` the reader's.
"""

from __future__ import annotations

import itertools
import json
import re
from base64 import urlsafe_b64decode
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from fuzz.promise import listening
from warmkey.client_apis.encrypt import encrypt
from warmkey.lambda_runtime.default_client import DEFAULT
from warmkey.sealed.text import to_base64, to_base64url
from warmkey.testing import fake_kms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from warmkey.testing import KmsSession

__all__ = ["CONTEXT", "Delivery", "data_of", "document_of", "sealing", "value_of"]

CONTEXT = {"tenant": "a"}
_KINDS = ("record", "token", "checkpoint")
_MOST_EDITS = 5
_BRACKETS = re.compile(rb"[\[\]{}]")
_DEEPEST = 250


@contextmanager
def sealing() -> Iterator[KmsSession]:
    """Give the default client a KMS of its own."""
    with listening(), fake_kms(algorithm_suite="0x0478", metrics="off", refresh_ahead=False) as session:
        yield session


def document_of(data: bytes) -> dict[str, Any]:
    """Return the document that *data* is, or an empty one; deeper ones than what reads them here are none."""
    levels = itertools.accumulate(1 if each[0] in b"[{" else -1 for each in _BRACKETS.findall(data))
    if max(levels, default=0) > _DEEPEST:
        return {}
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def data_of(value: object) -> bytes:
    """Return the bytes that a document spells as text, one for each character."""
    return str(value).encode("latin-1", "replace")


class Delivery:
    """A message of a writer, as it reaches the reader.

    :ivar message: what the writer wrote
    :ivar value: bytes or text
    :ivar intact: whether that is what the writer gave away
    """

    def __init__(self, document: dict[str, Any], inner: bytes, *, form: str) -> None:
        kind = document.get("kind")
        self.kind = kind if kind in _KINDS else None
        default = DEFAULT.get()
        self.message = encrypt(
            inner,
            cmm=default.cmm,
            commitment_policy=default.client.commitment_policy,
            max_encrypted_data_keys=None,
            encryption_context=CONTEXT,
            algorithm_suite=default.algorithm_suite,
            frame_length=default.frame_length,
            kind=self.kind,
        ).ciphertext
        original = {"url": to_base64url, "standard": to_base64}.get(form, bytes)(self.message)
        self.value: Any = original
        edits = document.get("edits")
        for edit in edits[:_MOST_EDITS] if isinstance(edits, list) else ():
            self.value = _edited(self.value, edit)
        if "text" in document:
            self.value = document["text"]
        self.intact = self.value == original


def _edited(value: Any, edit: object) -> Any:  # noqa: ANN401 - bytes or text
    match edit:
        case [int(place), int(length), str(put)]:
            start = place % (len(value) + 1)
            stop = start + abs(length)
            return value[:start] + (put if isinstance(value, str) else data_of(put)) + value[stop:]
    return value


def value_of(found: Any) -> Any:  # noqa: ANN401 - JSON and a value of a record
    """Return the value of a record that its JSON says, read without any code of warmkey's."""
    if isinstance(found, list):
        return [value_of(item) for item in found]
    if not isinstance(found, dict):
        return found
    if len(found) == 1:
        ((tag, given),) = found.items()
        if tag in _TAGS:
            try:
                return _TAGS[tag](given)
            except (ValueError, TypeError, AttributeError, InvalidOperation):
                pass  # a map whose only key is a name like a tag
    return {key: value_of(item) for key, item in found.items()}


def _map_of(items: dict[str, Any]) -> dict[str, Any]:
    return {key: value_of(item) for key, item in items.items()}


def _bytes_of(text: str) -> bytes:

    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


_TAGS: dict[str, Callable[[Any], Any]] = {
    "$b": _bytes_of,
    "$d": Decimal,
    "$i": int,
    "$m": _map_of,
    "$n": Decimal,
    "$s": lambda items: {value_of(item) for item in items},
}
