"""Kinds of message that only their own opener takes: sealed records, tokens and durable checkpoints.

Each kind has one constant pair in its encryption context. A mark inside the plaintext would not do: where a program
encrypts what its users give it, a user could write a token. Callers of encrypt can't use the key of the pair, so no
plaintext turns a message into one of another kind, and KMS sees the kind in ``kms:EncryptionContext:warmkey-kind``.

Loaded only for messages that are not of the kind that was asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from warmkey.exceptions import PolicyRefused
from warmkey.structures import KIND_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KINDS", "Kind", "check_kind"]

Kind: TypeAlias = Literal["record", "token", "checkpoint"]


class _Name(NamedTuple):
    """How errors speak of a kind.

    :ivar opener: what takes messages of this kind
    """

    title: str
    opener: str


KINDS: Mapping[str, _Name] = {
    "record": _Name("a sealed record", "warmkey.unseal_record"),
    "token": _Name("a token", "warmkey.open_token"),
    "checkpoint": _Name("a durable checkpoint", "warmkey.durable.EncryptedSerDes"),
}
_PLAIN = _Name("a plain message", "warmkey.decrypt, or warmkey.decrypt_text for base64")
_UNKNOWN = _Name("of a kind that this version of warmkey does not know", "the version that wrote it")


def check_kind(stored: Mapping[str, str], supplied: Mapping[str, str], kind: Kind | None) -> None:
    """Check that a message may be opened as *kind*, or as a plain one if that is ``None``.

    :param stored: the encryption context in the message's header, not verified yet
    :param supplied: the caller's; whoever states the pair in it opens the message knowing what it is
    :raises PolicyRefused: it is of another kind
    """
    found = stored.get(KIND_KEY)
    if found == kind or (kind is None and supplied.get(KIND_KEY) == found):
        return
    is_, opener = _PLAIN if found is None else KINDS.get(found, _UNKNOWN)
    problem = f"the message is {is_}" if kind is None else f"the message is {is_}, not {KINDS[kind].title}"
    raise PolicyRefused(f"{problem}; open it with {opener}")
