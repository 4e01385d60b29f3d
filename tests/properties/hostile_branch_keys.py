"""Wrapped keys and items of branch keys that somebody made to cost as much as can be, in any length."""

from __future__ import annotations

import functools
import uuid
from typing import TYPE_CHECKING, Any

from tests.vectors.branch_key_forge import PROVIDER, TENANT_A, TENANT_A_OLD, TENANT_B, Version, wrapped_under
from tests.vectors.forge import Forgery, sized

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.properties.hostile import Maker

_WRAPPED = 123
_MISNAMED = TENANT_A_OLD._replace(version=TENANT_A.version)


def _wrapped_keys(make: Callable[[int, bytes], bytes]) -> Maker:
    def message(length: int) -> bytes:
        forgery = Forgery()
        keys = [make(number, forgery.secrets[0]) for number in range(length // _WRAPPED)]
        return Forgery(keys=keys).message(b"x")

    return message


def _version(number: int) -> Version:
    return TENANT_A._replace(version=uuid.UUID(int=number))


#: Messages of many data keys that are wrapped under branch keys, or look so; and how many bytes the smaller one has.
WRAPPED_KEYS: dict[str, tuple[Maker, int]] = {
    "each under a version that is not there": (
        _wrapped_keys(lambda number, data_key: wrapped_under(_version(number), data_key, b"")),
        3_000,
    ),
    "each for another context": (
        _wrapped_keys(lambda number, data_key: wrapped_under(TENANT_A, data_key, b"%d" % number)),
        3_000,
    ),
    "each under another version than it says": (
        _wrapped_keys(lambda _, data_key: wrapped_under(_MISNAMED, data_key, b"")),
        3_000,
    ),
    "each of a wrong length": (_wrapped_keys(lambda _, data_key: wrapped_under(TENANT_A, data_key + b"x", b"")), 3_000),
    "each under another branch key": (_wrapped_keys(lambda _, data_key: wrapped_under(TENANT_B, data_key, b"")), 3_000),
    "none of them any bytes": (
        lambda n: Forgery(keys=[sized(PROVIDER) + sized(b"tenant-a") + sized(b"")] * (n // 31)).message(b"x"),
        3_000,
    ),
}


def _item(**more: Any) -> dict[str, Any]:
    return {
        "branch-key-id": {"S": "tenant-a"},
        "type": {"S": "branch:ACTIVE"},
        "version": {"S": f"branch:version:{TENANT_A.version}"},
        "enc": {"B": b"ciphertext"},
        "kms-arn": {"S": ITEM_KEY_ARN},
        "create-time": {"S": "2026-11-28T12:00:00.000000Z"},
        "hierarchy-version": {"N": "1"},
        **more,
    }


ITEM_KEY_ARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
#: Items as DynamoDB's client gives them, of so many bytes.
ITEMS: dict[str, Callable[[int], dict[str, Any]]] = {
    "custom pairs": lambda n: _item(**{f"aws-crypto-ec:{number:04x}": {"S": ""} for number in range(n // 18)}),
    "a long custom value": lambda n: _item(**{"aws-crypto-ec:a": {"S": "é" * (n // 2)}}),
    "a long custom key": lambda n: _item(**{"aws-crypto-ec:" + "a" * n: {"S": "b"}}),
    "a long ciphertext": lambda n: _item(enc={"B": bytes(n)}),
    "another branch key ID": lambda n: _item(**{"branch-key-id": {"S": "a" * n}}),
    "a long version": lambda n: _item(version={"S": "branch:version:" + "a" * n}),
    "a long KMS key": lambda n: _item(**{"kms-arn": {"S": ITEM_KEY_ARN + "a" * n}}),
    "numbers in the place of texts": lambda n: _item(**{f"aws-crypto-ec:{k:04x}": {"N": "1"} for k in range(n // 18)}),
    "a deep map": lambda n: _item(more={"M": _deep_map(min(n // 5, 400))}),
    "nothing that belongs there": lambda n: {f"{number:04x}": {"S": ""} for number in range(n // 4)},
}


def _deep_map(levels: int) -> dict[str, Any]:
    return functools.reduce(lambda inner, _: {"a": {"M": inner}}, range(levels), {})
