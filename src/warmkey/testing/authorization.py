"""Decide whether a role may make a request, by its own policies, the key policy and grants together.

A key decides first: its policy allows the role by name, or it lets the IAM policies of an account decide, or nobody
may use it. Across accounts both must allow.

Source: the AWS KMS Developer Guide, "Determining access to AWS KMS keys".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from warmkey.safe_repr import safe_repr
from warmkey.testing.policies import Access, Effect, Policy, decide
from warmkey.testing.policy_conditions import (
    ENCRYPTION_CONTEXT,
    ENCRYPTION_CONTEXT_KEYS,
    REQUEST_ALIAS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PolicyHolder", "Role", "default_key_policy", "kms_keys", "refusal_of_key", "refusal_of_role"]

_SESSION: Final = "fake-session"


@safe_repr
@dataclass(frozen=True, slots=True)
class Role:
    """Holds an IAM role: its ARN, and the ID that is never given to another role, whatever its name."""

    arn: str
    unique_id: str

    @property
    def account(self) -> str:
        """Return the account of the role."""
        return self.arn.split(":")[4]

    @property
    def user(self) -> str:
        """Return how AWS's errors name who made a request."""
        partition, name = self.arn.split(":")[1], self.arn.rpartition("/")[2]
        return f"arn:{partition}:sts::{self.account}:assumed-role/{name}/{_SESSION}"

    def root(self) -> tuple[str, str]:
        """Return the two ways in which a key policy names the whole account."""
        return f"arn:{self.arn.split(':')[1]}:iam::{self.account}:root", self.account


class PolicyHolder:
    """Offers the part of a fake that tests attach identity policies to."""

    _policies: tuple[Policy, ...] | None = None

    def attach_policy(self, document: Mapping[str, Any] | str) -> None:
        """Attach an identity policy to the client's role, as JSON or as what JSON describes.

        Without one, everything is allowed. With one or several, what none of them allows is denied.

        :raises UnsupportedPolicy: it has an operator, a condition key or an element that the fake can't evaluate
        """
        self._policies = (*(self._policies or ()), Policy.of(document))

    def detach_policies(self) -> None:
        """Take all identity policies away, so that everything is allowed again."""
        self._policies = None


def default_key_policy(partition: str, account: str) -> dict[str, Any]:
    """Return the key policy that a key has if nobody gives it another one."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }


def kms_keys(context: Mapping[str, str], key_id: str | None) -> dict[str, tuple[str, ...]]:
    """Return the condition keys of a request with this encryption context and this ``KeyId``."""
    keys: dict[str, tuple[str, ...]] = {}
    for key, value in context.items():
        name = (ENCRYPTION_CONTEXT + key).lower()
        keys[name] = (*keys.get(name, ()), value)
    if context:
        keys[ENCRYPTION_CONTEXT_KEYS] = tuple(context)
    if key_id is not None and "alias/" in key_id:
        keys[REQUEST_ALIAS] = (key_id[key_id.index("alias/") :],)
    return keys


def refusal_of_role(access: Access, *, role: Role, policies: tuple[Policy, ...] | None) -> str | None:
    """Return why *policies* of *role* don't allow *access*, in the words of AWS, or ``None``."""
    effect = Effect.ALLOW if policies is None else decide(policies, access)
    if effect is Effect.DENY:
        return _denied(access, role, "with an explicit deny in an identity-based policy")
    return None if effect is Effect.ALLOW else _not_allowed(access, role, "identity-based")


def refusal_of_key(
    access: Access, *, role: Role, policies: tuple[Policy, ...] | None, key_policy: Policy | None, has_grant: bool
) -> str | None:
    """Return why *role* may not use a key, in the words of AWS, or ``None``.

    :param key_policy: of the key; ``None`` for the default, which lets the IAM policies of its account decide
    :param has_grant: whether a grant permits it, which a denial overrides
    """
    by_role = refusal_of_role(access, role=role, policies=policies)
    if by_role is not None and "explicit deny" in by_role:
        return by_role
    owner = access.resource.split(":")[4]
    direct, delegated = _of_key_policy(access, role, key_policy, owner)
    if Effect.DENY in (direct, delegated):
        return _denied(access, role, "with an explicit deny in a resource-based policy")
    if has_grant:
        return None
    if direct is None and delegated is None:
        return _not_allowed(access, role, "resource-based")
    return None if direct is Effect.ALLOW and owner == role.account else by_role


def _of_key_policy(
    access: Access, role: Role, key_policy: Policy | None, owner: str
) -> tuple[Effect | None, Effect | None]:
    """Return what the key policy says of the role itself, and of its account."""
    if key_policy is None:
        return None, Effect.ALLOW if owner == role.account else None
    direct = key_policy.decide(access, ("*", role.arn, role.unique_id))
    return direct, key_policy.decide(access, role.root())


def _denied(access: Access, role: Role, why: str) -> str:
    return f"User: {role.user} is not authorized to perform: {access.action} on resource: {access.resource} {why}"


def _not_allowed(access: Access, role: Role, kind: str) -> str:
    return _denied(access, role, f"because no {kind} policy allows the {access.action} action")
