"""Read the items of branch keys: of who can write the table, and of who may also use the KMS key that protects them."""

from __future__ import annotations

import copy
import functools
import io
import itertools
import json
import re
from argparse import Namespace
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any, NamedTuple

from fuzz.mutation import changed_document, json_of
from fuzz.promise import SECRET, attempt, check
from fuzz.sealed_documents import data_of, document_of
from fuzz.target import Target
from warmkey.branch_keys import BranchKeyStore
from warmkey.cli.keystore import list_branch_keys
from warmkey.cli.keystore import show as show_branch_key
from warmkey.testing import FakeDynamoDb, FakeKms

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

    from warmkey.branch_keys import BeaconKeyMaterials, BranchKeyMaterials

__all__ = ["TARGET"]

_TABLE = "branch-keys"
_CUSTOM = "aws-crypto-ec:"
_IDS = ("tenant-a", "tenant-b")
_TYPES = ("branch:ACTIVE", "branch:version:", "beacon:ACTIVE")
_NUMBER = re.compile(r"-?[0-9]{1,38}(?:E-?[0-9]{1,3})?")
_TAGS = {"S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"}
_WORDS = (
    *(*sorted(_TAGS), "1", "2", *_IDS, *_TYPES[:1], *_TYPES[2:]),
    *("branch-key-id", "type", "enc", "kms-arn", "create-time", "hierarchy-version", "version", "tablename"),
    *("aws-crypto-ec:purpose", "aws-crypto-ec:", "$kms-arn", "$enc 0 0", "$enc 1 0", "$enc 0 2", "item", "ask", "wrap"),
)


class _World(NamedTuple):
    """A key store with two branch keys, and what it holds.

    :ivar texts: what stands for texts that are different in each process, such as ARNs and UUIDs
    :ivar items: by branch key, then by type
    """

    kms: FakeKms
    client: _Answering
    store: BranchKeyStore
    texts: dict[str, str]
    items: list[list[dict[str, Any]]]


class _Answering(FakeDynamoDb):
    """Answers every read with one item."""

    item: dict[str, Any] | None = None

    def get_item(self, **parameters: object) -> dict[str, Any]:
        """Return it, whatever was asked for."""
        return super().get_item(**parameters) if self.item is None else {"Item": copy.deepcopy(self.item)}

    def query(self, **parameters: object) -> dict[str, Any]:
        """Return it alone."""
        return super().query(**parameters) if self.item is None else {"Items": [copy.deepcopy(self.item)]}

    scan = query


_worlds: list[_World] = []


@contextmanager
def world() -> Iterator[None]:
    """Make the key store."""
    _worlds.append(_new_world())
    try:
        yield
    finally:
        _worlds.pop()


def _new_world() -> _World:
    kms, client = FakeKms(), _Answering()
    store = BranchKeyStore(_TABLE, kms_client=kms, dynamodb_client=client, kms_key_arn=kms.create_key())
    store.create_table()
    items, texts = [], {}
    for number, branch_key_id in enumerate(_IDS):
        store.create_key(branch_key_id, {"purpose": SECRET})
        found = {
            item["type"]["S"]: item for item in client.items(_TABLE) if item["branch-key-id"]["S"] == branch_key_id
        }
        items.append([next(found[key] for key in found if key.startswith(kind)) for kind in _TYPES])
        texts[f"$version {number}"] = items[-1][1]["type"]["S"].removeprefix(_TYPES[1])
        texts[f"$created {number}"] = items[-1][0]["create-time"]["S"]
    texts["$kms-arn"] = items[0][0]["kms-arn"]["S"]
    return _World(kms, client, store, texts, items)


def seeds() -> list[bytes]:
    """Return each item, as it is and wrapped by someone else."""
    found = []
    made = _new_world()
    for number, of_one in enumerate(made.items):
        for kind, item in enumerate(of_one):
            shown = {**item, "enc": {"B": f"$enc {number} {kind}"}}
            text = json.dumps(shown)
            for name, value in made.texts.items():
                text = text.replace(value, name)
            document = {"ask": [number, kind], "item": json.loads(text)}
            found += [json_of(document), json_of({**document, "wrap": 32})]
    return found


def change(data: bytes, source: Random, others: Sequence[bytes]) -> bytes:
    """Change the document."""
    return changed_document(data, source, others, _WORDS)


def test(data: bytes) -> None:
    """Only an item that was asked for is used, unchanged or wrapped by who may use the KMS key; lists stay lists."""
    made = _worlds[-1]
    document = document_of(data)
    number, kind = _asked(document.get("ask"))
    original = made.items[number][kind]
    item = _item(document.get("item"), made)
    if "wrap" in document:
        _wrap(item, document["wrap"], made)
    made.client.item = item
    read = attempt(lambda: _read(made, number, kind), secret=_secret(item))
    if "wrap" not in document:
        check((read.error is None) == (item == original), "used an item that was changed, or refused one that was not")
    if read.error is None:
        _check_materials(read.value, item, number, kind)
    _check_lists(made.client, item)


def _asked(ask: object) -> tuple[int, int]:
    match ask:
        case [int(number), int(kind)]:
            return number % len(_IDS), kind % len(_TYPES)
    return 0, 0


def _item(found: Any, made: _World) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return the item that a document spells, as far as DynamoDB's client could give it."""
    text = json.dumps(found if isinstance(found, dict) else {})
    for name, value in made.texts.items():
        text = text.replace(name, value)
    item = {}
    for name, value in json.loads(text).items():
        if isinstance(value, dict) and len(value) == 1 and set(value) <= _TAGS:
            ((tag, given),) = value.items()
            item[name] = {tag: _typed(tag, given, made)}
    return item


def _typed(tag: str, given: Any, made: _World) -> Any:  # noqa: ANN401 - as DynamoDB's client gives it
    if tag == "B":
        match str(given).split(" "):
            case ["$enc", number, kind] if number in ("0", "1") and kind in ("0", "1", "2"):
                return made.items[int(number)][int(kind)]["enc"]["B"]
        return data_of(given)
    if tag == "N":  # which the service writes, in up to 38 digits
        return str(given) if _NUMBER.fullmatch(str(given)) else "0"
    return str(given).encode("utf-8", "replace").decode() if tag == "S" else given


def _wrap(item: dict[str, Any], length: object, made: _World) -> None:
    """Have KMS encrypt a key of *length* bytes under whatever the item says."""
    context = {name: str(next(iter(value.values()))) for name, value in item.items() if name != "enc"}
    context = {key: value for key, value in context.items() if key and value and (key + value).isprintable()}
    size = length % 64 + 1 if isinstance(length, int) else 32
    context["tablename"] = _TABLE
    answer = made.kms.encrypt(KeyId=made.texts["$kms-arn"], Plaintext=bytes(size), EncryptionContext=context)
    item["enc"] = {"B": answer["CiphertextBlob"]}


def _read(made: _World, number: int, kind: int) -> BranchKeyMaterials | BeaconKeyMaterials:
    branch_key_id = _IDS[number]
    if kind == 0:
        return made.store.get_active_branch_key(branch_key_id)
    if kind == 1:
        return made.store.get_branch_key_version(branch_key_id, made.texts[f"$version {number}"])
    return made.store.get_beacon_key(branch_key_id)


def _secret(item: dict[str, Any]) -> str | None:
    """Return what an error must not tell: a custom value, unless it is somewhere else as well."""
    others = {name: value for name, value in item.items() if not name.startswith(_CUSTOM)}
    return None if SECRET in repr(others) or SECRET in repr(list(item)) else SECRET


def _check_materials(materials: Any, item: dict[str, Any], number: int, kind: int) -> None:  # noqa: ANN401 - of either kind
    key = materials.beacon_key if kind == len(_TYPES) - 1 else materials.branch_key
    check(len(key) == 32, "a key of another length")  # noqa: PLR2004 - the format's
    check(SECRET not in repr(materials) and repr(key) not in repr(materials), "materials that show what they hold")
    custom = {name.removeprefix(_CUSTOM): value["S"] for name, value in item.items() if name.startswith(_CUSTOM)}
    check(dict(materials.encryption_context) == custom, "another custom encryption context")
    check(item["branch-key-id"] == {"S": _IDS[number]}, "another branch key than was asked for")


def _check_lists(client: _Answering, item: dict[str, Any]) -> None:
    """Check what `warmkey keystore` tells of a table with this item: nothing secret, and each line a line."""
    for show, as_json in itertools.product((list_branch_keys, show_branch_key), (False, True)):
        arguments = Namespace(
            table=_TABLE,
            region=None,
            branch_key_id=_IDS[0],
            json=as_json,
            quiet=True,
            dynamodb_clients=lambda _: client,
        )
        with redirect_stdout(io.StringIO()) as printed:
            attempt(functools.partial(show, arguments, lambda _: None), secret=_secret(item))
        for line in printed.getvalue().splitlines():
            check(line.isprintable(), "a line that is not text")
            check(SECRET not in line or _secret(item) is None, "a line that tells a secret")


TARGET = Target(seeds=seeds, change=change, test=test, world=world)
