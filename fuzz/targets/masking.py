"""Decrypt Data Masking's payloads: texts and records that were changed, and messages with anything in them."""

from __future__ import annotations

import json
import re
import warnings
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.data_masking.exceptions import DataMaskingError

from fuzz.mutation import changed_document, json_of
from fuzz.promise import SECRET, Outcome, attempt, check
from fuzz.sealed_documents import CONTEXT, Delivery, document_of, sealing, value_of
from fuzz.target import Target
from fuzz.targets import records
from fuzz.targets.records import check_whole, inner_of, names_in, same
from warmkey.powertools import DataMaskingWithFields, WarmkeyProvider
from warmkey.sealed.text import to_base64

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

__all__ = ["TARGET"]

_UNDER = "_sealed"
_OURS = {"self", "data", "provider_options", "fields"}
_LISTED = "$.lines[*].secret"
_FIELDS = ("id", "field", "lines", _LISTED, "lines[0]", "$..secret", "card.number", "lines[?(@.n>1)].secret")
_NAME = re.compile(r"[a-z.]{1,20}")
_WORDS = (
    *("standard", "url", "record", "kind", "inner", "binary", "asked", "tenant", "a", "fields", "seal", "bound_to"),
    *_FIELDS,
    *('{"a":1}', "NaN", "[1e400]", "value", "_sealed", "$b", "$n", "1E0"),
)


def seeds() -> list[bytes]:
    """Return whole payloads, the seeds of sealed records as Data Masking stores them, and records to be sealed."""
    odd = ("not JSON", "\xff", "[" * 60 + "]" * 60, "1" * 4_400)
    payloads = (f'{{"card":"{SECRET}"}}', '"text"', "[1,2.5,null]", *odd)
    whole: list[dict[str, Any]] = [{"inner": text, "form": "standard"} for text in payloads]
    asked: list[Any] = [{}, {"tenant": "b"}, {"tenant": "a", "more": "x"}, {"tenant": 1}]
    edits = [[[9, 1, "A"]], [[-1, 1, ""]], [[0, 400, ""]], [[4, 0, "\n"]]]
    sealed = [json.loads(data) for data in records.seeds()]
    record = {"id": 7, "card": {"number": SECRET}, "lines": [{"n": 1, "secret": SECRET}, {"n": 2}], "field": SECRET}
    return [
        json_of(document)
        for document in (
            *whole,
            *({**whole[0], "asked": context} for context in asked),
            *({**whole[0], "edits": each} for each in edits),
            {**whole[0], "kind": "token"},
            {**whole[0], "form": "url"},
            *sealed,
            *({**each, "form": form, "binary": True} for each, form in zip(sealed, ("url", "standard"), strict=False)),
            *({**sealed[-4], "fields": [name]} for name in ("field", "id", "$.lines[0].secret")),
            *({"seal": record, "fields": names, "bound_to": ["id"]} for names in (["field"], [_LISTED, "card.number"])),
        )
    ]


def change(data: bytes, source: Random, others: Sequence[bytes]) -> bytes:
    """Change the document; the digests of the lists of a record may be made right afterwards."""
    if b'"record"' in data and source.randrange(2):
        return records.change(data, source, others)
    return changed_document(data, source, others, _WORDS)


def test(data: bytes) -> None:
    """Only an unchanged payload of this very context is decrypted, to what was encrypted."""
    document = document_of(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fields that are not there
        if isinstance(document.get("seal"), dict):
            _seal(document)
        elif isinstance(document.get("record"), dict):
            _unseal(document)
        else:
            _decrypt(document)


def _decrypt(document: dict[str, Any]) -> None:
    """Decrypt text: an unchanged one, with exactly the context, gives the JSON that is in it."""
    inner = inner_of(document.get("inner", ""))
    asked = _asked(document)
    delivery = Delivery(document, inner, form=str(document.get("form")))
    is_ours = delivery.value == to_base64(delivery.message) and delivery.kind is None and asked == CONTEXT
    expected = _json_of(inner) if is_ours else None
    for decrypt in (WarmkeyProvider().decrypt, DataMaskingWithFields().decrypt):
        found = _attempt(lambda decrypt=decrypt: decrypt(delivery.value, None, **asked), SECRET)  # type: ignore[misc]
        check((found.error is None) == (expected is not None), "decrypted what was changed, or refused what was not")
        check(found.error is not None or _json_text(found.value) == expected, "another payload")


def _unseal(document: dict[str, Any]) -> None:
    """Decrypt a record: what comes out is what the message and the record say, and was encrypted where it has to be."""
    inner, asked = inner_of(document.get("inner")), _asked(document)
    delivery = Delivery(document, inner, form=str(document.get("form")))
    stored = value_of(document["record"])
    rest = dict(stored) if isinstance(stored, dict) else {}
    rest.pop(_UNDER, None)
    message = {"value": delivery.value} if document.get("binary") is True else delivery.value
    bound_to, fields = value_of(document.get("bound_to")), _fields(document)
    options = {name: value for name, value in (("bound_to", bound_to), ("fields", fields)) if value is not None}
    secret = None if SECRET in names_in(document, inner) else SECRET
    found = _attempt(lambda: WarmkeyProvider().decrypt({**rest, _UNDER: message}, options, **asked), secret)
    if found.error is None:
        check(delivery.intact and delivery.kind == "record", "decrypted what is not a record of a writer")
        check(asked == CONTEXT, "decrypted under another context")
        check_whole(found.value, rest, inner, bound_to)
        for name in fields or ():
            check(name not in rest, "a field that was not encrypted counts as encrypted")


def _seal(document: dict[str, Any]) -> None:
    """Encrypt fields of a stranger's record, and decrypt it: it is the same, if it was not refused."""
    record, fields, bound_to = value_of(document["seal"]), _fields(document) or [], document.get("bound_to", ())
    names = json.dumps([document["seal"], document.get("bound_to")])
    secret = None if names.count(SECRET) != names.count(f'"{SECRET}"') or f'"{SECRET}":' in names else SECRET
    masking = DataMaskingWithFields()
    sealed = _attempt(lambda: masking.encrypt(record, {"bound_to": bound_to}, fields=fields, **CONTEXT), secret)
    if sealed.error is None:
        check(isinstance(sealed.value, dict) and _UNDER in sealed.value, "a record without a message")
        opened = _attempt(lambda: masking.decrypt(sealed.value, None, fields=fields, **CONTEXT), secret)
        check(opened.error is None, f"what was encrypted can't be decrypted: {opened.error}")
        check(same(opened.value, record), "another record than was encrypted")


def _attempt(call: Callable[[], object], secret: str | None) -> Outcome:
    """Make *call*, whose errors are Data Masking's, each with one of ours as its cause."""

    def as_ours() -> object:
        try:
            return call()
        except DataMaskingError as error:
            check(type(error) is not DataMaskingError, "the base of Data Masking's errors was raised")
            cause = error.__cause__
            check(cause is not None and str(error) == str(cause), "an error that says something else")
            raise cause or error from None

    return attempt(as_ours, secret=secret)


def _asked(document: dict[str, Any]) -> dict[str, Any]:
    asked = document.get("asked", CONTEXT)
    return {name: value for name, value in asked.items() if name not in _OURS} if isinstance(asked, dict) else CONTEXT


def _fields(document: dict[str, Any]) -> list[str] | None:
    """Return the fields that a document names, of those that a handler may have in its code."""
    fields = document.get("fields")
    if not isinstance(fields, list):
        return None
    known = [name for name in fields if isinstance(name, str) and (name in _FIELDS or _NAME.fullmatch(name))]
    return [name for name in known if SECRET not in name]


def _json_of(inner: bytes) -> str | None:
    try:
        return _json_text(json.loads(inner.decode()))
    except (ValueError, RecursionError):
        return None


def _json_text(value: object) -> str:
    return json.dumps(value)


TARGET = Target(seeds=seeds, change=change, test=test, world=sealing)
