"""Evaluate the conditions of a policy: the operators and condition keys that `warmkey policy` prints, and no others.

Whatever is not known here is an error when the policy is attached. A condition that was passed over would allow what
AWS denies, and the test that attached the policy would pass for nothing.

Source: the IAM User Guide, "Multivalued context keys" and "Condition operators"; the AWS KMS Developer Guide, "AWS KMS
condition keys".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = [
    "ENCRYPTION_CONTEXT",
    "ENCRYPTION_CONTEXT_KEYS",
    "LEADING_KEYS",
    "REQUEST_ALIAS",
    "Condition",
    "UnsupportedPolicy",
    "conditions_of",
    "pattern",
    "texts",
]

# Names of condition keys ignore case, so they are in lower case throughout.
ENCRYPTION_CONTEXT: Final = "kms:encryptioncontext:"
ENCRYPTION_CONTEXT_KEYS: Final = "kms:encryptioncontextkeys"
REQUEST_ALIAS: Final = "kms:requestalias"
LEADING_KEYS: Final = "dynamodb:leadingkeys"

_MULTIVALUED: Final = (ENCRYPTION_CONTEXT_KEYS, LEADING_KEYS)
_QUALIFIERS: Final = ("ForAllValues", "ForAnyValue")
_OPERATORS: Final = ("StringEquals", "StringLike", "Null")
# The only variables: they stand for the characters that have a meaning of their own.
_ESCAPED: Final = re.compile(r"\$\{([*?$])\}|\$\{|([*?])")


class UnsupportedPolicy(ValueError):
    """The fake can't evaluate this policy, or AWS would not take it."""


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Tests one condition key of a request.

    :ivar qualifier: ``ForAllValues``, ``ForAnyValue`` or empty
    :ivar matches: whether a value of the request is one that the policy names; for ``Null`` unused
    :ivar wants_absence: for ``Null``: whether the key must be absent
    """

    qualifier: str
    operator: str
    key: str
    matches: Callable[[str], bool]
    wants_absence: bool = False

    def holds(self, keys: Mapping[str, Sequence[str]]) -> bool:
        """Return whether it holds for a request with the condition *keys*, by their names in lower case.

        :raises UnsupportedPolicy: the request has the key twice, in upper and lower case
        """
        values = keys.get(self.key, ())
        if self.operator == "Null":
            return self.wants_absence is not bool(values)
        if self.qualifier == "ForAllValues":
            return all(map(self.matches, values))
        if self.qualifier == "ForAnyValue":
            return any(map(self.matches, values))
        if len(values) > 1:
            raise UnsupportedPolicy(f"the request has {self.key} more than once, in upper and lower case")
        return any(map(self.matches, values))


def conditions_of(block: Any) -> Iterator[Condition]:  # noqa: ANN401 - JSON
    """Give the conditions of a statement, which must all hold.

    :raises UnsupportedPolicy: an operator or a condition key is not known, or is used as AWS advises against
    """
    for name, tests in _object(block, "Condition").items():
        qualifier, _, operator = name.rpartition(":")
        if operator not in _OPERATORS or (qualifier and qualifier not in _QUALIFIERS):
            raise UnsupportedPolicy(f"the condition operator {name!r} is not known; known: {', '.join(_OPERATORS)}")
        for key, values in _object(tests, name).items():
            yield _condition(qualifier, operator, key, texts(values, f"{name} {key}"))


def _condition(qualifier: str, operator: str, name: str, values: tuple[str, ...]) -> Condition:
    key = name.lower()
    is_context_pair = key.startswith(ENCRYPTION_CONTEXT) and key != ENCRYPTION_CONTEXT
    if not is_context_pair and key not in (*_MULTIVALUED, REQUEST_ALIAS):
        raise UnsupportedPolicy(f"the condition key {name!r} is not known")
    if operator == "Null":
        if qualifier or values not in (("true",), ("false",)):
            raise UnsupportedPolicy(
                f"Null must say true or false of {name!r}, once and without {qualifier or 'a list'}"
            )
        return Condition(qualifier="", operator=operator, key=key, matches=bool, wants_absence=values == ("true",))
    if (key in _MULTIVALUED) != bool(qualifier):
        needed = f"needs one of {' and '.join(_QUALIFIERS)}" if not qualifier else "has one value, so no set operator"
        raise UnsupportedPolicy(f"the condition key {name!r} {needed}")
    patterns = [pattern(value, wildcards=operator == "StringLike") for value in values]
    return Condition(
        qualifier=qualifier,
        operator=operator,
        key=key,
        matches=lambda value: any(each.fullmatch(value) for each in patterns),
    )


def pattern(text: str, *, wildcards: bool, ignore_case: bool = False) -> re.Pattern[str]:
    """Return what matches *text* of a policy, with ``*`` and ``?`` as wildcards or as they are.

    :raises UnsupportedPolicy: it has a policy variable
    """
    parts, end = [], 0
    for found in _ESCAPED.finditer(text):
        parts.append(re.escape(text[end : found.start()]))
        end = found.end()
        literal, wildcard = found.groups()
        if literal is None and wildcard is None:
            raise UnsupportedPolicy(f"{text!r} has a policy variable; none is known but ${{*}}, ${{?}} and ${{$}}")
        is_wildcard = wildcard is not None and wildcards
        parts.append({"*": ".*", "?": "."}[wildcard] if is_wildcard else re.escape(literal or wildcard))
    parts.append(re.escape(text[end:]))
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def texts(value: Any, where: str) -> tuple[str, ...]:  # noqa: ANN401 - JSON
    """Return the texts of a JSON text or list; ``true`` and ``false`` are texts too.

    :raises UnsupportedPolicy: it is something else, or empty
    """
    items = value if isinstance(value, list) else [value]
    found = tuple(str(item).lower() if isinstance(item, bool) else item for item in items)
    if not found or not all(isinstance(item, str) and item for item in found):
        raise UnsupportedPolicy(f"{where} must be a text or a list of texts, none of them empty")
    return found


def _object(value: Any, where: str) -> Mapping[str, Any]:  # noqa: ANN401 - JSON
    if not isinstance(value, dict):
        raise UnsupportedPolicy(f"{where} must be an object")
    return value
