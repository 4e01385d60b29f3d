"""Write the statements that a key policy needs, for each key that the settings name.

A key policy decides first who may use a key. Either it names the role, or it lets the IAM policies of an account decide
by a statement whose principal is that account; without both, no IAM policy helps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from warmkey.exceptions import ConfigurationError
from warmkey.keyrings.aws_kms_key_arn import parse_kms_arn
from warmkey.policy.statements import one_or_several

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from warmkey.policy.keys import Place
    from warmkey.policy.statements import Statement

__all__ = ["key_policies", "principals"]


def principals(given: Sequence[str], place: Place) -> tuple[str, ...]:
    """Return whom the key policies allow: those *given*, or the account, whose IAM policies then decide.

    :raises ConfigurationError: none is given, and the account is not known
    """
    if given:
        return tuple(given)
    if place.account is None:
        raise ConfigurationError("whom the key policy should allow is not known: give --principal or --account")
    return (f"arn:{place.partition}:iam::{place.account}:root",)


def key_policies(roles: Mapping[str, Sequence[Statement]], allowed: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return, for each key ARN that the statements of *roles* name, the statements to add to its key policy.

    What is named by a wildcard, as under discovery, is left out: whose keys those are is not known.

    :param allowed: the principals
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for role, statements in roles.items():
        for statement in statements:
            for resource in statement.resources:
                arn = parse_kms_arn(resource)
                if arn is not None and "*" not in resource:
                    entry = _for_key(statement, role if len(roles) > 1 else "", allowed)
                    found.setdefault(resource, []).append(entry)
    return found


def _for_key(statement: Statement, role: str, allowed: Sequence[str]) -> dict[str, Any]:
    """Return *statement* as a key policy has it, where the resource is always the key itself."""
    of_role = role.title().replace("-", "")
    principal = one_or_several(tuple(allowed))
    whole = statement.as_dict() | {"Sid": statement.sid + of_role, "Resource": "*"}
    return {"Sid": whole.pop("Sid"), "Effect": whole.pop("Effect"), "Principal": {"AWS": principal}, **whole}
