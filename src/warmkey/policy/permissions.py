"""Work out the statements of each role: who encrypts, who decrypts, and who manages branch keys."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from warmkey.policy.branch_keys import administrator, reader, table_arn
from warmkey.policy.keys import decrypt_keys, encrypt_keys, required_keys
from warmkey.policy.statements import (
    ENCRYPTION_CONTEXT,
    ENCRYPTION_CONTEXT_KEYS,
    KIND,
    NO_CONDITION,
    Conditions,
    Statement,
    equals,
    is_absent,
    is_present,
    joined,
    only,
)
from warmkey.safe_repr import safe_repr
from warmkey.structures import KIND_KEY, PUBLIC_KEY_FIELD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from warmkey.lambda_runtime.settings import Settings
    from warmkey.policy.keys import Place

__all__ = ["ADMINISTRATOR", "DECRYPT", "ENCRYPT", "FUNCTION", "PLAIN", "Wanted", "permissions", "signs"]

FUNCTION, ENCRYPT, DECRYPT, ADMINISTRATOR = "function", "encrypt", "decrypt", "branch-key-administrator"
PLAIN = "plain"
# An attribute of every branch key's encryption context, which no message of a function has a use for.
_OF_A_BRANCH_KEY = f"{ENCRYPTION_CONTEXT}hierarchy-version"


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Says what a policy is for, beyond the settings.

    :ivar split: one role that encrypts and one that decrypts, instead of one that does both
    :ivar context_keys: the only encryption context keys that messages have; empty for any
    :ivar kinds: the only kinds of message, :data:`PLAIN` and those of :mod:`warmkey.client_apis.kinds`; empty for any
    :ivar branch_keys: the only branch keys, by their IDs; empty for any
    :ivar for_doctor: also what ``warmkey doctor`` reads where it may
    """

    split: bool = False
    context_keys: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    branch_keys: tuple[str, ...] = ()
    for_doctor: bool = False


def permissions(settings: Settings, place: Place, wanted: Wanted) -> dict[str, tuple[Statement, ...]]:
    """Return the statements of each role that the settings need.

    :raises ConfigurationError: a Region or an account is not known, or a policy can't say it
    """
    encrypt, decrypt = _encrypting(settings, place, wanted), _decrypting(settings, place, wanted)
    roles = {ENCRYPT: encrypt, DECRYPT: decrypt} if wanted.split else {FUNCTION: [*encrypt, *decrypt]}
    if wanted.for_doctor:
        roles = {name: [*statements, *_doctors(settings, place, statements)] for name, statements in roles.items()}
    if settings.branch_key_store_table is not None:
        roles[ADMINISTRATOR] = [*administrator(settings, place, wanted.branch_keys)]
    return {name: _distinct(statements) for name, statements in roles.items() if statements}


def _encrypting(settings: Settings, place: Place, wanted: Wanted) -> list[Statement]:
    found: list[Statement] = []
    if settings.branch_key_store_table is not None and settings.branch_key_encrypt:
        found += reader(settings, place, wanted.branch_keys)
    for action, resources, condition in encrypt_keys(settings, place):
        sid = {"kms:GenerateDataKey": "GenerateDataKeys", "kms:Encrypt": "WrapDataKeys"}[action]
        for kind, of_kind in _contexts(settings, wanted, signed=signs(settings)):
            found.append(_statement(sid + kind, action, resources, joined(condition, of_kind)))
    return found


def _decrypting(settings: Settings, place: Place, wanted: Wanted) -> list[Statement]:
    found: list[Statement] = []
    other = NO_CONDITION
    if settings.branch_key_store_table is not None:
        found += reader(settings, place, wanted.branch_keys)
        other = is_absent(_OF_A_BRANCH_KEY)
    keys = decrypt_keys(settings, place)
    # Which suite a message was encrypted with is its writer's choice, so any may be signed.
    for kind, of_kind in _contexts(settings, wanted, signed=True):
        found.append(_statement("DecryptDataKeys" + kind, "kms:Decrypt", keys, joined(other, of_kind)))
    return found


def _contexts(settings: Settings, wanted: Wanted, *, signed: bool) -> Iterator[tuple[str, Conditions]]:
    """Give the conditions on the encryption context: one, or one for plain messages and one for the other kinds.

    Each comes with what tells its statement from the other's.
    """
    required = is_present(ENCRYPTION_CONTEXT + key for key in required_keys(settings))
    others = tuple(kind for kind in wanted.kinds if kind != PLAIN)
    if not wanted.kinds:
        yield "", joined(required, _closed(settings, wanted, signed=signed, of_a_kind=True))
    if PLAIN in wanted.kinds:
        yield "OfPlainMessages", joined(required, is_absent(KIND), _closed(settings, wanted, signed=signed))
    if others:
        closed = _closed(settings, wanted, signed=signed, of_a_kind=True)
        yield "OfSomeKinds", joined(required, equals(KIND, others), closed)


def _closed(settings: Settings, wanted: Wanted, *, signed: bool, of_a_kind: bool = False) -> Conditions:
    """Return the condition that the encryption context has no other keys than those wanted."""
    if not wanted.context_keys:
        return NO_CONDITION
    keys = dict.fromkeys([*wanted.context_keys, *required_keys(settings)])
    if signed:
        keys[PUBLIC_KEY_FIELD] = None
    if of_a_kind:
        keys[KIND_KEY] = None
    return only(ENCRYPTION_CONTEXT_KEYS, keys)


def signs(settings: Settings) -> bool:
    """Return whether messages are encrypted with a suite that signs, whose context has one more key."""
    return settings.suite.signature is not None


def _doctors(settings: Settings, place: Place, statements: Sequence[Statement]) -> Iterator[Statement]:
    """Give what only the doctor needs: to describe the keys that *statements* are about, and the table."""
    keys = dict.fromkeys(arn for each in statements if each.actions[0].startswith("kms:") for arn in each.resources)
    if keys:
        yield _statement("DescribeKeys", "kms:DescribeKey", tuple(keys), NO_CONDITION)
    if settings.branch_key_store_table is not None:
        yield _statement("DescribeTheTable", "dynamodb:DescribeTable", (table_arn(settings, place),), NO_CONDITION)


def _distinct(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """Return *statements* without repetitions, each with a Sid of its own, as a policy must have them."""
    found: list[Statement] = []
    sids: Counter[str] = Counter()
    for statement in statements:
        if statement not in [replace(each, sid=statement.sid) for each in found]:
            sids[statement.sid] += 1
            number = sids[statement.sid]
            found.append(statement if number == 1 else replace(statement, sid=f"{statement.sid}{number}"))
    return tuple(found)


def _statement(sid: str, action: str, resources: tuple[str, ...], conditions: Conditions) -> Statement:
    return Statement(sid=sid, actions=(action,), resources=resources, conditions=conditions)
