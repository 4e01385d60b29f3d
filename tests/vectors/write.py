"""Writes the vector file: messages by the forge, each with what is to be expected of it.

    python -m tests.vectors.write

Nothing in it is drawn at random, so that the file changes only when the forge does; a test compares.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.vectors.forge import (
    KEY_NAME,
    NAMESPACE,
    PUBLIC_KEY_FIELD,
    SUITES,
    WRAPPING_KEY,
    Forgery,
    serialized_pairs,
    sized,
    wrapped,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path(__file__).with_name("messages.json")
PLAINTEXT = b"Attack at dawn; bring your own dawn."
PAIRS = [(b"purpose", b"test"), (b"tenant", "ключ".encode())]
FOREIGN_KEY = sized(b"somebody") + sized(b"else") + sized(b"nothing of ours")


def vectors() -> Iterator[dict[str, Any]]:
    """All of them, in order."""
    for suite_id in SUITES:
        for framed in (True, False):
            kind = "framed" if framed else "non-framed"
            for plaintext in (b"", PLAINTEXT[:16], PLAINTEXT):
                forgery = Forgery(suite_id=suite_id, framed=framed, pairs=PAIRS)
                yield success(f"{kind}, {len(plaintext)} bytes", forgery, plaintext)
    for suite_id in (0x0178, 0x0478, 0x0578):
        yield from unusual(suite_id)
        yield from malformed(suite_id)
        yield from not_authentic(suite_id)
        yield from refused(suite_id)


def success(what: str, forgery: Forgery, plaintext: bytes, *, body: bytes | None = None) -> dict[str, Any]:
    """A message that every client reads."""
    context = {key.decode(): value.decode() for key, value in [*forgery.pairs, *forgery.only_authenticated]}
    supplied = {key.decode(): value.decode() for key, value in forgery.only_authenticated}
    return {
        **vector(what, forgery, forgery.message(plaintext, body=body), "success"),
        "plaintext": text(plaintext),
        "context": context,
        "supplied": supplied,
    }


def vector(what: str, forgery: Forgery, message: bytes, outcome: str, **more: Any) -> dict[str, Any]:
    return {"suite": f"{forgery.suite_id:04x}", "what": what, "outcome": outcome, **more, "message": text(message)}


def text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def unusual(suite_id: int) -> Iterator[dict[str, Any]]:
    """Right, and not as we would write it."""
    new = lambda **fields: Forgery(suite_id=suite_id, **fields)  # noqa: E731 - a short name for a long table
    forgery = new()
    yield success("no encryption context", forgery, PLAINTEXT)
    yield success("a context in another order", unsorted(new(pairs=PAIRS)), PLAINTEXT)
    yield success("astral keys", new(pairs=[("\ufb01".encode(), b"1"), ("🔑".encode(), b"2")]), PLAINTEXT)
    yield success("frames of one byte", new(frame_length=1), PLAINTEXT)
    yield success("the longest frame length", new(frame_length=2**31 - 1), PLAINTEXT)
    ivs = [bytes(range(number, number + 12)) for number in range(3)]
    body = forgery.frame(PLAINTEXT[:16], 1, iv=ivs[0]) + forgery.frame(PLAINTEXT[16:32], 2, iv=ivs[1])
    body += forgery.final_frame(PLAINTEXT[32:], 3, iv=ivs[2])
    yield success("frames with IVs drawn at random", forgery, PLAINTEXT, body=body)
    body = forgery.frame(PLAINTEXT[:16], 1) + forgery.final_frame(b"", 2)
    yield success("an empty final frame after a full one", forgery, PLAINTEXT[:16], body=body)
    aad = serialized_pairs(forgery.pairs)
    keys = [FOREIGN_KEY, wrapped(forgery.secrets[0], aad)]
    yield success("another's encrypted data key first", new(keys=keys), PLAINTEXT)
    if SUITES[suite_id].version == 1:
        yield success("a header IV drawn at random", new(header_iv=bytes(range(12))), PLAINTEXT)


def unsorted(forgery: Forgery) -> Forgery:
    """The context backwards in the header; what the keyring authenticates is sorted all the same."""
    forgery.pairs = forgery.pairs[::-1]
    return forgery


def malformed(suite_id: int) -> Iterator[dict[str, Any]]:
    """Authentic where there is anything to authenticate, and no message."""
    new = lambda **fields: Forgery(suite_id=suite_id, **fields)  # noqa: E731 - a short name for a long table
    forgery = new(pairs=PAIRS)
    message = forgery.message(PLAINTEXT)
    bodies = {
        "frames from 2 on": forgery.frame(PLAINTEXT[:16], 2) + forgery.final_frame(PLAINTEXT[16:32], 3),
        "frame 2 left out": forgery.frame(PLAINTEXT[:16], 1) + forgery.final_frame(PLAINTEXT[16:32], 3),
        "frame 1 twice": forgery.frame(PLAINTEXT[:16], 1) * 2 + forgery.final_frame(b"", 2),
        "a final frame over the frame length": forgery.final_frame(PLAINTEXT[:17], 1),
        "no final frame": forgery.frame(PLAINTEXT[:16], 1),
        "nothing": b"",
    }
    for what, body in bodies.items():
        signed = forgery.header() + body
        whole = signed if what in ("no final frame", "nothing") else signed + forgery.footer(signed)
        yield vector(f"body: {what}", forgery, whole, "malformed")
    for what, changed in (
        ("a byte after the end", message + b"\x00"),
        ("a byte less", message[:-1]),
        ("base64", base64.b64encode(message)),
        ("empty", b""),
        ("version 3", b"\x03" + message[1:]),
    ):
        yield vector(what, forgery, changed, "malformed")
    fields = {"content type": b"\x03", "frame length": bytes(4)}
    if SUITES[suite_id].version == 1:
        fields |= {"type": b"\x81", "reserved": b"\x00\x00\x00\x01", "IV length": b"\x0d"}
    for name, value in fields.items():
        yield vector(
            f"{name} {value.hex()}", forgery, new(pairs=PAIRS, fields={name: value}).message(PLAINTEXT), "malformed"
        )
    twice = [*PAIRS, (b"tenant", b"again")]
    for what, context in (
        ("a key twice in the context", serialized_pairs(twice)),
        ("bytes left over in the context", serialized_pairs(PAIRS) + b"\x00"),
        ("a context of no pairs", b"\x00\x00"),
        ("a context that is not UTF-8", serialized_pairs([(b"k", b"\xff")])),
    ):
        changes = {"context": context, "context length": len(context).to_bytes(2, "big")}
        yield vector(what, forgery, new(pairs=PAIRS, fields=changes).message(PLAINTEXT), "malformed")
    yield vector("no encrypted data keys", forgery, new(pairs=PAIRS, keys=[]).message(PLAINTEXT), "malformed")
    if SUITES[suite_id].curve is None:
        stray = new(pairs=[(PUBLIC_KEY_FIELD, b"key")])
        yield vector("a public key and no signature", stray, stray.message(PLAINTEXT), "malformed")
    else:
        for what, changed_forgery in (
            ("a signature and no public key", new(with_public_key=False)),
            ("a public key that is none", new(public_key=b"AAAA")),
        ):
            yield vector(what, changed_forgery, changed_forgery.message(PLAINTEXT), "malformed")


def not_authentic(suite_id: int) -> Iterator[dict[str, Any]]:
    """Well-formed, and changed by somebody without the data key, or with a key of their own."""
    forgery = Forgery(suite_id=suite_id, pairs=PAIRS)
    header, body = forgery.header(), forgery.body(PLAINTEXT)
    footer = forgery.footer(header + body)
    other = Forgery(suite_id=suite_id, pairs=PAIRS, message_id=bytes(SUITES[suite_id].message_id_length))
    flipped = lambda data, at: data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]  # noqa: E731
    swapped = forgery.frame(PLAINTEXT[:16], 2)[16:]
    for what, message in (
        ("the header's tag changed", flipped(header, len(header) - 1) + body + footer),
        ("the message ID changed", flipped(header, 10) + body + footer),
        ("the first frame's content changed", header + flipped(body, 20) + footer),
        ("the last frame's tag changed", header + flipped(body, len(body) - 1) + footer),
        ("the body of another message", header + other.body(PLAINTEXT) + footer),
        ("a frame's content at another number", header + body[:16] + swapped + body[48:] + footer),
    ):
        yield vector(what, forgery, message, "authentication")
    if SUITES[suite_id].commits:
        forged = Forgery(suite_id=suite_id, pairs=PAIRS, fields={"suite data": bytes(32)})
        yield vector("a commitment to another key", forged, forged.message(PLAINTEXT), "authentication")
    if footer:
        stranger = Forgery(suite_id=suite_id, pairs=PAIRS, signing_scalar=7)
        yield vector("another's signature", forgery, header + body + stranger.footer(header + body), "authentication")
        yield vector("an empty signature", forgery, header + body + b"\x00\x00", "authentication")


def refused(suite_id: int) -> Iterator[dict[str, Any]]:
    """Right, and not for us."""
    forgery = Forgery(suite_id=suite_id, pairs=PAIRS, only_authenticated=[(b"extra", b"1")])
    message = forgery.message(PLAINTEXT)
    yield success("a pair that is not stored", forgery, PLAINTEXT)
    yield vector("another value for a stored key", forgery, message, "refused", supplied={"tenant": "b", "extra": "1"})
    yield vector("without the pair that is not stored", forgery, message, "no key", supplied={})
    yield vector(
        "a key of somebody else", forgery, Forgery(suite_id=suite_id, keys=[FOREIGN_KEY]).message(PLAINTEXT), "no key"
    )


def content() -> str:
    """The file's text."""
    head = {
        "what": "Messages under one raw AES wrapping key; written by tests/vectors/write.py",
        "wrapping key": {"namespace": NAMESPACE, "name": KEY_NAME, "key": text(WRAPPING_KEY)},
        "vectors": list(vectors()),
    }
    return json.dumps(head, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(content(), encoding="utf-8")
