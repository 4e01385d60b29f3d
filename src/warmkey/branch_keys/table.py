"""The DynamoDB table of a key store: its schema, reading an item, and writing several or none.

The conditions that the specification prints are not DynamoDB syntax, because ``-`` can't be part of a name in an
expression. Every name goes through ExpressionAttributeNames instead.

Source: framework/branch-key-store.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from warmkey.branch_keys.conflicts import BranchKeyConflict
from warmkey.branch_keys.dynamodb_requests import cancellation_codes
from warmkey.branch_keys.items import ACTIVE, BRANCH_KEY_ID, ENC, TYPE, read_item
from warmkey.exceptions import ConfigurationError, KeyAttempt, KeyUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from warmkey.branch_keys.dynamodb_requests import DynamoDbRequests
    from warmkey.branch_keys.items import Attributes, KeyStoreItem

__all__ = ["Table"]

# spec: framework/branch-key-store.md#keyschema 6af9
_KEY_SCHEMA = (
    {"AttributeName": BRANCH_KEY_ID, "KeyType": "HASH"},
    {"AttributeName": TYPE, "KeyType": "RANGE"},
)
_KEY_TYPES = tuple({"AttributeName": name, "AttributeType": "S"} for name in (BRANCH_KEY_ID, TYPE))

_IS_NEW = {"ConditionExpression": "attribute_not_exists(#id)", "ExpressionAttributeNames": {"#id": BRANCH_KEY_ID}}
_FAILED = "ConditionalCheckFailed"


class Table:
    """Reads and writes the items of one table.

    :param requests: makes the requests
    :param name: the table's name
    """

    def __init__(self, requests: DynamoDbRequests, name: str) -> None:
        self._requests = requests
        self._name = name

    def create(self) -> str:
        """Create the table unless it is there, and return its ARN.

        :raises ConfigurationError: there is a table of this name with another key schema
        :raises KeyUnavailable: DynamoDB refuses

        Source: framework/branch-key-store.md#createkeystore
        """
        try:
            # spec: framework/branch-key-store.md#createkeystore cdc2
            return self._arn_of_existing()
        except KeyUnavailable as refusal:
            if refusal.attempts[0].error_code != "ResourceNotFoundException":
                raise
        try:
            response = self._requests(
                # spec: framework/branch-key-store.md#createkeystore a599
                "CreateTable",
                about=self._about,
                TableName=self._name,
                # spec: framework/branch-key-store.md#keyschema 6af9
                KeySchema=[*_KEY_SCHEMA],
                AttributeDefinitions=[*_KEY_TYPES],
                BillingMode="PAY_PER_REQUEST",
            )
        except KeyUnavailable as refusal:
            # spec: framework/branch-key-store.md#createkeystore e4bd
            if refusal.attempts[0].error_code != "ResourceInUseException":
                raise
            return self._arn_of_existing()  # somebody else created it in between
        # spec: framework/branch-key-store.md#createkeystore 42c3
        return str(response["TableDescription"]["TableArn"])

    def read(self, branch_key_id: str, item_type: str, *, consistent: bool = False) -> KeyStoreItem:
        """Return one item, judged by the record format.

        An item that is not there is asked for once more, consistently, because it may have been written just now.

        :raises KeyUnavailable: it is not there, is not as it has to be, or DynamoDB refuses
        """
        found = self._get(branch_key_id, item_type, consistent=consistent)
        if found is None and not consistent:
            found = self._get(branch_key_id, item_type, consistent=True)
        if found is None:
            remedy = "check the branch key ID, the table and its Region, or create the branch key"
            raise self.unusable(branch_key_id, item_type, "it is not there", remedy=remedy)
        try:
            # spec: framework/branch-key-store.md#getactivebranchkey 8aad
            # spec: framework/branch-key-store.md#getbranchkeyversion 8aad
            # spec: framework/branch-key-store.md#getbeaconkey 8aad
            return read_item(found, branch_key_id, item_type)
        except ValueError as error:
            reason = str(error)
        # spec: framework/branch-key-store.md#getactivebranchkey 1702
        # spec: framework/branch-key-store.md#getbranchkeyversion 1702
        # spec: framework/branch-key-store.md#getbeaconkey 1702
        raise self.unusable(branch_key_id, item_type, reason, remedy="restore the item; KMS was not asked")

    def query(self, branch_key_id: str) -> Iterator[Attributes]:
        """Give all items of a branch key, unverified.

        :raises KeyUnavailable: DynamoDB refuses
        """
        return self._pages(
            "Query",
            self._of(branch_key_id),
            KeyConditionExpression="#id = :id",
            ExpressionAttributeNames={"#id": BRANCH_KEY_ID},
            ExpressionAttributeValues={":id": {"S": branch_key_id}},
            ConsistentRead=True,
        )

    def scan(self) -> Iterator[Attributes]:
        """Give all items of the table, unverified.

        :raises KeyUnavailable: DynamoDB refuses
        """
        return self._pages("Scan", self._about)

    def _pages(self, operation: str, about: str, **parameters: Any) -> Iterator[Attributes]:  # noqa: ANN401 - as boto3
        start: dict[str, Any] = {}
        while True:
            page = self._requests(operation, about=about, TableName=self._name, **parameters, **start)
            yield from page.get("Items", ())
            if not page.get("LastEvaluatedKey"):
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    # spec: framework/branch-key-store.md#writing-branch-key-and-beacon-key-to-keystore 2f3e
    def add(self, branch_key_id: str, items: Sequence[KeyStoreItem]) -> None:
        """Write the *items* of a new branch key, or none of them.

        :raises BranchKeyConflict: one of them is there already
        :raises KeyUnavailable: DynamoDB refuses

        Source: framework/branch-key-store.md#writing-branch-key-and-beacon-key-to-keystore
        """
        try:
            # spec: framework/branch-key-store.md#writing-branch-key-and-beacon-key-to-keystore f5bc 2f3e
            self._write(branch_key_id, [self._put(item, **_IS_NEW) for item in items])
        except KeyUnavailable as refusal:
            if _FAILED not in cancellation_codes(refusal.__cause__):
                raise
            # spec: framework/branch-key-store.md#createkey 2278
            # spec: framework/branch-key-store.md#writing-branch-key-and-beacon-key-to-keystore 2278
            raise BranchKeyConflict(
                f"{self._of(branch_key_id)} exists already, so nothing was written; choose another ID, or rotate it "
                "with version_key"
            ) from refusal.__cause__

    def replace_active(self, old: KeyStoreItem, version: KeyStoreItem, active: KeyStoreItem) -> None:
        """Write a new *version* and the *active* item that holds it, if *old* is still the active one.

        :raises BranchKeyConflict: it is not: another rotation came first
        :raises KeyUnavailable: DynamoDB refuses

        Source: framework/branch-key-store.md#versionkey
        """
        branch_key_id = old.texts[BRANCH_KEY_ID]
        # spec: framework/branch-key-store.md#versionkey f4ab
        unchanged = {
            "ConditionExpression": "attribute_exists(#id) AND #enc = :old",
            "ExpressionAttributeNames": {"#id": BRANCH_KEY_ID, "#enc": ENC},
            "ExpressionAttributeValues": {":old": {"B": old.enc}},
        }
        try:
            # spec: framework/branch-key-store.md#versionkey f4ab 2f3e
            self._write(branch_key_id, [self._put(version, **_IS_NEW), self._put(active, **unchanged)])
        except KeyUnavailable as refusal:
            if _FAILED not in cancellation_codes(refusal.__cause__):
                raise
            # spec: framework/branch-key-store.md#versionkey 2278
            raise BranchKeyConflict(
                f"{self._of(branch_key_id)} was changed since it was read, so nothing was written: probably another "
                "rotation came first. Rotate again only if you want one more version"
            ) from refusal.__cause__

    def unusable(self, branch_key_id: str, item_type: str, reason: str, *, remedy: str = "") -> KeyUnavailable:
        """Return the error for an item that can't be used."""
        about = self._item(branch_key_id, item_type)
        attempt = KeyAttempt(keyring="BranchKeyStore", operation="GetItem", key=about, reason=reason, remedy=remedy)
        return KeyUnavailable("the key store has no usable item", [attempt])

    def _arn_of_existing(self) -> str:
        response = self._requests("DescribeTable", about=self._about, TableName=self._name)
        table = response["Table"]
        names = {part["KeyType"]: part["AttributeName"] for part in table["KeySchema"]}
        types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
        found = [(names.get(role), types.get(str(names.get(role)))) for role in ("HASH", "RANGE")]
        # spec: framework/branch-key-store.md#createkeystore d681 29c8
        if found != [(BRANCH_KEY_ID, "S"), (TYPE, "S")]:
            raise ConfigurationError(
                f"{self._about} exists and is not a key store: its key must be {BRANCH_KEY_ID} (S) and {TYPE} (S), not "
                + " and ".join(f"{name} ({kind})" for name, kind in found if name)
            )
        return str(table["TableArn"])

    def _get(self, branch_key_id: str, item_type: str, *, consistent: bool) -> Attributes | None:
        response = self._requests(
            "GetItem",
            about=self._item(branch_key_id, item_type),
            TableName=self._name,
            # spec: framework/branch-key-store.md#versionkey 382d
            # spec: framework/branch-key-store.md#getactivebranchkey 8c30
            # spec: framework/branch-key-store.md#getbranchkeyversion ecd6
            # spec: framework/branch-key-store.md#getbeaconkey 0c54
            Key={BRANCH_KEY_ID: {"S": branch_key_id}, TYPE: {"S": item_type}},
            ConsistentRead=consistent,
        )
        return response.get("Item")

    def _put(self, item: KeyStoreItem, **condition: Any) -> dict[str, Any]:  # noqa: ANN401 - as boto3 takes it
        return {"Put": {"TableName": self._name, "Item": item.attributes(), **condition}}

    def _write(self, branch_key_id: str, puts: list[dict[str, Any]]) -> None:
        # spec: framework/branch-key-store.md#writing-branch-key-and-beacon-key-to-keystore 6be9
        # spec: framework/branch-key-store.md#versionkey b9cb
        self._requests("TransactWriteItems", about=self._of(branch_key_id), TransactItems=puts)

    @property
    def _about(self) -> str:
        return f"table {self._name!r}"

    def _of(self, branch_key_id: str) -> str:
        return f"branch key {branch_key_id!r} in {self._about}"

    def _item(self, branch_key_id: str, item_type: str) -> str:
        return f"{'active version' if item_type == ACTIVE else item_type} of {self._of(branch_key_id)}"
