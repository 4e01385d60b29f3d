"""Changes that know a form: bytes, text in rows and cells, and JSON. Each takes its decisions from *source* alone."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

__all__ = ["changed_bytes", "changed_cells", "changed_document", "changed_text", "json_of"]

_BOUNDARIES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63, 2**64 - 1)
_NUMBER = re.compile(r"[0-9]+")
_NUMBERS = ("0", "-1", "1.1.1", "1e400", "9" * 19, "1" * 5_000)
_TEXTS = (
    "",
    " ",
    "0",
    "-1",
    "1e400",
    "nan",
    "\0",
    "\n",
    "é",
    "\ud800",
    "🔑",
    "\u2028",
    "a" * 300,
    "1" * 5_000,
    "$b",
    "=",
    '"',
    "{}",
)
_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    2**53,
    2**64,
    10**4_299,
    0.5,
    -0.0,
    1e308,
    float("nan"),
    float("-inf"),
    [],
    {},
    [[]],
    *_TEXTS,
)


def changed_bytes(data: bytes, source: Random) -> bytes:
    """Return *data* after one change to a few of its bytes."""
    found = bytearray(data)
    start = source.randint(0, len(found))
    stop = min(len(found), start + source.choice((1, 1, 2, 4, 16)))
    match source.randrange(6):
        case 0:
            found[start:stop] = source.randbytes(stop - start)
        case 1:
            del found[start:stop]
        case 2:
            found[start:start] = found[start:stop] or source.randbytes(2)
        case 3:
            found[start:stop] = source.choice((b"\x00", b"\xff")) * (stop - start)
        case 4 if start < len(found):
            found[start] ^= 1 << source.randrange(8)
        case _:
            width = source.choice((1, 2, 4, 8))
            number = source.choice(_BOUNDARIES) % 256**width
            found[start : start + width] = number.to_bytes(width, "big")
    return bytes(found)


def changed_text(text: str, source: Random, words: Sequence[str] = ()) -> str:
    """Return *text* after one change to a few of its characters."""
    start = source.randint(0, len(text))
    stop = min(len(text), start + source.choice((1, 1, 2, 8)))
    inserted = source.choice((*words, *_TEXTS, text[start:stop] * 2, chr(source.randrange(0x20, 0x17F))))
    numbers = list(_NUMBER.finditer(text))
    match source.randrange(6):
        case 0:
            return text[:start] + text[stop:]
        case 5 if numbers:
            start, stop = source.choice(numbers).span()
            return text[:start] + source.choice(_NUMBERS) + text[stop:]
        case 1:
            return text[:start] + inserted + text[start:]
        case 2:
            return inserted
        case 3:
            return text[:start] + text[start:stop].swapcase() + text[stop:]
        case _:
            return text[:start] + inserted + text[stop:]


def changed_cells(text: str, source: Random, words: Sequence[str], others: Sequence[str]) -> str:
    """Return *text* after one change to its lines, or to the cells of one of them."""
    lines = text.splitlines(keepends=True) or [""]
    at = source.randrange(len(lines))
    match source.randrange(8):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, source.choice(lines))
        case 2:
            other = source.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        case 3:
            lines[at:] = source.choice(others).splitlines(keepends=True)[at:]
        case 4:
            lines[at] = changed_text(lines[at], source, words)
        case _:
            delimiter = source.choice((",", ",", ";", "\t", " "))
            cells = lines[at].split(delimiter)
            cell = source.randrange(len(cells))
            cells[cell] = source.choice((*words, *_TEXTS, changed_text(cells[cell], source, words)))
            lines[at] = delimiter.join(cells)
    return "".join(lines)


def json_of(value: object) -> bytes:
    """Return *value* as JSON in ASCII, so that lone surrogates can be in it."""
    return json.dumps(value, separators=(",", ":")).encode()


def changed_document(data: bytes, source: Random, others: Sequence[bytes], words: Sequence[str]) -> bytes:
    """Return the JSON document *data* after one change to its structure or to one value in it.

    :param others: documents to take parts of
    :param words: that mean something in such documents, as keys or as values
    """
    try:
        box = [json.loads(data)]
        other = [json.loads(source.choice(others))]
        _change(box, other, source, words)
        return json_of(box[0])
    except (ValueError, RecursionError):  # not JSON any more, or too deep
        return changed_bytes(data, source)


def _change(box: list[Any], other: list[Any], source: Random, words: Sequence[str]) -> None:
    container, key = source.choice(list(_places(box)))
    match source.randrange(10):
        case 0 if container is not box:
            del container[key]
        case 1 if container is not box and isinstance(container, list):
            container.insert(key, _copy(container[key]))
        case 1 | 2 if isinstance(container, dict):
            name = source.choice((*words, *_TEXTS, changed_text(key, source, words)))
            container[name] = container.pop(key) if source.randrange(2) else _copy(container[key])
        case 3:
            container[key] = _part(box, source)
        case 4 | 5:
            container[key] = _part(other, source)
        case 6:
            container[key] = _wrapped(container[key], source, words)
        case 7:
            container[key] = source.choice((*_VALUES, *words))
        case _:
            container[key] = _changed_value(container[key], source, words)


def _places(container: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 - JSON
    """Give each place of a value in *container*, a list or a map: what holds it, and under which key."""
    for key, value in list(enumerate(container)) if isinstance(container, list) else list(container.items()):
        yield container, key
        if isinstance(value, (list, dict)):
            yield from _places(value)


def _part(box: list[Any], source: Random) -> Any:  # noqa: ANN401 - JSON
    container, key = source.choice(list(_places(box)))
    return _copy(container[key])  # what holds itself would have no end


def _copy(value: Any) -> Any:  # noqa: ANN401 - JSON
    return json.loads(json.dumps(value))


def _wrapped(value: Any, source: Random, words: Sequence[str]) -> Any:  # noqa: ANN401 - JSON
    depth = source.choice((1, 1, 1, 10, 70, 200))
    for _ in range(depth):
        value = [value] if source.randrange(2) else {source.choice(("$m", *words)): value}
    return value


def _changed_value(value: Any, source: Random, words: Sequence[str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        return changed_text(value, source, words)
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int):
        return source.choice((value + 1, -value, value * 10, str(value), value % 2**53 + 0.5))
    if isinstance(value, float):
        return source.choice((value * 2, -value, str(value), repr(value)[:5]))
    return source.choice((len(value), list(value), value or None))
