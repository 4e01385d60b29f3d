"""Writes the vector file of signatures: edge cases, each with the verdict that every library must come to.

    python -m tests.vectors.write_signatures

Nothing in it is drawn at random. Keys are made to fit signatures: whoever chooses r, s, the digest and the point that r
comes from can compute a public key for which they are good.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from tests.vectors.curve import CURVES, Curve, Point

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path(__file__).with_name("signatures.json")
GOOD, REFUSED, MALFORMED = "good", "refused", "malformed"
SCALAR, NONCE = 0xD0E5, 0xC0FFEE


class Case:
    """A signature over a digest, and the key that it is checked with."""

    def __init__(self, curve: Curve, *, scalar: int = SCALAR, nonce: int = NONCE, digest: bytes | None = None) -> None:
        self.curve = curve
        self.digest = hashlib.new(f"sha{8 * curve.size}", b"header and body").digest() if digest is None else digest
        self.commitment = curve.multiply(nonce, curve.base)
        assert self.commitment is not None
        self.r = self.commitment[0] % curve.n
        self.s = pow(nonce, -1, curve.n) * (self.number + self.r * scalar) % curve.n
        self.key = curve.multiply(scalar, curve.base)

    @property
    def number(self) -> int:
        return int.from_bytes(self.digest, "big")

    @property
    def signature(self) -> bytes:
        return der(self.r, self.s)

    def made_to_fit(self, *, r: int | None = None, s: int | None = None, commitment: Point = None) -> Case:
        """Put in other numbers, and a key for which they are good."""
        self.commitment = commitment or self.commitment
        assert self.commitment is not None
        self.r = self.commitment[0] % self.curve.n if r is None else r
        self.s = self.s if s is None else s
        self.key = self.curve.key_of(self.commitment, self.r, self.s, self.number)
        return self

    def vector(
        self,
        what: str,
        outcome: str,
        *,
        signature: bytes | None = None,
        point: bytes | None = None,
        digest: bytes = b"",
    ) -> dict[str, str]:
        return {
            "curve": self.curve.name,
            "what": what,
            "outcome": outcome,
            "point": (self.curve.compressed(self.key) if point is None else point).hex(),
            "digest": (digest or self.digest).hex(),
            "signature": (self.signature if signature is None else signature).hex(),
        }


# --- DER


def tlv(tag: int, content: bytes) -> bytes:
    length = bytes([len(content)]) if len(content) < 128 else bytes([0x81, len(content)])
    return bytes([tag]) + length + content


def integer(number: int) -> bytes:
    length = 1 if number == 0 else ((number if number > 0 else -number - 1).bit_length() // 8) + 1
    return tlv(2, number.to_bytes(length, "big", signed=True))


def der(r: int, s: int) -> bytes:
    return tlv(0x30, integer(r) + integer(s))


# --- the file


def vectors() -> Iterator[dict[str, str]]:
    for curve in CURVES:
        yield from good(curve)
        yield from other_numbers(curve)
        yield from other_encodings(curve)
        yield from other_points(curve)


def good(curve: Curve) -> Iterator[dict[str, str]]:
    """Rare, and right."""
    n, size = curve.n, curve.size
    case = Case(curve)
    yield case.vector("an ordinary signature", GOOD)
    yield case.vector("its twin (r, n - s)", GOOD, signature=der(case.r, n - case.s))
    for what, digest in digests(curve).items():
        yield Case(curve, digest=digest).vector(f"a digest that is {what}", GOOD)
    for what, scalar in {"1": 1, "2": 2, "n - 1": n - 1, "n - 2": n - 2, "(n + 1) / 2": (n + 1) // 2}.items():
        yield Case(curve, scalar=scalar).vector(f"a private key of {what}", GOOD)
    for what, nonce in {"1": 1, "2": 2, "n - 1": n - 1}.items():
        yield Case(curve, nonce=nonce).vector(f"a nonce of {what}", GOOD)
    yield Case(curve, scalar=SCALAR, nonce=SCALAR).vector("a nonce that is the private key", GOOD)
    numbers = {
        "1": 1,
        "2": 2,
        "127": 127,
        "128": 128,
        "255": 255,
        "256": 256,
        "a byte short": 2 ** (8 * size - 9),
        "a bit short": 2 ** (8 * size - 2),
        "the highest bit": 2 ** (8 * size - 1),
        "n / 2": n // 2,
        "n / 2 + 1": n // 2 + 1,
        "n - 2": n - 2,
        "n - 1": n - 1,
    }
    for what, s in numbers.items():
        yield Case(curve).made_to_fit(s=s).vector(f"s is {what}", GOOD)
    for what, x in {**numbers, "nearly p": curve.p - 400}.items():
        fitting = Case(curve).made_to_fit(commitment=curve.first_from(x))
        yield fitting.vector(f"r from an x of {what} or a little more", GOOD)
    beyond = curve.first_from(n + 1)
    yield Case(curve).made_to_fit(commitment=beyond).vector("r is x - n, where x is more than n", GOOD)
    for what, x in {"0": 0, "128": 128, "the highest bit": 2 ** (8 * size - 1)}.items():
        for odd in (False, True):
            yield key_at(curve, x, odd=odd).vector(f"an x of the key of {what} or a little more, odd y: {odd}", GOOD)
    double = Case(curve, scalar=1, nonce=2)  # u1 G and u2 Q are the same point when z = r
    double.digest = (double.r).to_bytes(size, "big")
    double.s = pow(2, -1, n) * (double.number + double.r) % n
    yield double.vector("two equal points are added", GOOD)


def digests(curve: Curve) -> dict[str, bytes]:
    size, n = curve.size, curve.n
    return {
        "zero": bytes(size),
        "one": (1).to_bytes(size, "big"),
        "the highest bit": b"\x80" + bytes(size - 1),
        "all ones, and more than n": b"\xff" * size,
        "n": n.to_bytes(size, "big"),
        "n - 1": (n - 1).to_bytes(size, "big"),
        "n + 1": (n + 1).to_bytes(size, "big"),
    }


def key_at(curve: Curve, x: int, *, odd: bool) -> Case:
    """A signature under a key with a given x: its private key is unknown, so the digest is made to fit."""
    case = Case(curve)
    found, y = curve.first_from(x)
    case.key = (found, curve.p - y if odd else y)
    # With the commitment a G + b Q, the signature is r, s = r / b, over the digest a s.
    a, b = 3, 5
    case.commitment = curve.add(curve.multiply(a, curve.base), curve.multiply(b, case.key))
    assert case.commitment is not None
    case.r = case.commitment[0] % curve.n
    case.s = case.r * pow(b, -1, curve.n) % curve.n
    case.digest = (a * case.s % curve.n).to_bytes(curve.size, "big")
    return case


def other_numbers(curve: Curve) -> Iterator[dict[str, str]]:
    """In good DER, and no signature."""
    n, p, case = curve.n, curve.p, Case(curve)
    r, s = case.r, case.s
    pairs = {
        "r is 0": (0, s),
        "s is 0": (r, 0),
        "both are 0": (0, 0),
        "r becomes 1": (1, s),
        "s becomes 1": (r, 1),
        "r is n": (n, s),
        "s is n": (r, n),
        "r is n + r": (n + r, s),
        "s is n + s": (r, n + s),
        "r is p": (p, s),
        "s is p": (r, p),
        "r is n - r": (n - r, s),
        "r is negative": (-r, s),
        "s is negative": (r, -s),
        "both are negative": (-r, -s),
        "r is r - n": (r - n, s),
        "s is s - n": (r, s - n),
        "r and s change places": (s, r),
        "r is one more": (r + 1, s),
        "s is one more": (r, s + 1),
        "r is a byte longer": (r << 8, s),
        "s is a byte longer": (r, s << 8),
        "r is longer than n": (1 << 8 * curve.size, s),
    }
    for what, pair in pairs.items():
        yield case.vector(what, REFUSED, signature=der(*pair))
    unreduced = Case(curve).made_to_fit(commitment=curve.first_from(n + 1))
    yield unreduced.vector("r is x, where x is more than n", REFUSED, signature=der(unreduced.r + n, unreduced.s))
    infinity = Case(curve, scalar=n - 1)  # u1 G + u2 Q is the point at infinity when z = r
    infinity.digest = infinity.r.to_bytes(curve.size, "big")
    yield infinity.vector("the points add up to infinity", REFUSED)
    changed = bytes([case.digest[0] ^ 1]) + case.digest[1:]
    yield case.vector("another digest", REFUSED, digest=changed)
    yield case.vector(
        "a digest with its last bit changed", REFUSED, digest=case.digest[:-1] + bytes([case.digest[-1] ^ 1])
    )
    yield case.vector("the key of somebody else", REFUSED, point=curve.compressed(curve.multiply(7, curve.base)))
    opposite = curve.compressed(case.key)
    yield case.vector("the opposite key", REFUSED, point=bytes([opposite[0] ^ 1]) + opposite[1:])
    yield case.vector("the base point for a key", REFUSED, point=curve.compressed(curve.base))


def other_encodings(curve: Curve) -> Iterator[dict[str, str]]:
    """The right numbers, and not in DER."""
    case = Case(curve)
    r, s = integer(case.r), integer(case.s)
    body, padded = r + s, tlv(2, b"\x00" + r[2:])
    # A number whose highest bit is set has a zero byte before it; without the byte it is negative.
    high = Case(curve).made_to_fit(s=2 ** (8 * curve.size - 1))
    bare = der(high.r, high.s).replace(integer(high.s), tlv(2, integer(high.s)[3:]))
    bare = bytes([bare[0], len(bare) - 2]) + bare[2:]
    yield high.vector("s without the zero byte before its highest bit", REFUSED, signature=bare)
    encodings = {
        "nothing": b"",
        "a tag alone": b"\x30",
        "an empty sequence": b"\x30\x00",
        "one number": tlv(0x30, r),
        "three numbers": tlv(0x30, r + s + s),
        "a byte less": tlv(0x30, body)[:-1],
        "a byte more": tlv(0x30, body) + b"\x00",
        "a byte more inside": tlv(0x30, body + b"\x00"),
        "null more inside": tlv(0x30, body + b"\x05\x00"),
        "twice": tlv(0x30, body) * 2,
        "a sequence in a sequence": tlv(0x30, tlv(0x30, body)),
        "a length in two bytes": b"\x30\x81" + tlv(0x30, body)[1:],
        "a length in three bytes": b"\x30\x82\x00" + tlv(0x30, body)[1:],
        "a length in nine bytes": b"\x30\x88" + bytes(7) + tlv(0x30, body)[1:],
        "a length of r in two bytes": tlv(0x30, b"\x02\x81" + r[1:] + s),
        "an indefinite length": b"\x30\x80" + body + b"\x00\x00",
        "a length too short": b"\x30" + bytes([len(body) - 1]) + body,
        "a length too long": b"\x30" + bytes([len(body) + 1]) + body,
        "the longest length": b"\x30\x7f" + body,
        "a set": tlv(0x31, body),
        "a primitive sequence": tlv(0x10, body),
        "an octet string": tlv(0x04, body),
        "a context tag": tlv(0xA0, body),
        "a long tag": b"\x3f\x10" + tlv(0x30, body)[1:],
        "r as an octet string": tlv(0x30, tlv(4, r[2:]) + s),
        "r as a bit string": tlv(0x30, tlv(3, r[2:]) + s),
        "r as an enumeration": tlv(0x30, tlv(0x0A, r[2:]) + s),
        "r as a constructed integer": tlv(0x30, tlv(0x22, r) + s),
        "r of no bytes": tlv(0x30, b"\x02\x00" + s),
        "s of no bytes": tlv(0x30, r + b"\x02\x00"),
        "r with a zero byte before it": tlv(0x30, padded + s),
        "s with a zero byte before it": tlv(0x30, r + tlv(2, b"\x00" + s[2:])),
        "r with two zero bytes before it": tlv(0x30, tlv(2, b"\x00\x00" + r[2:]) + s),
        "r with a byte of ones before it": tlv(0x30, tlv(2, b"\xff" + r[2:]) + s),
        "plain numbers": case.r.to_bytes(curve.size, "big") + case.s.to_bytes(curve.size, "big"),
        "base64": b"MGUCMQ==",
        "zeros": bytes(curve.size * 2 + 8),
        "ones": b"\xff" * (curve.size * 2 + 8),
        "a very long one": tlv(0x30, body) + bytes(500),
    }
    for what, signature in encodings.items():
        yield case.vector(f"DER: {what}", REFUSED, signature=signature)


def other_points(curve: Curve) -> Iterator[dict[str, str]]:
    """Not compressed points of the curve."""
    p, size, case = curve.p, curve.size, Case(curve)
    right, whole = curve.compressed(case.key), curve.uncompressed(case.key)
    off_curve = next(x for x in range(1, p) if curve.at(x) is None)
    over = next(x for x in range(2 ** (8 * size) - p) if curve.at(x) is not None)
    other = next(each for each in CURVES if each is not curve)
    points = {
        "nothing": b"",
        "infinity": b"\x00",
        "infinity, as long as a point": bytes(1 + size),
        "a prefix alone": right[:1],
        "a byte less": right[:-1],
        "a byte more": right + b"\x00",
        "a zero byte before it": b"\x00" + right,
        "an x without a point": b"\x02" + off_curve.to_bytes(size, "big"),
        "an x without a point, odd": b"\x03" + off_curve.to_bytes(size, "big"),
        "an x of p": b"\x02" + p.to_bytes(size, "big"),
        "an x of p and a little more, which would be on the curve": b"\x02" + (p + over).to_bytes(size, "big"),
        "the greatest x": b"\x02" + b"\xff" * size,
        "the greatest x, odd": b"\x03" + b"\xff" * size,
        "an uncompressed point": whole,
        "a hybrid point": bytes([6 + whole[-1] % 2]) + whole[1:],
        "a hybrid point of the other sign": bytes([7 - whole[-1] % 2]) + whole[1:],
        "an uncompressed prefix": b"\x04" + right[1:],
        "a hybrid prefix": b"\x06" + right[1:],
        "a prefix of 1": b"\x01" + right[1:],
        "a prefix of 5": b"\x05" + right[1:],
        "a prefix of 130": b"\x82" + right[1:],
        "the base point of the other curve": other.compressed(other.base),
    }
    for what, point in points.items():
        yield case.vector(f"point: {what}", MALFORMED, point=point)


def content() -> str:
    """The file's text."""
    head = {
        "what": "ECDSA signatures over digests, by compressed points; written by tests/vectors/write_signatures.py",
        "vectors": list(vectors()),
    }
    return json.dumps(head, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(content(), encoding="utf-8")
