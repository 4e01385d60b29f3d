"""Read IAM policies and key policies, and decide what they say of a request.

Source: the IAM User Guide, "IAM JSON policy elements reference" and "Policy evaluation logic".
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from warmkey.choices import Choice
from warmkey.safe_repr import safe_repr
from warmkey.testing.policy_conditions import Condition, UnsupportedPolicy, conditions_of, pattern, texts

if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Mapping, Sequence

__all__ = ["Access", "Effect", "Policy", "decide"]

_VERSION: Final = "2012-10-17"
_ELEMENTS: Final = ("Sid", "Effect", "Principal", "Action", "Resource", "Condition")
# Principals that a function's role is not: their statements say nothing of it.
_OTHER_PRINCIPALS: Final = ("Service", "Federated", "CanonicalUser")


class Effect(Choice, Enum):
    """Says what a policy does with a request that one of its statements is about."""

    ALLOW = "Allow"
    DENY = "Deny"


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Holds what a request needs: one action on one resource, and the condition keys that it comes with.

    :ivar keys: the values of each condition key, by its name in lower case; not in the ``repr``
    """

    action: str
    resource: str
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement:
    effect: Effect
    principals: tuple[str, ...]
    actions: tuple[re.Pattern[str], ...]
    resources: tuple[re.Pattern[str], ...]
    conditions: tuple[Condition, ...]

    def is_about(self, access: Access) -> bool:
        return (
            any(action.fullmatch(access.action) for action in self.actions)
            and any(resource.fullmatch(access.resource) for resource in self.resources)
            and all(condition.holds(access.keys) for condition in self.conditions)
        )


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Holds a policy that can be evaluated. A key policy has principals, an identity policy has none.

    :ivar document: as it was given
    """

    document: Mapping[str, Any] = field(repr=False)
    statements: tuple[_Statement, ...] = field(repr=False)

    @staticmethod
    def of(document: Mapping[str, Any] | str, *, of_key: bool = False) -> Policy:
        """Read a policy document, as JSON or as what JSON describes.

        :param of_key: it is a key policy
        :raises UnsupportedPolicy: it is not a policy, or it has something that the fake can't evaluate
        """
        try:
            parsed = json.loads(document if isinstance(document, str) else json.dumps(document))
        except (TypeError, ValueError) as error:
            raise UnsupportedPolicy(f"the policy is not JSON: {type(error).__name__}") from None
        if not isinstance(parsed, dict) or parsed.get("Version") != _VERSION:
            raise UnsupportedPolicy(f'the policy must be an object with "Version": "{_VERSION}"')
        found = parsed.get("Statement")
        statements = found if isinstance(found, list) else [found]
        return Policy(document=parsed, statements=tuple(_statement(each, of_key=of_key) for each in statements))

    def renamed(self, arn: str, unique_id: str) -> Policy:
        """Return this key policy where the principal *arn* is *unique_id*, as AWS shows a role that was deleted."""
        renamed = json.loads(json.dumps(self.document).replace(json.dumps(arn), json.dumps(unique_id)))
        return Policy.of(renamed, of_key=True)

    def decide(self, access: Access, principals: Collection[str] = ("",)) -> Effect | None:
        """Return what the statements about any of *principals* say of *access*; ``None`` if they say nothing."""
        effects = {
            statement.effect
            for statement in self.statements
            if not set(statement.principals).isdisjoint(principals) and statement.is_about(access)
        }
        return Effect.DENY if Effect.DENY in effects else next(iter(effects), None)


def decide(policies: Sequence[Policy], access: Access) -> Effect | None:
    """Return what identity policies say of *access* together: a denial wins."""
    effects = [policy.decide(access) for policy in policies]
    return next((effect for effect in (Effect.DENY, Effect.ALLOW) if effect in effects), None)


def _statement(found: Any, *, of_key: bool) -> _Statement:  # noqa: ANN401 - JSON
    if not isinstance(found, dict):
        raise UnsupportedPolicy("Statement must be an object or a list of objects")
    for element in found:
        if element not in _ELEMENTS:
            raise UnsupportedPolicy(f"the element {element!r} of a statement is not known")
    if ("Principal" in found) != of_key:
        raise UnsupportedPolicy("a statement of a key policy has a Principal, and one of an identity policy has none")
    if found.get("Effect") not in {effect.value for effect in Effect}:
        raise UnsupportedPolicy("Effect must be Allow or Deny")
    return _Statement(
        effect=Effect(found["Effect"]),
        principals=_principals(found["Principal"]) if of_key else ("",),
        actions=_patterns(found, "Action", ignore_case=True),
        resources=_patterns(found, "Resource"),
        conditions=tuple(conditions_of(found.get("Condition", {}))),
    )


def _patterns(found: Mapping[str, Any], element: str, *, ignore_case: bool = False) -> tuple[re.Pattern[str], ...]:
    values = texts(found.get(element), element)
    return tuple(pattern(value, wildcards=True, ignore_case=ignore_case) for value in values)


def _principals(found: Any) -> tuple[str, ...]:  # noqa: ANN401 - JSON
    if found == "*":
        return ("*",)
    if not isinstance(found, dict):
        raise UnsupportedPolicy('Principal must be "*" or an object')
    for kind in found:
        if kind not in ("AWS", *_OTHER_PRINCIPALS):
            raise UnsupportedPolicy(f"the principal {kind!r} is not known")
    return texts(found["AWS"], "Principal") if "AWS" in found else ()
