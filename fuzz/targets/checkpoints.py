"""Open durable checkpoints: of other operations and executions, of other forms, and with anything in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fuzz.mutation import changed_document, json_of
from fuzz.promise import SECRET, attempt, check
from fuzz.sealed_documents import CONTEXT, Delivery, data_of, document_of, sealing
from fuzz.target import Target
from warmkey.sealed.checkpoints import Place
from warmkey.sealing import open_checkpoint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

__all__ = ["TARGET"]

_WORDS = (
    "token",
    "record",
    "checkpoint",
    "operation",
    "arn",
    "data",
    "lengths",
    "place",
    "step-1",
    "é",
    "\xff",
    "edits",
)
_ARN = "arn:aws:lambda:us-east-1:111122223333:function:f:1/durable-execution/e/1"


def seeds() -> list[bytes]:
    """Return checkpoints that are bound to an operation or to nothing, and some that are read as something else."""
    bound = {"version": 1, "operation": "step-1", "arn": _ARN, "data": f'"{SECRET}"'}
    free = {**bound, "operation": "", "arn": ""}
    places: list[tuple[dict[str, Any], list[str] | None]] = [
        (bound, ["step-1", _ARN]),
        (bound, ["step-2", _ARN]),
        (bound, ["step-1", "another"]),
        (bound, None),
        (free, None),
        (free, ["step-1", _ARN]),
        ({**bound, "lengths": [65_535, 65_535]}, ["step-1", _ARN]),
        ({**bound, "lengths": [6, 0]}, ["step-1", _ARN]),
        ({**bound, "data": "\xff"}, ["step-1", _ARN]),
    ]
    return [json_of({"kind": "checkpoint", "inner": inner, "place": place, "edits": []}) for inner, place in places]


def change(data: bytes, source: Random, others: Sequence[bytes]) -> bytes:
    """Change the document."""
    return changed_document(data, source, others, _WORDS)


def test(data: bytes) -> None:
    """Only an unchanged checkpoint of this very place opens."""
    document = document_of(data)
    inner, place = _inner_of(document.get("inner")), _place_of(document.get("place"))
    delivery = Delivery(document, inner, form="url")
    opened = attempt(lambda: open_checkpoint(delivery.value, CONTEXT, place))
    expected = _expected(inner, place) if delivery.intact and delivery.kind == "checkpoint" else None
    check(opened.value == expected, "opened what is not of this place, or refused what is")


def _inner_of(inner: Any) -> bytes:  # noqa: ANN401 - JSON
    if not isinstance(inner, dict):
        return data_of(inner)
    version, operation, arn, data = (data_of(inner.get(name, "")) for name in ("version", "operation", "arn", "data"))
    lengths = [len(operation), len(arn)]
    match inner.get("lengths"):
        case [int(first), int(second)]:
            lengths = [first, second]
    start = bytes([int(version) % 256]) if version.isdigit() and len(version) < 10 else version  # noqa: PLR2004
    return start + b"".join((length % 2**16).to_bytes(2, "big") for length in lengths) + operation + arn + data


def _place_of(place: Any) -> Place | None:  # noqa: ANN401 - JSON
    match place:
        case [operation_id, arn]:
            return Place(operation_id, arn)
    return None


def _expected(inner: bytes, place: Place | None) -> str | None:
    """Return the data, if *inner* begins as a checkpoint of *place* does."""
    parts = [b"", b""]
    if place is not None:
        if not all(isinstance(text, str) and text for text in place):
            return None
        parts = [text.encode("utf-8", "surrogatepass") for text in place]
    if max(map(len, parts)) >= 2**16:
        return None
    start = b"\x01" + b"".join(len(part).to_bytes(2, "big") for part in parts) + b"".join(parts)
    try:
        return inner[len(start) :].decode() if inner.startswith(start) else None
    except UnicodeDecodeError:
        return None


TARGET = Target(seeds=seeds, change=change, test=test, world=sealing)
