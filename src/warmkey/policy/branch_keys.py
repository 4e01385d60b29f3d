"""Work out what branch keys need: of the functions that use them, and of those who create and rotate them.

The encryption context of a branch key is its item in the table, so a policy can name the key store, the branch key and
the kind of item.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.branch_keys.items import BRANCH_KEY_ID, TYPE
from warmkey.policy.keys import discovered_keys, with_replicas
from warmkey.policy.statements import (
    ENCRYPTION_CONTEXT,
    LEADING_KEYS,
    NO_CONDITION,
    Conditions,
    Statement,
    equals,
    joined,
    like,
    only,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey.lambda_runtime.settings import Settings
    from warmkey.policy.keys import Place

__all__ = ["administrator", "reader", "table_arn"]

# A branch key is in items of this type; a beacon key, which no function of ours reads, is not.
_BRANCH_KEYS = "branch:*"


def reader(settings: Settings, place: Place, branch_keys: Sequence[str]) -> tuple[Statement, ...]:
    """Return what a function needs to encrypt and decrypt under branch keys.

    :param branch_keys: the only ones, by their IDs; empty for those that the settings allow
    """
    ids = _ids(settings, branch_keys)
    return (
        Statement(
            sid="ReadBranchKeys",
            actions=("dynamodb:GetItem",),
            resources=(table_arn(settings, place),),
            conditions=_of_items(ids),
        ),
        Statement(
            sid="DecryptBranchKeys",
            actions=("kms:Decrypt",),
            resources=_kms_keys(settings, place),
            conditions=joined(_of_key_store(settings, ids), like(ENCRYPTION_CONTEXT + TYPE, [_BRANCH_KEYS])),
        ),
    )


def administrator(settings: Settings, place: Place, branch_keys: Sequence[str]) -> tuple[Statement, ...]:
    """Return what ``warmkey keystore`` needs to create, rotate, list and show branch keys; nothing reads one.

    Under discovery without a KMS key of the settings there is none to protect new branch keys with.

    :param branch_keys: the only ones, by their IDs; then they can't be listed, which reads the whole table
    """
    if not settings.kms_key_arns:
        return ()
    ids, table = _ids(settings, branch_keys), (table_arn(settings, place),)
    actions = ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query")
    items = Statement(sid="WriteBranchKeys", actions=actions, resources=table, conditions=_of_items(ids))
    every = Statement(sid="ListBranchKeys", actions=("dynamodb:Scan",), resources=table, conditions=NO_CONDITION)
    keys = Statement(
        sid="MakeBranchKeys",
        actions=("kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"),
        resources=with_replicas(settings.kms_key_arns, place),
        conditions=_of_key_store(settings, ids),
    )
    return (items, keys) if ids else (items, every, keys)


def table_arn(settings: Settings, place: Place) -> str:
    """Return the ARN of the table.

    :raises ConfigurationError: its Region or its account is not known
    """
    return place.arn("dynamodb", f"table/{settings.branch_key_store_table}")


def _ids(settings: Settings, branch_keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(branch_keys) or ((settings.branch_key_id,) if settings.branch_key_id is not None else ())


def _of_items(ids: tuple[str, ...]) -> Conditions:
    return only(LEADING_KEYS, ids) if ids else NO_CONDITION


def _of_key_store(settings: Settings, ids: tuple[str, ...]) -> Conditions:
    of_store = equals(f"{ENCRYPTION_CONTEXT}tablename", [settings.key_store_name])
    return joined(of_store, equals(ENCRYPTION_CONTEXT + BRANCH_KEY_ID, ids)) if ids else of_store


def _kms_keys(settings: Settings, place: Place) -> tuple[str, ...]:
    """Return the KMS keys that protect branch keys: the configured one, or under discovery those in this Region."""
    if not settings.kms_mode.discovers:
        return with_replicas(settings.kms_key_arns, place)
    return discovered_keys(settings, place, dict.fromkeys(filter(None, [place.region, *place.replica_regions])))
