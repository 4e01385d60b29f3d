"""Say what a person has to know of a policy that its statements don't say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from warmkey.policy.keys import encryption_identifiers, required_keys
from warmkey.policy.permissions import ADMINISTRATOR, signs
from warmkey.structures import KIND_KEY, PUBLIC_KEY_FIELD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from warmkey.lambda_runtime.settings import Settings
    from warmkey.policy.permissions import Wanted
    from warmkey.policy.statements import Statement

__all__ = ["notes", "on_key_policies"]

# Without white space. Of a role's inline policies all together.
_LONGEST_MANAGED_POLICY, _LONGEST_INLINE_POLICY = 6144, 10240


def notes(
    settings: Settings, wanted: Wanted, policies: Mapping[str, Any], *, account_is_assumed: bool
) -> Iterator[str]:
    """Give the notes on *policies*, which are of these settings.

    :param account_is_assumed: whether the account of the table is that of the KMS key for want of a better one
    """
    yield from _on_contexts(settings, wanted)
    yield from _on_keys(settings)
    if settings.branch_key_store_table is not None:
        yield from _on_branch_keys(settings, wanted, policies, account_is_assumed=account_is_assumed)
    for name, policy in policies.items():
        length = len(json.dumps(policy, separators=(",", ":")))
        if length > _LONGEST_MANAGED_POLICY:
            yield (
                f"The policy {name} has {length} characters; IAM takes {_LONGEST_MANAGED_POLICY} in a managed policy "
                f"and {_LONGEST_INLINE_POLICY} in the inline policies of a role together."
            )


def _on_contexts(settings: Settings, wanted: Wanted) -> Iterator[str]:
    keys = required_keys(settings)
    if keys:
        yield (
            f"The conditions want these keys in the encryption context: {', '.join(keys)}. AWS ignores upper and lower "
            "case in them; warmkey does not."
        )
    else:
        yield (
            "Nothing is said of the encryption context, because WARMKEY_REQUIRED_CONTEXT_KEYS is not set: the role may "
            "use the keys with any."
        )
    if not wanted.context_keys:
        if signs(settings):
            yield (
                f"The algorithm suite signs, so the encryption context that KMS sees also has {PUBLIC_KEY_FIELD}. A "
                "condition of yours on kms:EncryptionContextKeys must allow that key, or every message is denied."
            )
    elif signs(settings):
        yield (
            f"{PUBLIC_KEY_FIELD} is among the allowed keys because the algorithm suite signs: the encryption context "
            "that KMS sees has it in every message."
        )
    else:
        yield (
            f"{PUBLIC_KEY_FIELD} is among the allowed keys for decrypting only, where a message may be signed; the "
            "algorithm suite to encrypt with is not."
        )
    if not wanted.kinds:
        yield (
            f"Sealed records and tokens have {KIND_KEY} in their encryption context. The role may use every kind; "
            "--kinds restricts it."
        )


def _on_keys(settings: Settings) -> Iterator[str]:
    if settings.kms_mode.discovers and not settings.discovery_accounts:
        yield (
            "WARMKEY_DISCOVERY_ACCOUNTS is not set, so the role may decrypt with keys of any account that lets it. Set "
            "it, and the policy names those accounts."
        )
    if any("alias/" in key for key in encryption_identifiers(settings)):
        yield (
            "A key is named by an alias. IAM has no ARN for what an alias stands for, so the statement names all keys "
            "of the account and Region, and the condition kms:RequestAlias holds the alias."
        )


def on_key_policies(roles: Mapping[str, Sequence[Statement]]) -> Iterator[str]:
    """Give the note on key policies that can't be written for the statements of *roles*."""
    resources = [resource for statements in roles.values() for each in statements for resource in each.resources]
    if any(":kms:" in resource and "*" in resource for resource in resources):
        yield (
            "Keys that are named by an alias or found by discovery are not known here: their key policies, which must "
            "allow the same as the IAM policy, are not among these."
        )


def _on_branch_keys(
    settings: Settings, wanted: Wanted, policies: Mapping[str, Any], *, account_is_assumed: bool
) -> Iterator[str]:
    if account_is_assumed:
        yield "The table is taken to be in the account of the KMS key; --account says otherwise."
    if settings.branch_key_id is None and not wanted.branch_keys:
        yield (
            "The role may use every branch key of the table, because WARMKEY_BRANCH_KEY_CONTEXT_KEY chooses it by "
            "message; --branch-keys restricts it to some."
        )
    if ADMINISTRATOR in policies:
        yield (
            "branch-key-administrator is for the role that creates and rotates branch keys (warmkey keystore). A "
            "function does not need it."
        )
