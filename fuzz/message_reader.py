"""A reader of messages that takes only what the forge would have written, field by field: what a decrypt is held to."""

from __future__ import annotations

import base64
import itertools
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fuzz.message_mutation import parts_of
from tests.vectors.forge import (
    KEY_NAME,
    NAMESPACE,
    PUBLIC_KEY_FIELD,
    SUITES,
    WRAPPING_KEY,
    Forgery,
    serialized_pairs,
    sized,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    Unwrap: TypeAlias = Callable[[Sequence[bytes], bytes], bytes]

__all__ = ["Content", "read", "unwrapped", "verified_start"]

_END = "sequence number end"
_FAILURES = (LookupError, ValueError, OverflowError, InvalidTag, InvalidSignature)
_INFO = KEY_NAME.encode() + (128).to_bytes(4, "big") + (12).to_bytes(4, "big")


class Content(NamedTuple):
    """What an authentic message says: its plaintext in frames, and its encryption context without the public key."""

    frames: list[bytes]
    context: dict[str, str]


def unwrapped(key: Sequence[bytes], context: bytes) -> bytes:
    """Return the data key that is wrapped under the forge's wrapping key.

    :raises LookupError: it names another one
    :raises InvalidTag: it was changed
    """
    provider, info, ciphertext = key
    if provider != NAMESPACE.encode() or info[:-12] != _INFO or len(info) != len(_INFO) + 12:
        raise LookupError("another wrapping key")
    return AESGCM(WRAPPING_KEY).decrypt(info[-12:], ciphertext, context)


def read(message: bytes, unwrap: Unwrap = unwrapped) -> Content | None:
    """Return what *message* says; ``None`` if the forge would not have written it under a key that it has.

    :param unwrap: gives the data key in an encrypted data key of which the parts and the context are given
    """
    with suppress(*_FAILURES):
        found = _fields(message)
        forgery = _forgery(found, unwrap)
        blocks = list(_blocks(forgery, found))
        signed = forgery.header() + b"".join(written for _, written in blocks)
        context = dict(forgery.pairs)
        fits = not forgery.framed or (
            _END in found and max(len(content) for content, _ in blocks) <= forgery.frame_length > 0
        )
        if fits and message.startswith(signed) and len(context) == len(forgery.pairs) and forgery.keys:
            public_key = context.pop(PUBLIC_KEY_FIELD, None)
            _check_footer(forgery, public_key, signed, message[len(signed) :])
            texts = {key.decode(): value.decode() for key, value in context.items()}
            return Content([content for content, _ in blocks], texts)
    return None


def verified_start(message: bytes) -> bytes:
    """Return the plaintext of the frames that come before the first that is not authentic."""
    released = b""
    with suppress(*_FAILURES):
        found = _fields(message)
        forgery = _forgery(found, unwrapped)
        written = forgery.header()
        if message.startswith(written):
            for content, frame in _blocks(forgery, found):
                written += frame
                if not message.startswith(written):
                    break
                released += content
    return released


def _fields(message: bytes) -> dict[str, bytes]:
    return {part.name: part.data for part in parts_of(message)}


def _forgery(found: Mapping[str, bytes], unwrap: Unwrap) -> Forgery:
    """Return what writes such a message."""
    suite_id = _count(found, "algorithm suite ID")
    pairs = [
        (found[f"pair {number} key"], found[f"pair {number} value"]) for number in range(_count(found, "pair count"))
    ]
    keys = [_entry(found, number) for number in range(_count(found, "key count"))]
    return Forgery(
        suite_id=suite_id,
        pairs=pairs,
        frame_length=_count(found, "frame length"),
        framed=found["content type"] == b"\x02",
        message_id=found["message ID"],
        header_iv=found.get("header IV", bytes(12)),
        keys=[b"".join(map(sized, key)) for key in keys],
        with_public_key=False,
        data_key=_data_key(suite_id, serialized_pairs(sorted(pairs)), keys, unwrap),
    )


def _count(found: Mapping[str, bytes], name: str) -> int:
    return int.from_bytes(found.get(name, b""), "big")


def _entry(found: Mapping[str, bytes], number: int) -> list[bytes]:
    names = ("provider ID", "provider information", "ciphertext")
    return [found[f"encrypted data key {number} {name}"] for name in names]


def _data_key(suite_id: int, context: bytes, keys: list[list[bytes]], unwrap: Unwrap) -> bytes:
    for key in keys:
        with suppress(InvalidTag, LookupError):
            data_key = unwrap(key, context)
            if len(data_key) == SUITES[suite_id].key_length:
                return data_key
    raise LookupError("none of the encrypted data keys can be unwrapped")


def _blocks(forgery: Forgery, found: Mapping[str, bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Give the plaintext of each frame, and the frame as the forge writes it."""
    cipher = forgery.secrets[2]
    numbers = itertools.takewhile(lambda number: f"frame {number} number" in found, itertools.count(1))
    names = list(found)
    prefixes = [f"frame {number}" for number in numbers] if forgery.framed else ["body"]
    for number, prefix in enumerate(prefixes, 1):
        iv, sealed = found[f"{prefix} IV"], found[f"{prefix} content"] + found[f"{prefix} tag"]
        is_last = _END in names and names.index(_END) < names.index(f"{prefix} number")
        kind = b"Single Block" if not forgery.framed else b"Final Frame" if is_last else b"Frame"
        content = cipher.decrypt(iv, sealed, forgery.aad(number, kind, len(sealed) - 16))
        if not forgery.framed:
            yield content, forgery.non_framed(content, iv=iv)
        elif is_last:
            yield content, forgery.final_frame(content, number, iv=iv)
        else:
            yield content, forgery.frame(content, number, iv=iv)


def _check_footer(forgery: Forgery, public_key: bytes | None, signed: bytes, footer: bytes) -> None:
    """Check the signature, or that there is neither one nor a key for it.

    :raises ValueError: there is something else
    :raises InvalidSignature: it is another one
    """
    suite = forgery.suite
    if suite.curve is None or suite.digest is None:
        if footer or public_key is not None:
            raise ValueError("a signature that the suite does not have")
        return
    signature = footer[2:]
    if public_key is None or sized(signature) != footer:
        raise ValueError("a signature or its key is missing")
    point = base64.b64decode(public_key, validate=True)
    key = ec.EllipticCurvePublicKey.from_encoded_point(suite.curve, point)
    key.verify(signature, signed, ec.ECDSA(suite.digest))
