"""Messages, records and tokens that somebody made to cost as much as can be, in any length.

Each shape has room for most of its length in one kind of thing: encrypted data keys, pairs, frames, a signature.
"""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from aws_lambda_powertools.utilities.data_masking.exceptions import DataMaskingError

import warmkey
from tests.vectors.forge import Forgery, sized, wrapped
from warmkey import sealing
from warmkey.powertools import DataMaskingWithFields

Maker = Callable[[int], bytes]
Opener = Callable[[], object]

_SIGNED = 0x0578
_DATA_KEY = Forgery().secrets[0]
CONTEXT = {"tenant": "a"}


def _keys(length: int) -> bytes:
    return Forgery(keys=[bytes(6)] * (length // 6)).message(b"x")


def _keys_and_ours(length: int) -> bytes:
    return Forgery(keys=[*[bytes(6)] * (length // 6), wrapped(_DATA_KEY, b"")]).message(b"x")


def _keys_that_name_ours(length: int) -> bytes:
    fail = [wrapped(_DATA_KEY, b"another context", iv=number.to_bytes(12, "big")) for number in range(length // 90)]
    return Forgery(keys=fail).message(b"x")


def _pairs(length: int) -> bytes:
    return Forgery(pairs=[(b"%04x" % number, b"") for number in range(length // 8)]).message(b"x")


def _cut_frame(length: int) -> bytes:
    forgery = Forgery(frame_length=2**32 - 1)
    return forgery.message(body=forgery.frame(b"", 1)[:16] + bytes(length))


def _cut_block(length: int) -> bytes:
    return Forgery(framed=False).header() + bytes(12) + (2**63 - 1).to_bytes(8, "big") + bytes(length)


def _long_signature(length: int) -> bytes:
    forgery = Forgery(suite_id=_SIGNED)
    return forgery.header() + forgery.body(b"x") + sized(b"\x30" * length)


#: Messages, which are read whole, as streams and through a cache; and how many bytes the smaller one has.
MESSAGES: dict[str, tuple[Maker, int]] = {
    "encrypted data keys of others": (_keys, 3_000),
    "encrypted data keys of others, and one of ours": (_keys_and_ours, 3_000),
    "encrypted data keys that name our key": (_keys_that_name_ours, 4_000),
    "pairs in the encryption context": (_pairs, 3_000),
    "a long value in the encryption context": (lambda n: Forgery(pairs=[(b"a", b"x" * n)]).message(b"x"), 14_000),
    "a long public key": (lambda n: Forgery(suite_id=_SIGNED, public_key=b"A" * (n // 4 * 4)).message(b"x"), 14_000),
    "a long signature": (_long_signature, 14_000),
    "frames of one byte": (lambda n: Forgery(frame_length=1).message(bytes(n // 33)), 3_000),
    "signed frames of one byte": (lambda n: Forgery(suite_id=_SIGNED, frame_length=1).message(bytes(n // 33)), 3_000),
    "frames of 4 KiB": (lambda n: Forgery(frame_length=4_096).message(bytes(n)), 200_000),
    "one frame": (lambda n: Forgery(frame_length=2**31).message(bytes(n)), 200_000),
    "a non-framed body": (lambda n: Forgery(framed=False).message(bytes(n)), 200_000),
    "a frame of 4 GiB that is announced": (_cut_frame, 14_000),
    "a body of 2^63 bytes that is announced": (_cut_block, 14_000),
    "bytes after the end": (lambda n: Forgery().message(b"x") + bytes(n), 14_000),
    "text": (lambda n: b"{" + b"a" * n, 14_000),
    "nothing that makes sense": (lambda n: b"\x02\x04\x78" + bytes(range(256)) * (n // 256), 14_000),
}


# --- what is inside of a sealed record, by somebody who may encrypt; and text, by anybody


def _record_of(plaintext: bytes) -> Opener:
    record = {"_sealed": sealing._encrypt(plaintext, CONTEXT, kind="record")}
    return lambda: warmkey.unseal_record(record, CONTEXT)


def _record_with(value: Any) -> Opener:
    record = warmkey.seal_record({"a": value}, ["a"], CONTEXT)
    return lambda: warmkey.unseal_record(record, CONTEXT)


def _content(sealed: list[Any], lists: list[Any]) -> Opener:
    return _record_of(json.dumps([1, sealed, [], lists], separators=(",", ":")).encode())


def _fields(length: int) -> Opener:
    record = {f"{number:04x}": "" for number in range(length // 14)}
    sealed = warmkey.seal_record(record, list(record), CONTEXT)
    return lambda: warmkey.unseal_record(sealed, CONTEXT)


def _bound_and_listed(length: int) -> Opener:
    """What the message is bound to, which is stored beside it and can be changed by whoever writes the store."""
    bound = [str(number) for number in range(length // 12)]
    record = {"bound": bound, "lines": [{"n": 1, "s": "x"} for _ in range(length // 40)]}
    sealed = warmkey.seal_record(record, [("lines", 0, "s")], CONTEXT, bound_to=["bound"])
    return lambda: warmkey.unseal_record(sealed, CONTEXT)


def _token(text: str) -> Opener:
    return lambda: warmkey.open_token(text, CONTEXT)


def _deep(levels: int) -> list[Any]:
    return functools.reduce(lambda inner, _: [inner], range(levels), [1])


RECORDS: dict[str, Callable[[int], Opener]] = {
    "brackets that nothing closes": lambda n: _record_of(b"[" * n),
    "brackets in brackets": lambda n: _record_of(b'[1,[["a",' + b"[" * (n // 2) + b"]" * (n // 2) + b"]],[],[]]"),
    "a key again and again": lambda n: _record_of(b'[1,[["a",{' + b'"a":1,' * (n // 6) + b'"a":1}]],[],[]]'),
    "small numbers": lambda n: _record_with([1] * (n // 2)),
    "lists as deep as may be": lambda n: _record_with([_deep(60)] * (n // 125)),
    "decimal numbers": lambda n: _record_with([Decimal(1)] * (n // 11)),
    "a decimal number": lambda n: _record_with(Decimal("1" * n)),
    "a set": lambda n: _record_with(set(range(n // 6))),
    "bytes": lambda n: _record_with(bytes(n * 3 // 4)),
    "text": lambda n: _record_with("é" * (n // 2)),
    "fields": _fields,
    "fields of one list": lambda n: _content([[["l", i, "a"], 1] for i in range(n // 16)], [["l", 3, "x" * 64]]),
    "a field again and again": lambda n: _content([["a", 1]] * (n // 8), []),
    "a path of many steps": lambda n: _content([[["a"] * (n // 4), 1]], []),
    "lists": lambda n: _content(
        [[[f"{i:04x}", 0, "a"], 1] for i in range(n // 100)], [[f"{i:04x}", 0, "x" * 64] for i in range(n // 100)]
    ),
    "bound fields and lists": _bound_and_listed,
}
TEXTS: dict[str, Callable[[int], Opener]] = {
    "base64 of nothing": lambda n: _token("A" * n),
    "spaces": lambda n: _token(" " * n),
    "percent signs": lambda n: _token("%41" * (n // 3)),
    "letters that base64 lacks": lambda n: _token("é" * (n // 2)),
    "a token": lambda n: _token(warmkey.seal_token(bytes(n * 3 // 4), CONTEXT)),
    "text for decrypt_text": lambda n: lambda: warmkey.decrypt_text("A" * n, CONTEXT),
    "text in the place of a sealed value": lambda n: lambda: warmkey.unseal_record({"_sealed": "A" * n + "+"}, CONTEXT),
}

# --- Data Masking's payloads


def _masking(data: Any, fields: list[str] | None = None) -> Opener:
    def decrypt() -> Any:
        try:
            return DataMaskingWithFields().decrypt(data, fields=fields, **CONTEXT)
        except DataMaskingError as error:
            raise error.__cause__ or error from None

    return decrypt


def _masked(payload: Any) -> Opener:
    return _masking(DataMaskingWithFields().encrypt(payload, **CONTEXT))


def _masked_record(record: dict[str, Any], fields: list[str]) -> Opener:
    return _masking(DataMaskingWithFields().encrypt(record, fields=fields, **CONTEXT), fields)


PAYLOADS: dict[str, Callable[[int], Opener]] = {
    "small numbers": lambda n: _masked([1] * (n // 2)),
    "text": lambda n: _masked("é" * (n // 2)),
    "maps": lambda n: _masked([{"a": {}}] * (n // 8)),
    "a map": lambda n: _masked({f"{number:04x}": "" for number in range(n // 10)}),
    "what is not JSON": lambda n: _masking(warmkey.encrypt_text("[" * n, CONTEXT)),
    "text that is not base64": lambda n: _masking("é" * (n // 2)),
    "a message of somebody else": lambda n: _masking(base64.b64encode(_keys(n * 3 // 4)).decode()),
    "a record of fields": lambda n: _masked_record({f"f{number:04x}": "" for number in range(n // 16)}, ["$.*"]),
    "a record of lists": lambda n: _masked_record({"l": [{"a": 1} for _ in range(n // 20)]}, ["$.l[*].a"]),
}
