"""Hold the statements of a policy and the conditions in them, and write them as AWS's JSON has them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from warmkey.exceptions import ConfigurationError
from warmkey.safe_repr import safe_repr
from warmkey.structures import KIND_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "ENCRYPTION_CONTEXT",
    "ENCRYPTION_CONTEXT_KEYS",
    "KIND",
    "LEADING_KEYS",
    "NO_CONDITION",
    "Conditions",
    "Statement",
    "document",
    "equals",
    "escaped",
    "is_absent",
    "is_present",
    "joined",
    "like",
    "one_or_several",
    "only",
]

Conditions: TypeAlias = "Mapping[str, Mapping[str, str | tuple[str, ...]]]"
"""Operator, then condition key, then what it is compared with."""

ENCRYPTION_CONTEXT = "kms:EncryptionContext:"
ENCRYPTION_CONTEXT_KEYS = "kms:EncryptionContextKeys"
LEADING_KEYS = "dynamodb:LeadingKeys"
KIND = ENCRYPTION_CONTEXT + KIND_KEY

NO_CONDITION: Conditions = MappingProxyType({})
_VERSION = "2012-10-17"
# What a policy document may consist of: IAM takes U+0020 to U+00FF.
_FIRST, _LAST = " ", "\xff"


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Allows actions on resources under conditions.

    :ivar sid: what it is for, in letters
    :ivar conditions: all of which must hold
    """

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Conditions

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON describes it."""
        found: dict[str, Any] = {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": one_or_several(self.actions),
            "Resource": one_or_several(self.resources),
        }
        if self.conditions:
            found["Condition"] = {
                operator: {key: one_or_several(value) for key, value in tests.items()}
                for operator, tests in self.conditions.items()
            }
        return found


def document(statements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a policy document of *statements*."""
    return {"Version": _VERSION, "Statement": [*statements]}


def one_or_several(values: str | tuple[str, ...]) -> str | list[str]:
    """Return *values* as a policy has them: one alone without a list."""
    if isinstance(values, str):
        return values
    return values[0] if len(values) == 1 else [*values]


# --- conditions


def equals(key: str, values: Iterable[str]) -> Conditions:
    """Return the condition that *key*, which has one value, has one of *values*."""
    return {"StringEquals": {_sayable(key): tuple(map(escaped, values))}}


def like(key: str, patterns: Iterable[str]) -> Conditions:
    """Return the condition that *key* matches one of *patterns*, where ``*`` is any text."""
    return {"StringLike": {_sayable(key): tuple(patterns)}}


def is_present(keys: Iterable[str]) -> Conditions:
    """Return the condition that a request has each of *keys*."""
    found: dict[str, str | tuple[str, ...]] = {_sayable(key): "false" for key in keys}
    return {"Null": found} if found else {}


def is_absent(key: str) -> Conditions:
    """Return the condition that a request does not have *key*."""
    return {"Null": {_sayable(key): "true"}}


def only(key: str, values: Iterable[str]) -> Conditions:
    """Return the condition that *key*, which has several values, has some and all of them are among *values*.

    ``ForAllValues`` holds for a request without the key, too, so the check that it is there goes with it.
    """
    return joined({"ForAllValues:StringEquals": {key: tuple(map(escaped, values))}}, is_present([key]))


def joined(*conditions: Conditions) -> Conditions:
    """Return the condition that all of *conditions* hold.

    :raises ConfigurationError: two of them say different things of one key
    """
    whole: dict[str, dict[str, str | tuple[str, ...]]] = {}
    for condition in conditions:
        for operator, tests in condition.items():
            block = whole.setdefault(operator, {})
            for key, value in tests.items():
                if block.setdefault(key, value) != value:
                    raise ConfigurationError(f"the policy would have to say two things of {key}")
    return whole


def escaped(text: str) -> str:
    """Return *text* as a policy names it, where ``${`` begins a variable.

    :raises ConfigurationError: a policy can't hold it
    """
    return _sayable(text).replace("${", "${$}{")


def _sayable(text: str) -> str:
    if any(not _FIRST <= character <= _LAST for character in text):
        raise ConfigurationError(
            "a policy can hold the characters U+0020 to U+00FF only, and a name that this policy has to hold has "
            f"others: {text!a}"
        )
    return text
