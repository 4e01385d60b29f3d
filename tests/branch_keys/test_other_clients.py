"""Items and messages that the material providers library and the JavaScript client wrote, kept in a file.

``python -m tests.interop.write_branch_keys`` writes them again; `make interop` exchanges new ones.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.branch_keys.key_store import ACTIVE, BEACON
from tests.vectors.readers import COMMITTING, NOT_COMMITTING
from warmkey import AlgorithmSuite, KeyUnavailable
from warmkey.branch_keys import AwsKmsHierarchicalKeyring, BranchKeyStore
from warmkey.testing import FakeDynamoDb, FakeKms
from warmkey.testing.api_model import kms_error

CONTENT = json.loads((Path(__file__).parent / "other_clients.json").read_bytes())
ITEMS: list[dict[str, Any]] = CONTENT["items"]
MESSAGES: list[dict[str, Any]] = CONTENT["messages"]
TABLE = "branch-keys"
CLIENTS = ["MPL", "JavaScript"]


class RecordedKms(FakeKms):
    """Decrypts the ciphertexts of the file, under the encryption context that each was made with and no other."""

    def decrypt(self, **parameters: Any) -> dict[str, Any]:
        for kept in ITEMS:
            enc = base64.b64decode(kept["item"]["enc"]["B"])
            if enc == parameters["CiphertextBlob"] and kept["encryption context"] == parameters["EncryptionContext"]:
                return {"Plaintext": base64.b64decode(kept["plaintext"]), "KeyId": parameters["KeyId"]}
        raise kms_error("InvalidCiphertextException", "Decrypt", "")


@pytest.fixture
def dynamodb() -> FakeDynamoDb:
    fake = FakeDynamoDb()
    store(fake).create_table()
    for kept in ITEMS:
        fake.put(TABLE, {**kept["item"], "enc": {"B": base64.b64decode(kept["item"]["enc"]["B"])}})
    return fake


def store(dynamodb: FakeDynamoDb, name: str = CONTENT["logical key store name"]) -> BranchKeyStore:
    return BranchKeyStore(
        TABLE,
        logical_key_store_name=name,
        kms_key_arn=CONTENT["KMS key"],
        kms_client=RecordedKms(),
        dynamodb_client=dynamodb,
    )


def plaintext(branch_key_id: str, item_type: str) -> bytes:
    [found] = [
        base64.b64decode(kept["plaintext"])
        for kept in ITEMS
        if (kept["item"]["branch-key-id"]["S"], kept["item"]["type"]["S"]) == (branch_key_id, item_type)
    ]
    return found


@pytest.mark.parametrize("client", CLIENTS)
def test_their_items(dynamodb: FakeDynamoDb, client: str) -> None:
    branch_key_id = f"branch key of {client}"
    key_store = store(dynamodb)

    active = key_store.get_active_branch_key(branch_key_id)

    assert active.branch_key == plaintext(branch_key_id, ACTIVE)
    assert active.encryption_context == {"tenant": "ключ", "purpose": "example"}
    versions = {message["version"] for message in MESSAGES if message["branch key"] == branch_key_id}
    assert len(versions) == 2
    for version in versions:
        found = key_store.get_branch_key_version(branch_key_id, version)
        assert found.branch_key == plaintext(branch_key_id, f"branch:version:{version}")
        assert (found == active) is (version == active.branch_key_version)
    assert key_store.get_beacon_key(branch_key_id).beacon_key == plaintext(branch_key_id, BEACON)


def test_their_items_under_another_name(dynamodb: FakeDynamoDb) -> None:
    with pytest.raises(KeyUnavailable, match="InvalidCiphertextException"):
        store(dynamodb, "another").get_active_branch_key("branch key of MPL")


@pytest.mark.parametrize("message", MESSAGES, ids=[f"{each['written by']} {each['suite']}" for each in MESSAGES])
def test_their_messages(dynamodb: FakeDynamoDb, message: dict[str, Any]) -> None:
    keyring = AwsKmsHierarchicalKeyring(store(dynamodb), branch_key_id=message["branch key"], ttl_seconds=60)
    client = COMMITTING if AlgorithmSuite(int(message["suite"], 16)).commits else NOT_COMMITTING

    opened = client.decrypt(base64.b64decode(message["message"]), keyring=keyring)

    assert opened.plaintext == message["plaintext"].encode()
    assert message["context"].items() <= opened.encryption_context.items()
