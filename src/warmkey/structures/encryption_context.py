"""Check, serialize and share encryption contexts.

Source: framework/structures.md#encryption-context
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from warmkey.exceptions import InvalidRequest
from warmkey.memo import Memo
from warmkey.safe_repr import safe_repr
from warmkey.tracebacks import scrubbed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = [
    "KIND_KEY",
    "MAX_UINT16",
    "PUBLIC_KEY_FIELD",
    "RESERVED_PREFIX",
    "EncryptionContext",
    "is_reserved",
    "required_keys",
]

# spec: client-apis/encrypt.md#encryption-context 5df9
RESERVED_PREFIX = "aws-crypto-"
# Tells sealed records, tokens and checkpoints from plain messages and from each other.
KIND_KEY = "warmkey-kind"
PUBLIC_KEY_FIELD = "aws-crypto-public-key"

MAX_UINT16 = 0xFFFF


def is_reserved(key: str) -> bool:
    """Return whether *key* is the format's or warmkey's own, so that no caller may encrypt with it.

    IAM ignores upper and lower case in ``kms:EncryptionContext:warmkey-kind``, so a policy that allows tokens only
    would take ``Warmkey-Kind`` for it.
    """
    return key.startswith(RESERVED_PREFIX) or key.lower() == KIND_KEY


@safe_repr
class EncryptionContext(dict[str, str]):
    """Holds an encryption context that nobody can change: valid, with its serialization at hand, safe to share.

    It is a ``dict`` so that boto3 and ``json`` take it; every way to change it raises ``TypeError``, and
    ``dict(context)`` makes a copy to change. ``repr`` shows the keys only.

    :ivar serialized: the pairs sorted by their UTF-8 key; empty for an empty context
    :ivar reserved_key: a key that no caller may encrypt with, or ``None``

    Source: framework/structures.md#encryption-context
    """

    __slots__ = ("reserved_key", "serialized")

    serialized: bytes
    reserved_key: str | None

    @scrubbed
    def __init__(self, pairs: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        """:raises InvalidRequest: see :meth:`of`"""
        items = tuple(pairs.items() if hasattr(pairs, "items") else pairs)
        self.serialized = _serialize(items)
        # An enum of strings is a str whose str() is another one: what is serialized is what KMS must be told.
        super().__init__((str.__str__(key), str.__str__(value)) for key, value in items)
        # spec: framework/structures.md#key-value-pair-entries 8947
        if len(self) != len(items):  # not every mapping is a dict: those of headers and forms repeat keys
            raise InvalidRequest("the encryption context has a key more than once")
        self.reserved_key = next(filter(is_reserved, self), None)

    @staticmethod
    def of(pairs: Mapping[str, str] | None) -> EncryptionContext:
        """Return a checked, independent copy of *pairs*; equal pairs may share one instance.

        :raises InvalidRequest: not a mapping of strings, a key more than once, a string that UTF-8 can't encode, or a
            length over 65,535
        """
        if type(pairs) is EncryptionContext:
            return pairs
        if not pairs and (pairs is None or isinstance(pairs, dict)):
            return _EMPTY
        try:
            items = tuple(pairs.items())
        except AttributeError:
            problem, pairs = _not_a_context(pairs), None
            raise InvalidRequest(problem) from None
        try:
            return _contexts[items]
        except TypeError:  # unhashable: not strings, and the constructor says which
            return EncryptionContext(items)
        except InvalidRequest as error:
            pairs, items = None, ()  # crash reporters look at the frame
            raise error.with_traceback(None) from None

    def serialize_only(self, keys: Collection[str]) -> bytes:
        """Return the serialization of just the pairs whose key is in *keys*."""
        return _serialize((key, self[key]) for key in keys)

    def without(self, keys: Collection[str]) -> EncryptionContext:
        """Return the pairs whose key is not in *keys*."""
        return EncryptionContext.of({key: value for key, value in self.items() if key not in keys})

    def with_pair(self, key: str, value: str) -> EncryptionContext:
        """These pairs and one more."""
        return EncryptionContext.of({**self, key: value})

    def with_fresh_pair(self, key: str, value: str) -> EncryptionContext:
        """These pairs and one more, of a *key* that they lack, as no other context has it.

        It is not remembered, and only the new pair is checked and serialized: a message with a signing key of its own
        takes a twentieth less (benchmark "signatures", group "fresh materials").

        :raises InvalidRequest: there are too many pairs
        """
        if len(self) == MAX_UINT16:
            raise _too_many(len(self) + 1)
        context = EncryptionContext.__new__(EncryptionContext)
        dict.update(context, self)
        dict.__setitem__(context, key, value)
        context.serialized = _with_entry(self.serialized, _encode(key, what="key"), _encode(value, what="value"))
        context.reserved_key = self.reserved_key or (key if is_reserved(key) else None)
        return context

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise TypeError("an encryption context can't be changed; change a copy: dict(context)")

    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = __ior__ = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(self.serialized)

    def __eq__(self, other: object) -> bool:
        return self is other or dict.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __repr__(self) -> str:
        return f"<EncryptionContext keys={sorted(self)}>"

    def __copy__(self) -> EncryptionContext:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> EncryptionContext:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return EncryptionContext.of, (dict(self),)


def required_keys(keys: Collection[str]) -> frozenset[str]:
    """Return *keys* as a set.

    :raises InvalidRequest: a str, which is not a collection of its characters
    """
    if isinstance(keys, str):
        raise InvalidRequest("required_encryption_context_keys must be a collection of str, not a str")
    return frozenset(keys)


def _not_a_context(value: object) -> str:
    if hasattr(value, "aws_request_id") and hasattr(value, "get_remaining_time_in_millis"):
        return (
            "the encryption context is the LambdaContext of your handler; an encryption context is a mapping of "
            'strings that describes the data, for example {"tenant": "..."}'
        )
    return f"the encryption context must be a mapping of str to str, not {type(value).__name__}"


def _encode(text: object, *, what: str) -> bytes:
    if not isinstance(text, str):
        raise InvalidRequest(f"an encryption context {what} must be str, not {type(text).__name__}")
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        encoded = None  # raised below: the codec's error holds the text, and would be the context of ours
    if encoded is None:
        raise InvalidRequest(f"an encryption context {what} holds a lone surrogate, which UTF-8 can't encode")
    if len(encoded) > MAX_UINT16:
        raise InvalidRequest(f"an encryption context {what} takes {len(encoded)} bytes of UTF-8; 65535 are allowed")
    return encoded


def _serialize(items: Iterable[tuple[str, str]]) -> bytes:
    # spec: framework/structures.md#key-value-pair-entries 1b36
    pairs = sorted((_encode(key, what="key"), _encode(value, what="value")) for key, value in items)
    # spec: framework/structures.md#serialization a895
    if not pairs:
        return b""
    if len(pairs) > MAX_UINT16:
        raise _too_many(len(pairs))
    # spec: framework/structures.md#serialization 70d8
    # spec: framework/structures.md#key-value-pair-count c38b
    return b"".join((len(pairs).to_bytes(2, "big"), *(_entry(key, value) for key, value in pairs)))


def _too_many(pairs: int) -> InvalidRequest:
    return InvalidRequest(f"the encryption context has {pairs} pairs; 65535 are allowed")


def _entry(key: bytes, value: bytes) -> bytes:
    return b"".join((len(key).to_bytes(2, "big"), key, len(value).to_bytes(2, "big"), value))


def _with_entry(serialized: bytes, key: bytes, value: bytes) -> bytes:
    """Put one more entry into its place in *serialized*."""
    count, place = int.from_bytes(serialized[:2], "big"), 2
    while place < len(serialized):
        key_end = place + 2 + int.from_bytes(serialized[place : place + 2], "big")
        if serialized[place + 2 : key_end] > key:
            break
        place = key_end + 2 + int.from_bytes(serialized[key_end : key_end + 2], "big")
    return b"".join(((count + 1).to_bytes(2, "big"), serialized[2:place], _entry(key, value), serialized[place:]))


class _Contexts(Memo[tuple[tuple[str, str], ...], EncryptionContext]):
    """Maps the pairs of a mapping, in its order, to the checked context."""

    def __missing__(self, pairs: tuple[tuple[str, str], ...]) -> EncryptionContext:
        context = EncryptionContext(pairs)
        self.keep(tuple(context.items()), context)  # the caller's strings may be of a class that holds more
        return context


_contexts = _Contexts(max_items=1024, max_item_bytes=16_384)
_EMPTY = EncryptionContext()
