"""Messages that somebody who has the data key writes otherwise than the specification says, or just about as it says.

All of them are authentic: tags, commitment and signature are computed over what is written, so that what decides is
what a client makes of it. Messages that are damaged without the key are in :mod:`tests.properties.damage`.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.vectors.forge import (
    KEY_NAME,
    NAMESPACE,
    PUBLIC_KEY_FIELD,
    SUITES,
    WRAPPING_KEY,
    Forgery,
    Pair,
    serialized_pairs,
    sized,
    wrapped,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PLAINTEXT = b"plaintext!" * 5
_ORDERS = {
    "secp256r1": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "secp384r1": int(
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973", 16
    ),
}


class Odd(NamedTuple):
    """A message, and what is odd about it: the kind, which a row of the table may name, and the case of it."""

    kind: str
    case: str
    message: bytes

    def __str__(self) -> str:
        return f"{self.kind}: {self.case}"


def odd_messages(suite_id: int, *, framed: bool) -> Iterator[Odd]:
    """All of them for one suite."""
    for write in (_ordinary, _contexts, _public_keys, _keys, _headers, _frames if framed else _blocks, _ends):
        yield from write(_Writer(suite_id, framed=framed))


class _Writer:
    def __init__(self, suite_id: int, *, framed: bool) -> None:
        self.suite_id = suite_id
        self.framed = framed
        self.curve = SUITES[suite_id].curve

    def forgery(self, **details: Any) -> Forgery:
        return Forgery(suite_id=self.suite_id, framed=self.framed, **details)

    def message(self, **details: Any) -> bytes:
        return self.forgery(**details).message(PLAINTEXT)

    def in_context(self, pairs: list[Pair], *, raw: bytes | None = None, length: int | None = None) -> bytes:
        """A message with *pairs* as they are, or with *raw* in their place; the data key is for *pairs* once sorted.

        Of a key that is there twice the last value counts: whoever takes such a context makes a dictionary of it.
        """
        forgery = self.forgery()
        written = [*pairs, *forgery.pairs]
        serialized = serialized_pairs(written) if raw is None else raw
        forgery.keys = [wrapped(forgery.secrets[0], serialized_pairs(sorted(dict(written).items())))]
        forgery.fields = {
            "context": serialized,
            "context length": (len(serialized) if length is None else length).to_bytes(2, "big"),
        }
        return forgery.message(PLAINTEXT)


def _ordinary(writer: _Writer) -> Iterator[Odd]:
    """Nothing odd, so that it shows if a client accepts nothing at all."""
    for size in (0, 1, 15, 16, 17, 32, 50):
        yield Odd("ordinary", f"{size} bytes", writer.forgery(pairs=[(b"a", b"b")]).message(bytes(size)))
    yield Odd("ordinary", "no context", writer.message())


def _contexts(writer: _Writer) -> Iterator[Odd]:
    public_key = writer.forgery().pairs
    a, b = (b"a", b"1"), (b"b", b"2")
    for kind, case, pairs in (
        ("context order", "reversed", [b, a]),
        ("context order", "by UTF-16", [("\U0001f511".encode(), b""), ("\ufb01".encode(), b"")]),
        ("context duplicate", "the same pair twice", [a, a]),
        ("context duplicate", "two values", [a, (b"a", b"2")]),
        ("context duplicate", "two values, apart", [a, b, (b"a", b"2")]),
        ("context empty", "an empty key", [(b"", b"1")]),
        ("context empty", "an empty value", [(b"a", b"")]),
        ("context empty", "both", [(b"", b"")]),
        ("context UTF-8", "a NUL", [(b"a\x00", b"\x00")]),
        ("context UTF-8", "a BOM", [(b"\xef\xbb\xbfa", b"1")]),
        ("context UTF-8", "not normalized", [("e\u0301".encode(), "é".encode())]),
        ("context UTF-8", "a noncharacter", [("\uffff".encode(), "\U0010ffff".encode())]),
        ("context not UTF-8", "a stray byte in a key", [(b"a\xff", b"1")]),
        ("context not UTF-8", "a stray byte in a value", [(b"a", b"\x80")]),
        ("context not UTF-8", "overlong", [(b"a", b"\xc0\x80")]),
        ("context not UTF-8", "a surrogate", [(b"a", b"\xed\xa0\x80")]),
        ("context not UTF-8", "cut short", [(b"a", b"\xf0\x9f\x94")]),
        ("context not UTF-8", "beyond Unicode", [(b"a", b"\xf4\x90\x80\x80")]),
        ("context reserved", "a key of the prefix", [(b"aws-crypto-x", b"1")]),
        ("context kind", "of a sealed record", [(b"warmkey-kind", b"record")]),
        ("context kind", "of nothing", [(b"warmkey-kind", b"")]),
        ("context size", "a long value", [(b"a", b"x" * 60_000)]),
        (
            "context size",
            "65,535 bytes",
            [(b"a", b"x" * (65_535 - 7 - len(serialized_pairs(public_key)) + 2 * bool(public_key)))],
        ),
        ("context size", "300 pairs", [(b"%05d" % number, b"value") for number in range(300)]),
        ("context of many pairs", "2,000", [(b"%05d" % number, b"value") for number in range(2_000)]),
    ):
        yield Odd(kind, case, writer.in_context(pairs))
    pairs = [a, *public_key]
    whole = serialized_pairs(pairs)
    for kind, case, raw in (
        ("context count", "one too many", (len(pairs) + 1).to_bytes(2, "big") + whole[2:]),
        ("context count", "one too few", (len(pairs) - 1).to_bytes(2, "big") + whole[2:]),
        ("context count", "65,535", b"\xff\xff" + whole[2:]),
        ("context count", "a byte left over", whole + b"\x00"),
        ("context count", "an empty pair left over", whole + bytes(4)),
        ("context count", "the last value cut", whole[:-1]),
        ("context count", "a value that reaches past the end", whole[:-3] + b"\x00\xff" + whole[-1:]),
    ):
        yield Odd(kind, case, writer.in_context([a], raw=raw))
    yield Odd("context of no pairs", "count 0 in 2 bytes", writer.in_context([], raw=bytes(2)))
    yield Odd("context of no pairs", "length 1", writer.in_context([], raw=b"\x00"))
    yield Odd("context of no pairs", "count 0 and more", writer.in_context([], raw=bytes(6)))
    yield Odd("context length", "one less", writer.in_context([a], length=len(whole) - 1))
    yield Odd("context length", "one more", writer.in_context([a], length=len(whole) + 1))


def _public_keys(writer: _Writer) -> Iterator[Odd]:
    if writer.curve is None:
        for case, value in (("a key", b"AAAA"), ("nothing", b"")):
            message = writer.message(pairs=[(PUBLIC_KEY_FIELD, value)])
            yield Odd("public key of an unsigned suite", case, message)
        return
    public_key = writer.forgery().signing_key.public_key()
    point = public_key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    uncompressed = public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    text = base64.b64encode(point)
    yield Odd("public key missing", "no pair", writer.message(with_public_key=False))
    size = len(point) - 1
    for kind, case, value in (
        ("public key form", "uncompressed", base64.b64encode(uncompressed)),
        ("public key form", "hybrid", base64.b64encode(bytes((6 + (uncompressed[-1] & 1),)) + uncompressed[1:])),
        ("public key form", "infinity", base64.b64encode(b"\x00")),
        ("public key form", "another prefix", base64.b64encode(b"\x05" + point[1:])),
        ("public key form", "empty", b""),
        ("public key form", "a byte more", base64.b64encode(point + b"\x00")),
        ("public key form", "a byte less", base64.b64encode(point[:-1])),
        ("public key form", "not on the curve", base64.b64encode(_off_curve(writer.curve, size))),
        ("public key form", "x beyond the field", base64.b64encode(b"\x02" + b"\xff" * size)),
        ("public key of another", "the other y", base64.b64encode(bytes((point[0] ^ 1,)) + point[1:])),
        ("public key padding", "none", text.rstrip(b"=") if text.endswith(b"=") else text),
        ("public key padding", "more", text + b"===="),
        ("public key base64", "a newline at the end", text + b"\n"),
        ("public key base64", "a newline within", text[:20] + b"\n" + text[20:]),
        ("public key base64", "a space within", text[:20] + b" " + text[20:]),
        ("public key base64", "URL-safe", text.replace(b"+", b"-").replace(b"/", b"_")),
        ("public key base64", "a sign that is none within", text[:20] + b"!" + text[20:]),
        ("public key spare bits", "not zero", _with_spare_bits(text)),
        ("public key base64", "not ASCII", text + "é".encode()),
    ):
        if value != text:
            yield Odd(kind, case, writer.message(public_key=value) if value else _empty_public_key(writer))


def _empty_public_key(writer: _Writer) -> bytes:
    return writer.message(with_public_key=False, pairs=[(PUBLIC_KEY_FIELD, b"")])


def _off_curve(curve: ec.EllipticCurve, size: int) -> bytes:
    for x in range(1, 1_000):
        encoded = b"\x02" + x.to_bytes(size, "big")
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(curve, encoded)
        except ValueError:
            return encoded
    raise AssertionError


def _with_spare_bits(text: bytes) -> bytes:
    """The same bytes in base64 that nobody would write, if there are bits to spare."""
    if not text.endswith(b"="):
        return text
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = len(text.rstrip(b"=")) - 1
    return text[:last] + alphabet[alphabet.index(text[last]) + 1 :][:1] + text[last + 1 :]


def _keys(writer: _Writer) -> Iterator[Odd]:
    forgery = writer.forgery()
    data_key, aad = forgery.secrets[0], serialized_pairs(forgery.pairs)
    good = wrapped(data_key, aad)
    info = KEY_NAME.encode() + (128).to_bytes(4, "big") + (12).to_bytes(4, "big") + b"\x07" * 12
    sealed = AESGCM(WRAPPING_KEY).encrypt(b"\x07" * 12, data_key, aad)
    long_iv = AESGCM(WRAPPING_KEY).encrypt(b"\x07" * 16, data_key, aad)
    foreign = sized(b"somebody") + sized(b"else") + sized(b"nothing of ours")

    def entry(provider: bytes = NAMESPACE.encode(), about: bytes = info, ciphertext: bytes = sealed) -> bytes:
        return sized(provider) + sized(about) + sized(ciphertext)

    name = KEY_NAME.encode()
    for kind, case, keys in (
        ("keys", "another's first", [foreign, good]),
        ("keys", "another's last", [good, foreign]),
        ("keys", "the same twice", [good, good]),
        ("keys of ours that fail", "not authentic", [entry(ciphertext=sealed[:-1] + bytes((sealed[-1] ^ 1,))), good]),
        ("keys", "a hundred", [*[foreign[:-3] + b"%03d" % number for number in range(99)], good]),
        ("keys", "none of ours", [foreign]),
        ("keys", "all empty", [bytes(6), good]),
        ("key provider not UTF-8", "first", [sized(b"\xff\xfe") + sized(b"") + sized(b""), good]),
        ("key provider not UTF-8", "last", [good, sized(b"\xff\xfe") + sized(b"") + sized(b"")]),
        ("keys of another provider", "information not UTF-8", [sized(b"x") + sized(b"\xff") + sized(b"\x80"), good]),
        ("keys of another provider", "a KMS key that is none", [sized(b"aws-kms") + sized(b"x") + sized(b"y"), good]),
        ("key information", "alone, the name", [entry(about=name)]),
        ("key information", "alone, another name", [entry(about=b"hammer" + info[len(name) :])]),
        ("key information", "alone, a longer name", [entry(about=b"anvil2" + info[len(name) :])]),
        ("key information", "alone, cut in the lengths", [entry(about=info[: len(name) + 6])]),
        ("key information", "alone, cut in the IV", [entry(about=info[:-1])]),
        ("key information", "alone, a byte more", [entry(about=info + b"\x00")]),
        ("key information", "alone, an IV of 16 bytes", [entry(about=_info(128, b"\x07" * 16), ciphertext=long_iv)]),
        ("key information", "alone, empty", [entry(about=b"")]),
        ("key information", "name alone, then ours", [entry(about=name), good]),
        ("keys of ours that fail", "cut in the IV", [entry(about=info[:-1]), good]),
        ("key tag length", "alone, 96 bits", [entry(about=_info(96), ciphertext=sealed[:-4])]),
        ("key tag length", "alone, 96 bits of 128", [entry(about=_info(96))]),
        ("key tag length", "alone, 0 bits", [entry(about=_info(0))]),
        ("key tag length", "alone, 129 bits", [entry(about=_info(129))]),
        ("key tag length", "alone, 2^32 - 1 bits", [entry(about=_info(2**32 - 1))]),
        ("keys of ours that fail", "a tag of 96 bits", [entry(about=_info(96), ciphertext=sealed[:-4]), good]),
        ("key ciphertext", "alone, empty", [entry(ciphertext=b"")]),
        (
            "key ciphertext",
            "alone, only a tag",
            [entry(ciphertext=AESGCM(WRAPPING_KEY).encrypt(b"\x07" * 12, b"", aad))],
        ),
        ("keys of ours that fail", "empty", [entry(ciphertext=b""), good]),
        ("data key length", "alone, a byte less", [wrapped(data_key[:-1], aad)]),
        ("data key length", "alone, a byte more", [wrapped(data_key + b"\x00", aad)]),
        (
            "keys of ours that fail",
            "a data key that is a byte short",
            [wrapped(data_key[:-1], aad, iv=b"\x08" * 12), good],
        ),
        ("key namespace", "alone, empty", [entry(provider=b"")]),
        ("key namespace", "alone, another", [entry(provider=b"forgery")]),
        ("key namespace", "alone, in upper case", [entry(provider=b"FORGE")]),
    ):
        yield Odd(kind, case, writer.message(keys=keys))
    for kind, case, fields in (
        ("key count", "0", {"key count": bytes(2), "keys": b""}),
        ("key count", "0, and one is there", {"key count": bytes(2)}),
        ("key count", "2, and one is there", {"key count": b"\x00\x02"}),
        ("key count", "65,535", {"key count": b"\xff\xff"}),
    ):
        yield Odd(kind, case, writer.message(fields=fields))


def _info(tag_bits: int, iv: bytes = b"\x07" * 12) -> bytes:
    return KEY_NAME.encode() + tag_bits.to_bytes(4, "big") + len(iv).to_bytes(4, "big") + iv


def _headers(writer: _Writer) -> Iterator[Odd]:
    choices: list[tuple[str, str, Mapping[str, bytes]]] = [
        ("content type", "0", {"content type": b"\x00"}),
        ("content type", "3", {"content type": b"\x03"}),
        ("content type", "the other", {"content type": b"\x01" if writer.framed else b"\x02"}),
        ("version", "0", {"version": b"\x00"}),
        ("version", "3", {"version": b"\x03"}),
        ("suite", "0", {"algorithm suite ID": bytes(2)}),
        ("suite", "0xffff", {"algorithm suite ID": b"\xff\xff"}),
    ]
    if SUITES[writer.suite_id].version == 1:
        choices += [
            ("type", "0", {"type": b"\x00"}),
            ("type", "129", {"type": b"\x81"}),
            ("reserved", "1", {"reserved": b"\x00\x00\x00\x01"}),
            ("reserved", "2^24", {"reserved": b"\x01\x00\x00\x00"}),
            ("IV length", "0", {"IV length": b"\x00"}),
            ("IV length", "11", {"IV length": b"\x0b"}),
            ("IV length", "16", {"IV length": b"\x10"}),
        ]
        yield Odd("header IV", "not zero", writer.message(header_iv=b"\x05" * 12))
        yield Odd("header IV", "all ones", writer.message(header_iv=b"\xff" * 12))
    else:
        choices += [
            ("commit key", "zeros", {"suite data": bytes(32)}),
            ("commit key", "of another data key", {"suite data": writer.forgery(data_key=bytes(32)).secrets[1]}),
            ("commit key", "a byte less", {"suite data": writer.forgery().secrets[1][:-1]}),
        ]
    if writer.framed:
        choices.append(("frame length", "0", {"frame length": bytes(4)}))
    else:
        choices += [
            ("frame length", str(number), {"frame length": number.to_bytes(4, "big")}) for number in (1, 50, 2**32 - 1)
        ]
    for kind, case, fields in choices:
        yield Odd(kind, case, writer.message(fields=dict(fields)))


def _frames(writer: _Writer) -> Iterator[Odd]:
    forgery = writer.forgery()
    frame, final = forgery.frame, forgery.final_frame

    def odd(kind: str, case: str, *frames: bytes) -> Odd:
        return Odd(kind, case, forgery.message(body=b"".join(frames)))

    full, half = b"x" * 16, b"y" * 8
    for length in (2**31 - 1, 2**31, 2**32 - 1):
        kind = "frame length of 2^31 or more" if length >= 2**31 else "frame length"
        large = replace(writer.forgery(), frame_length=length, pairs=[], with_public_key=True)
        yield Odd(kind, f"{length}, one final frame", large.message(PLAINTEXT))
        yield Odd(kind, f"{length}, a regular frame that is not there", large.message(body=large.frame(full, 1)[:24]))
    yield odd("frame numbers", "from 0", frame(full, 0), final(half, 1))
    yield odd("frame numbers", "from 2", frame(full, 2), final(half, 3))
    yield odd("frame numbers", "one left out", frame(full, 1), final(half, 3))
    yield odd("frame numbers", "one twice", frame(full, 1), frame(full, 1), final(half, 2))
    yield odd("frame numbers", "in reverse", frame(full, 2), frame(full, 1), final(half, 3))
    yield odd("frame numbers", "the final one 0", final(half, 0))
    yield odd("frame numbers", "the final one 2", final(half, 2))
    yield odd("frame numbers", "the final one 2^32 - 1", final(half, 2**32 - 1))
    yield odd("frame IV", "not the number", frame(full, 1, iv=b"\x09" * 12), final(half, 2, iv=b"\x0a" * 12))
    yield odd("frame IV", "the same twice", frame(full, 1, iv=b"\x09" * 12), final(half, 2, iv=b"\x09" * 12))
    yield odd("frame IV", "zeros", final(half, 1, iv=bytes(12)))
    yield odd("final frame", "empty, alone", final(b"", 1))
    yield odd("final frame", "empty, after full ones", frame(full, 1), final(b"", 2))
    yield odd("final frame", "full", final(full, 1))
    yield odd("final frame", "longer than a frame", final(full + b"x", 1))
    yield odd("final frame", "another length authenticated", final(half, 1, length=16))
    yield odd("final frame", "none", frame(full, 1), frame(full, 2))
    yield odd("final frame", "no body")
    yield odd("frames after the final one", "another final one", final(half, 1), final(half, 2))
    yield odd("frames after the final one", "a regular one", final(half, 1), frame(full, 2))
    yield odd("regular frame", "another length authenticated", frame(full, 1, length=15), final(half, 2))
    yield odd("regular frame", "sealed as the final one", _as_regular(final(full, 1)), final(half, 2))
    yield odd("many frames", "a thousand", *[frame(full, number) for number in range(1, 1_001)], final(half, 1_001))
    small = replace(forgery, frame_length=1, pairs=[])
    yield Odd("many frames", "of a byte", small.message(PLAINTEXT))
    yield odd("body IV and content type", "a non-framed block", forgery.non_framed(half))


def _as_regular(final: bytes) -> bytes:
    return final[4:20] + final[24:]


def _blocks(writer: _Writer) -> Iterator[Odd]:
    forgery = writer.forgery()
    block = forgery.non_framed

    def odd(kind: str, case: str, body: bytes) -> Odd:
        return Odd(kind, case, forgery.message(body=body))

    yield odd("body IV", "2", block(PLAINTEXT, iv=bytes(11) + b"\x02"))
    yield odd("body IV", "zeros", block(PLAINTEXT, iv=bytes(12)))
    yield odd("body length", "another one authenticated", block(PLAINTEXT, length=3))
    sealed = block(PLAINTEXT)
    for length in (0, 49, 51, 2**31, 2**36 - 32, 2**36 - 31, 2**63 - 1, 2**64 - 1):
        yield odd("body length", str(length), sealed[:12] + length.to_bytes(8, "big") + sealed[20:])
    yield odd("body", "none", b"")
    yield odd("frames after the final one", "a second block", sealed + sealed)
    yield odd("body", "framed", forgery.final_frame(PLAINTEXT, 1))


def _ends(writer: _Writer) -> Iterator[Odd]:
    forgery = writer.forgery()
    message = forgery.message(PLAINTEXT)
    for case, trailer in (
        ("a zero", b"\x00"),
        ("two zeros", b"\x00\x00"),
        ("a newline", b"\n"),
        ("many", bytes(1_000)),
        ("another message", message),
    ):
        yield Odd("bytes after the end", case, message + trailer)
    if writer.curve is None:
        yield Odd("bytes after the end", "a footer", message + sized(b"\x30\x06\x02\x01\x01\x02\x01\x01"))
        return
    signed = forgery.header() + forgery.body(PLAINTEXT)
    signature = forgery.footer(signed)[2:]
    yield Odd("footer missing", "nothing", signed)
    yield Odd("footer missing", "a byte", signed + b"\x00")
    yield Odd("footer missing", "a length", signed + len(signature).to_bytes(2, "big"))
    yield Odd("footer missing", "all but a byte", message[:-1])
    for kind, case, other in _signatures(signature, _ORDERS[writer.curve.name]):
        yield Odd(kind, case, signed + sized(other))
    another = forgery.footer(signed + b"x")
    yield Odd("signature of other bytes", "a byte more", signed + another)
    without_header = forgery.footer(signed[len(forgery.header()) :])
    yield Odd("signature of other bytes", "the body alone", signed + without_header)


def _signatures(signature: bytes, order: int) -> Iterator[tuple[str, str, bytes]]:
    """What else might pass as *signature*, all of it made without the signing key."""
    r, s = decode_dss_signature(signature)
    yield "signature twin", "(r, n - s)", encode_dss_signature(r, order - s)
    for case, numbers in (
        ("r = 0", (0, s)),
        ("s = 0", (r, 0)),
        ("r + n", (r + order, s)),
        ("s + n", (r, s + order)),
        ("s = n", (r, order)),
        ("swapped", (s, r)),
        ("r = s = 1", (1, 1)),
    ):
        yield "signature numbers", case, encode_dss_signature(*numbers)
    for case, numbers in (("-r", (-r, s)), ("s - n", (r, s - order)), ("-s", (r, -s))):
        yield "signature numbers", case, _sequence(_integer(numbers[0]) + _integer(numbers[1]))
    ours = _integer(r) + _integer(s)
    yield "signature DER", "empty", b""
    yield "signature DER", "bytes after the sequence", signature + b"\x00"
    yield "signature DER", "bytes after the numbers", _sequence(ours + b"\x00")
    yield "signature DER", "a third number", _sequence(ours + _integer(1))
    yield "signature DER", "one number", _sequence(_integer(r))
    yield "signature DER", "long form of a length", b"\x30\x81" + bytes((len(ours),)) + ours
    yield "signature DER", "longer form of a length", b"\x30\x82\x00" + bytes((len(ours),)) + ours
    yield "signature DER", "indefinite length", b"\x30\x80" + ours + b"\x00\x00"
    yield "signature DER", "a zero more in front of r", _sequence(_integer(r, zeros=1) + _integer(s))
    yield "signature DER", "a zero more in front of s", _sequence(_integer(r) + _integer(s, zeros=1))
    yield "signature DER", "a set", b"\x31" + signature[1:]
    yield "signature DER", "the numbers alone", ours
    yield "signature DER", "two octet strings", _sequence(b"\x04" + ours[1:])
    size = (order.bit_length() + 7) // 8
    yield "signature DER", "r and s without DER", r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _sequence(content: bytes) -> bytes:
    return b"\x30" + bytes((len(content),)) + content


def _integer(number: int, *, zeros: int = 0) -> bytes:
    content = bytes(zeros) + number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)
    return b"\x02" + bytes((len(content),)) + content
