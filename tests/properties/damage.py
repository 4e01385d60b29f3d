"""Damages messages in every way that the format has room for, and then some.

Everything here starts from an authentic message. Nothing that comes out is one, with one exception that is left out
on purpose: of an ECDSA signature (r, s) there is always the twin (r, -s), which verifies too, in every client.
"""

from __future__ import annotations

import base64
import random
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tests.vectors.forge import SUITES, sized

if TYPE_CHECKING:
    from collections.abc import Iterator

_END = b"\xff\xff\xff\xff"


class Field(NamedTuple):
    """A field's place in its message."""

    name: str
    start: int
    stop: int


class Damaged(NamedTuple):
    """A message that must not be accepted, and what was done to it."""

    what: str
    message: bytes


@dataclass(frozen=True)
class Anatomy:
    """Where everything is in an authentic message. ``frames`` are whole; in a non-framed body there is one."""

    message: bytes
    fields: list[Field]
    header_stop: int
    frames: list[bytes]
    body_stop: int

    @property
    def header(self) -> bytes:
        return self.message[: self.header_stop]

    @property
    def body(self) -> bytes:
        return self.message[self.header_stop : self.body_stop]

    @property
    def footer(self) -> bytes:
        return self.message[self.body_stop :]

    @property
    def framed(self) -> bool:
        return self.message[self.field("content type").start] == 2

    @property
    def suite_id(self) -> int:
        field = self.field("algorithm suite ID")
        return int.from_bytes(self.message[field.start : field.stop], "big")

    def field(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)


class _Walker:
    """Takes a message apart, trusting it."""

    def __init__(self, message: bytes) -> None:
        self.message = message
        self.position = 0
        self.fields: list[Field] = []

    def take(self, name: str, length: int) -> bytes:
        if length > len(self.message) - self.position:
            raise EOFError(f"{name} is cut short")
        self.fields.append(Field(name, self.position, self.position + length))
        self.position += length
        return self.message[self.position - length : self.position]

    def number(self, name: str, length: int) -> int:
        return int.from_bytes(self.take(name, length), "big")

    def sized(self, name: str) -> bytes:
        return self.take(name, self.number(f"{name} length", 2))


def dissect(message: bytes) -> Anatomy:
    """The anatomy of an authentic message."""
    walker = _Walker(message)
    header_stop, frames, body_stop = _walk(walker)
    assert walker.position == len(message)
    return Anatomy(message, walker.fields, header_stop, frames, body_stop)


def fields_of(message: bytes) -> list[Field]:
    """The fields of whatever looks like a message, as far as it does; the last is ``rest`` where something is left."""
    walker = _Walker(message)
    with suppress(EOFError, KeyError):
        _walk(walker)
    if walker.position < len(message):
        walker.take("rest", len(message) - walker.position)
    return walker.fields


def _walk(walker: _Walker) -> tuple[int, list[bytes], int]:
    """Where the header stops, the frames, and where the body stops."""
    version = walker.number("version", 1)
    if version == 1:
        walker.take("type", 1)
    suite = SUITES[walker.number("algorithm suite ID", 2)]
    walker.take("message ID", suite.message_id_length)
    if walker.number("context length", 2):
        for pair in range(walker.number("pair count", 2)):
            walker.sized(f"pair {pair} key")
            walker.sized(f"pair {pair} value")
    for key in range(walker.number("key count", 2)):
        for name in ("provider ID", "provider information", "ciphertext"):
            walker.sized(f"encrypted data key {key} {name}")
    framed = walker.number("content type", 1) == 2
    if version == 1:
        walker.take("reserved", 4)
        walker.take("IV length", 1)
    frame_length = walker.number("frame length", 4)
    if suite.commits:
        walker.take("commit key", 32)
    if version == 1:
        walker.take("header IV", 12)
    walker.take("header tag", 16)
    header_stop = walker.position
    frames = list(_framed(walker, frame_length) if framed else _non_framed(walker))
    body_stop = walker.position
    if suite.curve is not None:
        walker.sized("signature")
    return header_stop, frames, body_stop


def _framed(walker: _Walker, frame_length: int) -> Iterator[bytes]:
    final, number = False, 0
    while not final:
        start, number, length = walker.position, number + 1, frame_length
        final = walker.message[start : start + 4] == _END
        if final:
            walker.take("sequence number end", 4)
        walker.take(f"frame {number} number", 4)
        walker.take(f"frame {number} IV", 12)
        if final:
            length = walker.number("final content length", 4)
        walker.take(f"frame {number} content", length)
        walker.take(f"frame {number} tag", 16)
        yield walker.message[start : walker.position]


def _non_framed(walker: _Walker) -> Iterator[bytes]:
    start = walker.position
    walker.take("body IV", 12)
    walker.take("body content", walker.number("body content length", 8))
    walker.take("body tag", 16)
    yield walker.message[start : walker.position]


# --- ways of damaging one message


def damages(message: bytes, *, others: list[bytes], every_bit: bool = False) -> Iterator[Damaged]:
    """Everything that can go wrong with *message*. *others* are authentic ones, of its data key or of another."""
    anatomy = dissect(message)
    accepted = {message, *others}
    for kind in (_flips, _cuts, _fields, _numbers, _kinds, _frames, _footers, _trailers, _encodings):
        for what, damaged in kind(anatomy):
            if damaged not in accepted:
                yield Damaged(f"{kind.__name__[1:]}: {what}", damaged)
    for other in others:
        for what, damaged in _swaps(anatomy, dissect(other)):
            if damaged not in accepted:
                yield Damaged(f"swaps: {what}", damaged)
    if every_bit:
        for bit in range(8 * len(message)):
            yield Damaged(f"bit {bit}", _flip(message, bit // 8, 1 << bit % 8))


def _flip(message: bytes, position: int, mask: int) -> bytes:
    return message[:position] + bytes((message[position] ^ mask,)) + message[position + 1 :]


def _put(message: bytes, field: Field, value: bytes) -> bytes:
    return message[: field.start] + value + message[field.stop :]


def _flips(anatomy: Anatomy) -> Iterator[tuple[str, bytes]]:
    """A bit at either end of each field, and a byte in its middle."""
    for field in anatomy.fields:
        if field.start < field.stop:
            yield f"first bit of {field.name}", _flip(anatomy.message, field.start, 0x80)
            yield f"last bit of {field.name}", _flip(anatomy.message, field.stop - 1, 0x01)
            yield f"middle byte of {field.name}", _flip(anatomy.message, (field.start + field.stop) // 2, 0xFF)


def _cuts(anatomy: Anatomy) -> Iterator[tuple[str, bytes]]:
    """Truncated at and beside each boundary."""
    for field in anatomy.fields:
        for length in (field.start - 1, field.start, field.start + 1, (field.start + field.stop) // 2):
            yield f"{length} bytes, about {field.name}", anatomy.message[: max(length, 0)]
    yield "all but one byte", anatomy.message[:-1]


def _fields(anatomy: Anatomy) -> Iterator[tuple[str, bytes]]:
    """Each field gone, doubled, blank, shorter, longer, and what it had moved on."""
    for field in anatomy.fields:
        value = anatomy.message[field.start : field.stop]
        for what, new in (
            ("without", b""),
            ("twice", value * 2),
            ("zeros in", bytes(len(value))),
            ("ones in", b"\xff" * len(value)),
            ("one byte less in", value[:-1]),
            ("one byte more in", value + b"\x00"),
            ("reversed", value[::-1]),
        ):
            yield f"{what} {field.name}", _put(anatomy.message, field, new)


def _numbers(anatomy: Anatomy) -> Iterator[tuple[str, bytes]]:
    """Lengths, counts and sequence numbers blown up, shrunk, off by one."""
    for field in anatomy.fields:
        size = field.stop - field.start
        if not field.name.endswith(("length", "count", "number")):
            continue
        value, top = int.from_bytes(anatomy.message[field.start : field.stop], "big"), 256**size - 1
        for new in {0, 1, 2, value - 1, value + 1, 2 * value, value << 8, top // 2, top // 2 + 1, top - 1, top}:
            if 0 <= new <= top:
                yield f"{field.name} {new}", _put(anatomy.message, field, new.to_bytes(size, "big"))


def _kinds(anatomy: Anatomy) -> Iterator[tuple[str, bytes]]:
    """Another version, type, suite or content type, alone and with what belongs to it."""
    message = anatomy.message
    for value in range(256):
        yield f"version {value}", bytes((value,)) + message[1:]
    suite_field, content_type = anatomy.field("algorithm suite ID"), anatomy.field("content type")
    for suite_id in (*SUITES, 0, 0x0015, 0x0477, 0xFFFF):
        yield f"suite {suite_id:04x}", _put(message, suite_field, suite_id.to_bytes(2, "big"))
        other = SUITES.get(suite_id)
        if other is not None and other.curve is None:  # its signature taken off with the suite that asks for it
            unsigned = message[: anatomy.body_stop]
            yield f"suite {suite_id:04x}, unsigned", _put(unsigned, suite_field, suite_id.to_bytes(2, "big"))
    for value in (0, 1, 2, 3, 128, 255):
        yield f"content type {value}", _put(message, content_type, bytes((value,)))
        frame_length = anatomy.field("frame length")
        for length in (0, 1, len(anatomy.body)):
            changed = _put(message, frame_length, length.to_bytes(4, "big"))
            yield f"content type {value}, frame length {length}", _put(changed, content_type, bytes((value,)))
    if message[0] == 1:
        for value in (0x00, 0x7F, 0x81, 0xFF):
            yield f"type {value}", _put(message, anatomy.field("type"), bytes((value,)))
        yield "as version 2", b"\x02" + message[2:]
    else:
        yield "as version 1", b"\x01\x80" + message[1:]


def _frames(anatomy: Anatomy) -> Iterator[tuple[str, bytes]]:
    """Dropped, repeated, reordered, renumbered, turned into each other."""
    header, frames, footer = anatomy.header, anatomy.frames, anatomy.footer

    def rebuilt(*kept: bytes) -> bytes:
        return header + b"".join(kept) + footer

    yield "no frames", rebuilt()
    yield "in reverse", rebuilt(*reversed(frames))
    yield "all twice", rebuilt(*frames, *frames)
    for index, frame in enumerate(frames):
        before, after = frames[:index], frames[index + 1 :]
        yield f"frame {index + 1} dropped", rebuilt(*before, *after)
        yield f"frame {index + 1} twice", rebuilt(*before, frame, frame, *after)
        yield f"frame {index + 1} first", rebuilt(frame, *before, *after)
        yield f"frame {index + 1} last", rebuilt(*before, *after, frame)
        yield f"nothing after frame {index + 1}", header + b"".join(frames[: index + 1])
        yield f"frame {index + 1} alone", rebuilt(frame)
        if index + 1 < len(frames):
            yield f"frames {index + 1} and {index + 2} swapped", rebuilt(*before, after[0], frame, *after[1:])
            if anatomy.framed:
                yield (
                    f"frame {index + 1} dropped, the rest renumbered",
                    rebuilt(*before, *_renumbered(after, index + 1)),
                )
                as_final = _END + frame[:16] + len(frame[16:-16]).to_bytes(4, "big") + frame[16:]
                yield f"frame {index + 1} as the last", rebuilt(*before, as_final)
    if anatomy.framed:
        final = frames[-1]
        yield "the last frame as a regular one", rebuilt(*frames[:-1], final[4:20] + final[24:])
        yield "an empty last frame after the last", rebuilt(*frames, _END + bytes(16) + bytes(4) + bytes(16))
        for mark in (bytes(4), b"\xff\xff\xff\xfe", b"\x7f\xff\xff\xff"):
            yield f"the last frame marked {mark.hex()}", rebuilt(*frames[:-1], mark + final[4:])
        tags = [frame[-16:] for frame in frames]
        turned = [frame[:-16] + tag for frame, tag in zip(frames, tags[1:] + tags[:1], strict=True)]
        yield "tags moved on by one", rebuilt(*turned)


def _renumbered(frames: list[bytes], first: int) -> Iterator[bytes]:
    for number, frame in enumerate(frames, first):
        at = 4 if frame.startswith(_END) else 0
        value = number.to_bytes(4, "big")
        yield frame[:at] + value + bytes(8) + value + frame[at + 16 :]


def _footers(anatomy: Anatomy) -> Iterator[tuple[str, bytes]]:
    signed = anatomy.message[: anatomy.body_stop]
    if not anatomy.footer:
        yield "an empty one where there is none", signed + b"\x00\x00"
        yield "one where there is none", signed + sized(b"\x30\x06\x02\x01\x01\x02\x01\x01")
        return
    signature = anatomy.footer[2:]
    sequence = signature[2:]
    r_stop = 2 + sequence[1]
    for what, new in (
        ("gone", None),
        ("empty", b""),
        ("one byte", b"\x30"),
        ("zeros", bytes(len(signature))),
        ("ones", b"\xff" * len(signature)),
        ("without its last byte", signature[:-1]),
        ("with a byte more", signature + b"\x00"),
        ("r and s swapped", signature[:2] + sequence[r_stop:] + sequence[:r_stop]),
        ("r = s = 0", b"\x30\x06\x02\x01\x00\x02\x01\x00"),
        ("r = s = 1", b"\x30\x06\x02\x01\x01\x02\x01\x01"),
        ("longer length form", b"\x30\x81" + signature[1:]),
        ("indefinite length", b"\x30\x80" + sequence + b"\x00\x00"),
        ("padded integers", b"\x30" + bytes((len(sequence) + 1, 2, sequence[1] + 1, 0)) + sequence[2:]),
        ("long", bytes(65_535)),
    ):
        yield what, signed if new is None else signed + sized(new)


def _trailers(anatomy: Anatomy) -> Iterator[tuple[str, bytes]]:
    message = anatomy.message
    for what, trailer in (
        ("a zero", b"\x00"),
        ("a newline", b"\n"),
        ("ones", _END),
        ("many", bytes(1_000)),
        ("itself", message),
        ("its header", anatomy.header),
        ("its body", anatomy.body),
        ("its last frame", anatomy.frames[-1]),
        ("its footer", anatomy.footer or b"\x00\x00"),
    ):
        yield what, message + trailer
        yield f"{what} in front", trailer + message


def _encodings(anatomy: Anatomy) -> Iterator[tuple[str, bytes]]:
    message = anatomy.message
    yield "nothing", b""
    yield "base64", base64.b64encode(message)
    yield "hex", message.hex().encode()
    yield "reversed", message[::-1]
    yield "as text and back", message.decode("utf-8", "replace").encode()
    yield "newlines translated", message.replace(b"\n", b"\r\n") + b"\r\n"
    yield "inverted", bytes(byte ^ 0xFF for byte in message)


def _swaps(anatomy: Anatomy, other: Anatomy) -> Iterator[tuple[str, bytes]]:
    """Parts of another message in the place of its own."""
    yield "another header", other.header + anatomy.body + anatomy.footer
    yield "another body", anatomy.header + other.body + anatomy.footer
    yield "another footer", anatomy.header + anatomy.body + other.footer
    yield "another body and footer", anatomy.header + other.body + other.footer
    for index, (mine, theirs) in enumerate(zip(anatomy.frames, other.frames, strict=False)):
        frames = [theirs if frame is mine else frame for frame in anatomy.frames]
        yield f"another frame {index + 1}", anatomy.header + b"".join(frames) + anatomy.footer
    names = {field.name: field for field in other.fields}
    for field in anatomy.fields:
        twin = names.get(field.name)
        if twin is not None:
            yield f"another {field.name}", _put(anatomy.message, field, other.message[twin.start : twin.stop])


def garbage(seed: int, count: int) -> Iterator[Damaged]:
    """Bytes that are no message, some of which begin like one."""
    source = random.Random(seed)
    starts = [b"", b"\x01\x80", b"\x02", *(b"\x02" + suite.id_bytes for suite in SUITES.values() if suite.commits)]
    starts += [b"\x01\x80" + suite.id_bytes for suite in SUITES.values() if not suite.commits]
    for number in range(count):
        start = source.choice(starts)
        yield Damaged(f"garbage {number}", start + source.randbytes(source.choice((0, 1, 10, 100, 1_000))))
