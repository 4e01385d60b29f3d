"""Unseal records: stored ones that were changed, moved or put together, and messages with anything in them."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal
from hashlib import sha384
from typing import TYPE_CHECKING, Any

from fuzz.mutation import changed_document, json_of
from fuzz.promise import SECRET, attempt, check
from fuzz.sealed_documents import CONTEXT, Delivery, data_of, document_of, sealing, value_of
from fuzz.target import Target
from tests.vectors.write_sealed import vectors
from warmkey.exceptions import InvalidRequest
from warmkey.sealed.records import take
from warmkey.sealed.text import to_base64url
from warmkey.sealed.values import comparable, to_json
from warmkey.sealing import unseal_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

__all__ = ["TARGET", "check_whole", "inner_of", "names_in", "same", "seeds"]

_UNDER = "_sealed"
_WORDS = (
    "$b",
    "$d",
    "$i",
    "$m",
    "$n",
    "$s",
    "id",
    "field",
    "lines",
    "1E0",
    "-0",
    "1.0",
    "YQ",
    "record",
    "url",
    "text",
    "inner",
)


def seeds() -> list[bytes]:
    """Return the vectors of records, and one with lists and a secret."""
    found = []
    for vector in vectors():
        if vector["kind"] == "record" and "plaintext" in vector:
            record = {name: value for name, value in vector["record"].items() if name != _UNDER}
            plaintext = json.loads(vector["plaintext"])
            found.append({"kind": "record", "record": record, "inner": plaintext, "bound_to": vector.get("bound_to")})
    rest = {"id": 7, "note": SECRET, "lines": [{"n": 1}, {"n": {"$d": "2.0"}}]}
    inner: list[Any] = [
        1,
        [["field", SECRET], [["lines", 0, "secret"], SECRET]],
        [["gone"], ["id", {"$n": "7E0"}]],
        [["lines", 2, ""]],
    ]
    document: dict[str, Any] = {"kind": "record", "record": rest, "inner": inner, "bound_to": {"id": 7}}
    _sign_lists(document)
    edits: list[dict[str, Any]] = [
        {"form": "url", "edits": [[5, 1, "A"]]},
        {"form": "standard", "edits": [[-1, 1, ""]]},
        {"edits": [[9, 1, "x"]]},
    ]
    return [json_of(each) for each in (*found, document, *({**document, **edit} for edit in edits))]


def change(data: bytes, source: Random, others: Sequence[bytes]) -> bytes:
    """Change the document; the digests of its lists may be made right afterwards."""
    changed = changed_document(data, source, others, _WORDS)
    if source.randrange(3):
        return changed
    document = document_of(changed)
    with suppress(LookupError, ValueError, TypeError, AttributeError, RecursionError):
        _sign_lists(document)
        return json_of(document)
    return changed


def _sign_lists(document: dict[str, Any]) -> None:
    """Write the lengths and digests of the lists that the record has."""
    for row in document["inner"][3]:
        items = value_of(document["record"])
        for step in row[0] if isinstance(row[0], list) else [row[0]]:
            items = items[step]
        row[1:] = [len(items), to_base64url(sha384(to_json(comparable(items, ()))).digest())]


def test(data: bytes) -> None:
    """What is unsealed is what the message and the record say, and sealing it gives the same message again."""
    document = document_of(data)
    inner = inner_of(document.get("inner"))
    delivery = Delivery(document, inner, form=str(document.get("form")))
    stored = value_of(document.get("record"))
    rest = dict(stored) if isinstance(stored, dict) else {}
    rest.pop(_UNDER, None)
    bound_to = value_of(document.get("bound_to"))
    is_secret = SECRET not in names_in(document, inner)
    unsealed = attempt(
        lambda: unseal_record({**rest, _UNDER: delivery.value}, CONTEXT, bound_to=bound_to),
        secret=SECRET if is_secret else None,
    )
    if unsealed.error is None:
        check(delivery.intact and delivery.kind == "record", "unsealed what is not a record of a writer")
        check_whole(unsealed.value, rest, inner, bound_to)


def names_in(document: dict[str, Any], inner: bytes) -> str:
    """Return all that is a name of a field somewhere, which errors show."""
    return json.dumps([*map(list, map(_names, map(document.get, ("record", "bound_to")))), _paths(inner)])


def inner_of(inner: Any) -> bytes:  # noqa: ANN401 - JSON
    """Return the text of the message: as it is to be written, or as given."""
    if isinstance(inner, str):
        return data_of(inner)
    return json.dumps(inner, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _names(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Give all names of fields: errors show them."""
    if isinstance(value, dict):
        yield from value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _names(item)
        if isinstance(item, str) and isinstance(value, list):
            yield item


def _paths(inner: bytes) -> str:
    with suppress(ValueError, TypeError, LookupError, RecursionError):
        _, sealed, bound, lists = json.loads(inner)
        return json.dumps([[row[0] for row in rows] for rows in (sealed, bound, lists)])
    return ""


def check_whole(whole: Any, rest: dict[str, Any], inner: bytes, bound_to: Any) -> None:  # noqa: ANN401 - of a record
    """Check that *whole* is *rest* with what *inner* says, and that sealing it gives the two again."""
    version, sealed, bound, _ = json.loads(inner)
    check(version == 1 and inner == inner_of(json.loads(inner)), "unsealed what is not written as it has to be")
    for path, value in sealed:
        found = whole
        for step in path if isinstance(path, list) else [path]:
            found = found[step]
        check(same(found, value_of(value)), "another value of a sealed field")
    for name, *value in bound:
        check(not value or same(rest[name], value_of(value[0])), "another value of a bound field")
        check(value or name not in rest, "a bound field that must not be there")
    for name in bound_to or ():
        row = {name: value for name, *value in bound}[name]
        check(not isinstance(bound_to, dict) or same(bound_to[name], value_of(row[0])), "not what was expected")
    fields = [tuple(path) if isinstance(path, list) else path for path, _ in sealed]
    try:
        again = take(whole, fields, bound_to=[name for name, *_ in bound], under=_UNDER)
    except InvalidRequest as error:
        check(False, f"what was unsealed can't be sealed: {error}")  # noqa: FBT003 - as an assert
    else:
        check(again[1] == inner and same(again[0], rest), "sealing it again gives another message or record")


def same(one: Any, other: Any) -> bool:  # noqa: ANN401 - of a record
    """Return whether a store takes both for the same value."""
    return bool(_compared(one) == _compared(other))


def _compared(value: Any) -> Any:  # noqa: ANN401 - of a record
    """Return what is equal for values that a store takes for the same."""
    if isinstance(value, list):
        return [_compared(item) for item in value]
    if isinstance(value, dict):
        return {key: _compared(item) for key, item in value.items()}
    if isinstance(value, set):
        return {_compared(item) for item in value}
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        if not Decimal(value).is_finite():
            return ("number", str(value))
        sign, digits, exponent = Decimal(value).as_tuple()
        text = "".join(map(str, digits))
        shortened = text.rstrip("0")
        power = int(exponent) + len(text) - len(shortened)
        return ("number", sign, shortened.lstrip("0"), power) if shortened else ("number",)
    return (type(value).__name__, value)


TARGET = Target(seeds=seeds, change=change, test=test, world=sealing)
