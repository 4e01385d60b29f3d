"""Writes the vectors of sealed records, tokens and checkpoints: what is stored, what comes out, and what is refused.

    python -m tests.vectors.write_sealed

The messages are the forge's, and what is in them is spelled out here by hand, so nothing here is the library's.
Values are as a sealed record has them: JSON, and ``$b``, ``$d``, ``$i``, ``$m`` and ``$s`` for what JSON lacks.
"""

from __future__ import annotations

import base64
import json
from hashlib import sha384
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.vectors.forge import KEY_NAME, NAMESPACE, WRAPPING_KEY, Forgery

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path(__file__).with_name("sealed.json")
TENANT = (b"tenant", b"a")
NEVER = b"\xff" * 8


def vectors() -> Iterator[dict[str, Any]]:
    """All of them, in order."""
    yield from values()
    yield from bound()
    yield from lists()
    yield from stores()
    yield from not_canonical()
    yield from tokens()
    yield from checkpoints()
    yield from other_kinds()


def message(kind: str | None, plaintext: bytes, suite_id: int = 0x0478) -> bytes:
    pairs = [TENANT] if kind is None else [TENANT, (b"warmkey-kind", kind.encode())]
    return Forgery(suite_id=suite_id, pairs=pairs, frame_length=4096).message(plaintext)


def record(what: str, rest: dict[str, Any], plaintext: str, outcome: str, **more: Any) -> dict[str, Any]:
    """A stored record: *rest*, and under ``_sealed`` the message of *plaintext* unless *more* has another one."""
    sealed = more.pop("sealed", {"$b": url(message("record", plaintext.encode()))})
    return {"kind": "record", "what": what, "outcome": outcome, **more, "record": {**rest, "_sealed": sealed}}


def success(what: str, rest: dict[str, Any], plaintext: str, result: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**record(what, rest, plaintext, "success", **more), "plaintext": plaintext, "result": result}


def url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def values() -> Iterator[dict[str, Any]]:
    """One of each type, as it is written and read."""
    for what, value in {
        "text": '"Erika"',
        "text with what JSON escapes": '"a\\"\\\\\\n\\u001f/\x7f\u2028é🔑"',
        "null": "null",
        "true": "true",
        "an int": "-7",
        "the largest plain int": "9007199254740991",
        "an int beyond a double": '{"$i":"9007199254740992"}',
        "a float": "0.1",
        "a decimal number": '{"$d":"12.50"}',
        "a decimal number with an exponent": '{"$d":"-1E+30"}',
        "bytes": '{"$b":"-_8"}',
        "no bytes": '{"$b":""}',
        "a set of everything": '{"$s":["a",2,{"$b":"eA"},{"$d":"1.5"}]}',
        "an empty set": '{"$s":[]}',
        "a map with an only key that looks like a tag": '{"$m":{"$b":"x"}}',
        "a map with two such keys": '{"$b":"x","$d":"1"}',
        "maps in lists in maps": '{"a":[{"b":[]},{}],"c":[[1],[2]]}',
        "a map sorted by code point": '{"\ufb01":1,"🔑":2}',
    }.items():
        plaintext = f'[1,[["field",{value}]],[],[]]'
        yield success(what, {"id": 1}, plaintext, {"id": 1, "field": json.loads(value)})
    several = '[1,[["a",1],["b",2],[["m","n","o"],3]],[],[]]'
    yield success("several fields", {"m": {"n": {"p": 4}}}, several, {"a": 1, "b": 2, "m": {"n": {"o": 3, "p": 4}}})
    conflicting: dict[str, dict[str, Any]] = {
        "a sealed field is there unencrypted": {"m": {"n": {}}, "a": 1},
        "a sealed field inside a map is there unencrypted": {"m": {"n": {"o": 3}}},
        "the map of a sealed field is gone": {"m": {}},
        "the map of a sealed field is a list": {"m": {"n": []}},
    }
    for what, rest in conflicting.items():
        yield record(what, rest, several, "refused")


def bound() -> Iterator[dict[str, Any]]:
    """Bound fields: what counts as the same, and what does not."""
    for what, written, same, other in (
        ("an int", '{"$n":"1E0"}', [1, 1.0, {"$d": "1.00"}], [2, True, "1", None]),
        ("a number with zeros", '{"$n":"-12E2"}', [-1200, {"$d": "-1.2E+3"}], [-120, 1200]),
        ("zero", '{"$n":"0"}', [0, -0.0, {"$d": "0.00"}], [False, None]),
        ("a fraction", '{"$n":"15E-1"}', [1.5, {"$d": "1.50"}], [15]),
        (
            "the float 0.1",
            '{"$n":"1000000000000000055511151231257827021181583404541015625E-55"}',
            [0.1],
            [{"$d": "0.1"}],
        ),
        ("a large int", '{"$n":"1E30"}', [{"$i": f"{10**30}"}, {"$d": "1E+30"}], [{"$i": f"{10**30 + 1}"}]),
        ("text", '"a"', ["a"], ["A", {"$b": "YQ"}, None]),
        ("bytes", '{"$b":"YQ"}', [{"$b": "YQ"}], ["a", {"$b": "YWE"}]),
        ("true", "true", [True], [1, False]),
        ("null", "null", [None], [0, "", False]),
        (
            "a set",
            '{"$s":["a",{"$n":"2E0"}]}',
            [{"$s": ["a", 2]}, {"$s": [{"$d": "2.0"}, "a"]}],
            [["a", 2], {"$s": ["a"]}],
        ),
        ("a map", '{"k":[{"$n":"1E0"}]}', [{"k": [1]}, {"k": [1.0]}], [{"k": [1, 1]}, {"K": [1]}, {}]),
        ("a map like a tag", '{"$m":{"$n":"1E0"}}', [{"$m": {"$n": "1E0"}}], [1]),
    ):
        plaintext = f'[1,[["field","x"]],[["key",{written}]],[]]'
        for found in same:
            result = {"key": found, "field": "x"}
            yield success(f"bound to {what}", {"key": found}, plaintext, result, bound_to={"key": same[0]})
        for found in other:
            yield record(f"bound to {what}, another value", {"key": found}, plaintext, "refused")
            yield record(
                f"bound to {what}, another expected", {"key": same[0]}, plaintext, "refused", bound_to={"key": found}
            )
        yield record(f"bound to {what}, none", {}, plaintext, "refused")
    absent = '[1,[["field","x"]],[["id",{"$n":"7E0"}],["version"]],[]]'
    yield success("bound to an absence", {"id": 7}, absent, {"id": 7, "field": "x"}, bound_to={"id": 7})
    yield record("bound to an absence, null is there", {"id": 7, "version": None}, absent, "refused")
    yield record("not bound to what is expected", {"id": 7, "other": 1}, absent, "refused", bound_to={"other": 1})


def lists() -> Iterator[dict[str, Any]]:
    """Lists that paths cross."""
    left = '[{"q":{"$n":"1E0"}},{"note":"b","q":{"$n":"25E-1"}}]'
    digest = url(sha384(left.encode()).digest())
    plaintext = f'[1,[[["lines",0,"note"],"a"]],[],[["lines",2,"{digest}"]]]'
    first, second = {"q": 1}, {"q": 2.5, "note": "b"}
    result = {"lines": [{"q": 1, "note": "a"}, second]}
    yield success("a field in a list", {"lines": [first, second]}, plaintext, result)
    decimals = [{"q": {"$d": "1.0"}}, {"q": {"$d": "2.50"}, "note": "b"}]
    yield success(
        "numbers of a list with another type",
        {"lines": decimals},
        plaintext,
        {"lines": [{"q": {"$d": "1.0"}, "note": "a"}, decimals[1]]},
    )
    for what, lines in {
        "reordered": [second, first],
        "shorter": [first],
        "longer": [first, second, {}],
        "edited": [first, {**second, "q": 2.6}],
        "a map": {"0": first, "1": second},
        "empty": [],
    }.items():
        yield record(f"a list with a sealed field, {what}", {"lines": lines}, plaintext, "refused")
    yield record("a list with a sealed field, gone", {}, plaintext, "refused")


def stores() -> Iterator[dict[str, Any]]:
    """What stores make of the message."""
    plaintext = '[1,[["field","xyz"]],[],[]]'
    result = {"field": "xyz"}
    sealed = message("record", plaintext.encode())
    standard = base64.b64encode(sealed).decode()
    yield success("base64url text", {}, plaintext, result, sealed=url(sealed))
    yield success("the base64 of a stream event", {}, plaintext, result, sealed=standard)
    signed = message("record", plaintext.encode(), 0x0578)
    yield success("signed", {}, plaintext, result, sealed={"$b": url(signed)})
    for what, text in {
        "text with a newline": url(sealed) + "\n",
        "standard base64 without padding": standard.rstrip("="),
        "base64url with padding": base64.urlsafe_b64encode(sealed).decode(),
    }.items():
        yield record(what, {}, plaintext, "malformed", sealed=text)
    yield record("null", {}, plaintext, "malformed", sealed=None)
    flipped = sealed[:-1] + bytes((sealed[-1] ^ 1,))
    yield record("the message changed", {}, plaintext, "authentication", sealed={"$b": url(flipped)})


def not_canonical() -> Iterator[dict[str, Any]]:
    """What whoever has the key could write, and seal_record does not."""
    for what, plaintext in {
        "another version": '[2,[["a",1]],[],[]]',
        "three parts": '[1,[["a",1]],[]]',
        "no fields": "[1,[],[],[]]",
        "fields out of order": '[1,[["b",1],["a",1]],[],[]]',
        "a field twice": '[1,[["a",1],["a",1]],[],[]]',
        "a field inside another": '[1,[["a",1],[["a","b"],1]],[],[]]',
        "a path of one name": '[1,[[["a"],1]],[],[]]',
        "an element of a list": '[1,[[["a",0],1]],[],[["a",0,"' + "A" * 64 + '"]]]',
        "a list that is not bound": '[1,[[["a",0,"b"],1]],[],[]]',
        "a space": '[1,[["a", 1]],[],[]]',
        "an escape that is not needed": '[1,[["a","\\u0041"]],[],[]]',
        "keys out of order": '[1,[["a",{"c":1,"b":1}]],[],[]]',
        "a key twice": '[1,[["a",{"b":1,"b":1}]],[],[]]',
        "a set out of order": '[1,[["a",{"$s":[2,1]}]],[],[]]',
        "base64 with padding": '[1,[["a",{"$b":"AA=="}]],[],[]]',
        "an unknown tag": '[1,[["a",{"$x":1}]],[],[]]',
        "a tag that is not needed": '[1,[["a",{"$m":{"b":1}}]],[],[]]',
        "a large int without its tag": '[1,[["a",9007199254740992]],[],[]]',
        "NaN": '[1,[["a",NaN]],[],[]]',
        "a bound number as JSON": '[1,[["a",1]],[["id",1]],[]]',
        "bound fields out of order": '[1,[["a",1]],[["z"],["id"]],[]]',
        "no JSON": "x",
    }.items():
        yield record(f"not canonical: {what}", {}, plaintext, "malformed")


def token(what: str, text: str, outcome: str, **more: Any) -> dict[str, Any]:
    return {"kind": "token", "what": what, "outcome": outcome, "token": text, **more}


def tokens() -> Iterator[dict[str, Any]]:
    """A version, a second or none, and the data."""
    for data in (b"", b"cursor", "ключ".encode(), bytes(range(256))):
        text = url(message("token", b"\x01" + NEVER + data))
        yield token(f"{len(data)} bytes for ever", text, "success", now=2**40, result=url(data))
    ending = url(message("token", b"\x01" + (1_000).to_bytes(8, "big") + b"cursor"))
    yield token("before its end", ending, "success", now=999.9, result=url(b"cursor"))
    yield token("at its end", ending, "expired", now=1_000.0)
    yield token("after its end", ending, "expired", now=1e9)
    for what, plaintext in {
        "version 2": b"\x02" + NEVER + b"cursor",
        "version 0": b"\x00" + NEVER + b"cursor",
        "too short": b"\x01" + NEVER[:7],
        "empty": b"",
    }.items():
        yield token(what, url(message("token", plaintext)), "malformed", now=0)
    whole = message("token", b"\x01" + NEVER + b"cursors")
    yield token("with padding", base64.urlsafe_b64encode(whole).decode(), "malformed", now=0)
    yield token("standard base64", base64.b64encode(whole).decode(), "malformed", now=0)
    yield token("changed", url(whole[:-1] + bytes((whole[-1] ^ 1,))), "authentication", now=0)


def place(operation_id: bytes, arn: bytes) -> bytes:
    return b"\x01" + len(operation_id).to_bytes(2, "big") + len(arn).to_bytes(2, "big") + operation_id + arn


def checkpoint(what: str, plaintext: bytes, outcome: str, *at: str, **more: Any) -> dict[str, Any]:
    text = more.pop("text", url(message("checkpoint", plaintext)))
    return {"kind": "checkpoint", "what": what, "outcome": outcome, "checkpoint": text, "place": at or None, **more}


def checkpoints() -> Iterator[dict[str, Any]]:
    """A version, two lengths, the operation ID, the execution's ARN, and the serialized value."""
    at, other = ("operation-1", "arn:aws:lambda:execution/ä"), ("operation-2", "arn:aws:lambda:execution/o")
    bound, free = place(*(part.encode() for part in at)), place(b"", b"")
    for data in ("", '{"t":"m","v":{}}', "ключ"):
        yield checkpoint(f"{len(data)} characters, bound", bound + data.encode(), "success", *at, result=data)
        yield checkpoint(f"{len(data)} characters, bound to nothing", free + data.encode(), "success", result=data)
    yield checkpoint("read at another operation", bound + b"1", "refused", other[0], at[1])
    yield checkpoint("read in another execution", bound + b"1", "refused", at[0], other[1])
    yield checkpoint("read with the parts of the place exchanged", bound + b"1", "refused", at[1], at[0])
    yield checkpoint("bound, and read as if it were not", bound + b"1", "refused")
    yield checkpoint("bound to nothing, and read as if it were bound", free + b"1", "refused", *at)
    for what, plaintext in {
        "version 2": b"\x02" + bound[1:] + b"1",
        "too short": bound[:4],
        "empty": b"",
        "an operation ID alone": place(b"operation-1", b"") + b"1",
        "an ARN alone": place(b"", b"arn") + b"1",
        "cut off within the ARN": bound[:-1],
        "no UTF-8": bound + b"\xff",
    }.items():
        yield checkpoint(what, plaintext, "malformed", *at)
    whole = message("checkpoint", bound + b"1")
    yield checkpoint("with padding", b"", "malformed", *at, text=base64.urlsafe_b64encode(whole).decode() + "=")
    changed = whole[:-1] + bytes((whole[-1] ^ 1,))
    yield checkpoint("changed", b"", "authentication", *at, text=url(changed))


def other_kinds() -> Iterator[dict[str, Any]]:
    """The right plaintext in a message of another kind."""
    sealed, inside = '[1,[["field","x"]],[],[]]', b"\x01" + NEVER + b"cursor"
    for kind in (None, "token", "checkpoint", "Record"):
        found = {"$b": url(message(kind, sealed.encode()))}
        yield record(f"a message of kind {kind}", {}, sealed, "refused", sealed=found)
    for kind in (None, "record", "checkpoint", "tokens"):
        yield token(f"a message of kind {kind}", url(message(kind, inside)), "refused", now=0)
    for kind in (None, "record", "token", "checkpoints"):
        text = url(message(kind, place(b"", b"") + b"1"))
        yield checkpoint(f"a message of kind {kind}", b"", "refused", text=text)


def content() -> str:
    """The file's text."""
    head = {
        "what": "Records, tokens, checkpoints under one raw AES wrapping key; written by tests/vectors/write_sealed.py",
        "wrapping key": {"namespace": NAMESPACE, "name": KEY_NAME, "key": base64.b64encode(WRAPPING_KEY).decode()},
        "vectors": list(vectors()),
    }
    return json.dumps(head, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(content(), encoding="utf-8")
