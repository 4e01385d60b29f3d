"""A key store over fakes, as the tests beside it set it up."""

from __future__ import annotations

from typing import Any

from warmkey.branch_keys import BranchKeyStore
from warmkey.testing import FakeDynamoDb, FakeKms, Recorder

__all__ = ["ACTIVE", "BEACON", "CONTEXT", "ID", "TABLE", "KeyStore", "version_type"]

TABLE = "branch-keys"
ID = "tenant-a"
CONTEXT = {"tenant": "a", "purpose": "tests é"}
ACTIVE = "branch:ACTIVE"
BEACON = "beacon:ACTIVE"


def version_type(version: str) -> str:
    return f"branch:version:{version}"


class KeyStore:
    """One KMS key, one table, and stores over them; the table is there already."""

    def __init__(self, *, region: str = "us-east-1", multi_region: bool = False) -> None:
        self.kms = FakeKms(region)
        self.dynamodb = FakeDynamoDb(region)
        self.facts = Recorder()
        self.key_arn = self.kms.create_key(multi_region=multi_region)
        self.store = self.another(kms_key_arn=self.key_arn)
        self.store.create_table()

    def another(self, **arguments: Any) -> BranchKeyStore:
        given = {"kms_client": self.kms, "dynamodb_client": self.dynamodb, "emit": self.facts, **arguments}
        if not {"kms_key_arn", "kms_mrk_key_arn", "discovery", "mrk_discovery_region"} & given.keys():
            given["kms_key_arn"] = self.key_arn
        return BranchKeyStore(given.pop("table_name", TABLE), **given)

    @property
    def settings(self) -> dict[str, Any]:
        """What ``configure`` takes of this, where the tenant names the branch key."""
        return {
            "kms_client": self.kms,
            "dynamodb_client": self.dynamodb,
            "kms_key_arns": self.key_arn,
            "branch_key_store_table": TABLE,
            "branch_key_context_key": "tenant",
        }

    def create(self, branch_key_id: str = ID) -> str:
        return self.store.create_key(branch_key_id, CONTEXT)

    def item(self, item_type: str, branch_key_id: str = ID) -> dict[str, Any]:
        """The one item of this type."""
        [found] = [
            item
            for item in self.dynamodb.items(TABLE)
            if item["type"]["S"] == item_type and item["branch-key-id"]["S"] == branch_key_id
        ]
        return found

    def change(self, item_type: str, **changes: Any) -> None:
        """Change attributes of an item; ``None`` removes one. Underscores stand for hyphens."""
        item = self.item(item_type)
        for name, value in changes.items():
            if value is None:
                del item[name.replace("_", "-")]
            else:
                item[name.replace("_", "-")] = value
        self.dynamodb.put(TABLE, item)

    def requests(self) -> dict[str, int]:
        """How often each service was asked for what, KMS first."""
        return {**self.kms.counts(), **self.dynamodb.counts()}

    def clear(self) -> None:
        self.kms.clear_calls()
        self.dynamodb.clear_calls()
        self.facts.clear()
