"""DynamoDB in this process: a client shaped like boto3's, for what a key store asks of a table.

It refuses what AWS refuses and moto does not: names with ``-`` in expressions, items of a table that is still being
created. Eventually consistent reads may lag behind, and requests may be throttled, conflict, or come second.
"""

from __future__ import annotations

import copy
import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from botocore.client import ClientMeta, Config
from botocore.hooks import HierarchicalEmitter

from warmkey.safe_repr import safe_repr
from warmkey.testing.api_model import (
    check_parameters,
    client_exceptions,
    response_metadata,
    service_error,
    service_model,
)
from warmkey.testing.authorization import PolicyHolder, Role, refusal_of_role
from warmkey.testing.calls import DynamoDbCall
from warmkey.testing.condition_expressions import InvalidExpression, condition
from warmkey.testing.faults import DynamoDbFault, cancelled
from warmkey.testing.policies import Access
from warmkey.testing.policy_conditions import LEADING_KEYS
from warmkey.testing.traffic import Traffic
from warmkey.testing.world import DEFAULT_ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.exceptions import ClientError

__all__ = ["FakeDynamoDb"]

Item: TypeAlias = "dict[str, dict[str, Any]]"
_Items: TypeAlias = "dict[tuple[str, ...], Item]"

_METHODS: Final = {
    "create_table": "CreateTable",
    "describe_table": "DescribeTable",
    "get_item": "GetItem",
    "query": "Query",
    "scan": "Scan",
    "transact_write_items": "TransactWriteItems",
}
_TABLE_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_LONGEST_PARTITION_KEY: Final = 2048
_MOST_IN_A_TRANSACTION: Final = 100


_ROLE: Final = Role(f"arn:aws:iam::{DEFAULT_ACCOUNT}:role/fake-role", "AROAFAKE")
# What a query says of the partition key; warmkey's own queries say nothing else.
_EQUALITY: Final = re.compile(r"\s*\S+\s*=\s*(:\w+)\s*")


class _Table:
    """A table, as AWS describes it, and its items by the texts of their keys."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.description = description
        self.items: _Items = {}
        self.lagging: _Items | None = None

    @property
    def key_names(self) -> list[str]:
        return [part["AttributeName"] for part in self.description["KeySchema"]]

    def key_of(self, item: Item) -> tuple[str, ...]:
        return tuple(str(item.get(name, {}).get("S", "")) for name in self.key_names)

    def readable(self, *, consistent: bool) -> _Items:
        return self.items if consistent or self.lagging is None else self.lagging


@safe_repr
class FakeDynamoDb(PolicyHolder, Traffic[DynamoDbCall]):
    """A DynamoDB client for tests: pass it wherever a boto3 DynamoDB client goes.

    ::

        dynamodb = FakeDynamoDb()
        store = BranchKeyStore("branch-keys", dynamodb_client=dynamodb, kms_client=kms, kms_key_arn=arn)
        store.create_table()

    Keys of tables are strings. Methods that boto3 has take keyword arguments only and return the same dictionaries, and
    raise botocore's own exceptions.

    :param region_name: the Region of this client
    :param tables_become_active: whether a new table can be used at once; else after :meth:`activate`
    """

    _fault = DynamoDbFault

    def __init__(self, region_name: str = "us-east-1", *, tables_become_active: bool = True) -> None:
        super().__init__(tuple(_METHODS.values()))
        self.exceptions = client_exceptions("dynamodb")
        self.closed = False
        self.meta = ClientMeta(
            events=HierarchicalEmitter(),
            client_config=Config(region_name=region_name),
            endpoint_url=f"https://dynamodb.{region_name}.amazonaws.com",
            service_model=service_model("dynamodb"),
            method_to_api_mapping=_METHODS,
            partition="aws",
        )
        self._region = region_name
        self._tables_become_active = tables_become_active
        self._tables: dict[str, _Table] = {}
        self._tokens: dict[str, list[Any]] = {}
        # Only writing takes it, so that a forked process that reads never waits for a thread that it does not have.
        self._writing = threading.RLock()

    def __repr__(self) -> str:
        return f"<FakeDynamoDb region={self._region} tables={len(self._tables)} calls={len(self._calls)}>"

    def close(self) -> None:
        """Remember that it was closed (``closed``); as with boto3, it still works."""
        self.closed = True

    # What tests do to tables

    def activate(self, table_name: str) -> None:
        """Finish the creation of a table."""
        self._tables[table_name].description["TableStatus"] = "ACTIVE"

    def items(self, table_name: str) -> list[Item]:
        """Copies of a table's items, in the order of their keys."""
        found = dict(self._tables[table_name].items)  # what is written meanwhile is not among them
        return [copy.deepcopy(found[key]) for key in sorted(found)]

    def put(self, table_name: str, item: Item) -> None:
        """Write *item*, whatever is there."""
        table = self._tables[table_name]
        table.items[table.key_of(item)] = copy.deepcopy(item)

    def remove(self, table_name: str, *key: str) -> None:
        """Remove the item with this partition key and sort key."""
        del self._tables[table_name].items[key]

    @contextmanager
    def lag(self) -> Iterator[None]:
        """Let eventually consistent reads see what was there when the block began."""
        for table in self._tables.values():
            table.lagging = dict(table.items)
        try:
            yield
        finally:
            for table in self._tables.values():
                table.lagging = None

    # What boto3 has

    def create_table(self, **parameters: object) -> dict[str, Any]:
        """CreateTable."""
        return self._request("CreateTable", parameters, self._create_table)

    def describe_table(self, **parameters: object) -> dict[str, Any]:
        """DescribeTable."""
        return self._request("DescribeTable", parameters, self._describe_table)

    def get_item(self, **parameters: object) -> dict[str, Any]:
        """GetItem."""
        return self._request("GetItem", parameters, self._get_item)

    def query(self, **parameters: object) -> dict[str, Any]:
        """Query: ``KeyConditionExpression``, ``Limit``, ``ExclusiveStartKey``, ``ConsistentRead``."""
        return self._request("Query", parameters, self._query)

    def scan(self, **parameters: object) -> dict[str, Any]:
        """Scan: ``FilterExpression``, ``Limit``, ``ExclusiveStartKey``, ``ConsistentRead``."""
        return self._request("Scan", parameters, self._scan)

    def transact_write_items(self, **parameters: object) -> dict[str, Any]:
        """TransactWriteItems: ``Put`` only."""
        return self._request("TransactWriteItems", parameters, self._write_alone)

    # From the client's method to its answer

    def _request(
        self, operation: str, parameters: dict[str, object], answer: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> dict[str, Any]:
        received = copy.deepcopy(check_parameters("dynamodb", operation, parameters))
        call = self._record_of(operation, received)

        def respond() -> dict[str, Any]:
            self._check_permission(call, received)
            try:
                return {**answer(received), "ResponseMetadata": response_metadata(200)}
            except InvalidExpression as error:
                raise self._refuse("ValidationException", operation, str(error)) from None

        return self._serve(call, self.meta.endpoint_url, respond)

    def _record_of(self, operation: str, parameters: dict[str, Any]) -> DynamoDbCall:
        if operation != "TransactWriteItems":
            key = parameters.get("Key")
            return DynamoDbCall(
                operation=operation,
                tables=(parameters["TableName"],),
                keys=(tuple(str(value.get("S")) for value in key.values()),) if key else (),
                consistent=parameters.get("ConsistentRead", False),
            )
        puts = [each["Put"] for each in parameters["TransactItems"] if "Put" in each]
        keys = [self._tables[put["TableName"]].key_of(put["Item"]) for put in puts if put["TableName"] in self._tables]
        return DynamoDbCall(
            operation=operation, tables=tuple(dict.fromkeys(put["TableName"] for put in puts)), keys=tuple(keys)
        )

    def _check_permission(self, call: DynamoDbCall, parameters: dict[str, Any]) -> None:
        """Refuse what the attached policies don't allow. A transaction of puts needs the permission to put."""
        action = "PutItem" if call.operation == "TransactWriteItems" else call.operation
        for name in call.tables:
            access = Access(
                action=f"dynamodb:{action}",
                resource=f"arn:aws:dynamodb:{self._region}:{DEFAULT_ACCOUNT}:table/{name}",
                keys={LEADING_KEYS: tuple(dict.fromkeys(key[0] for key in call.keys)) or _queried(parameters)},
            )
            problem = refusal_of_role(access, role=_ROLE, policies=self._policies)
            if problem is not None:
                raise self._refuse("AccessDeniedException", call.operation, problem)

    @staticmethod
    def _refuse(code: str, operation: str, message: str) -> ClientError:
        return service_error("dynamodb", code, operation, message)

    def _table(self, name: str, operation: str, *, ready: bool = True) -> _Table:
        table = self._tables.get(name)
        if table is None or (ready and table.description["TableStatus"] != "ACTIVE"):
            raise self._refuse("ResourceNotFoundException", operation, "Requested resource not found")
        return table

    def _create_table(self, parameters: dict[str, Any]) -> dict[str, Any]:
        name = parameters["TableName"]
        if not _TABLE_NAME.fullmatch(name):
            problem = "TableName must be at least 3 characters long and at most 255 characters long"
            raise self._refuse("ValidationException", "CreateTable", problem)
        if name in self._tables:
            raise self._refuse("ResourceInUseException", "CreateTable", f"Table already exists: {name}")
        self._tables[name] = _Table(
            {
                "TableName": name,
                "TableArn": f"arn:aws:dynamodb:{self._region}:{DEFAULT_ACCOUNT}:table/{name}",
                "TableStatus": "ACTIVE" if self._tables_become_active else "CREATING",
                "KeySchema": parameters["KeySchema"],
                "AttributeDefinitions": parameters["AttributeDefinitions"],
            }
        )
        return {"TableDescription": copy.deepcopy(self._tables[name].description)}

    def _describe_table(self, parameters: dict[str, Any]) -> dict[str, Any]:
        table = self._table(parameters["TableName"], "DescribeTable", ready=False)
        return {"Table": copy.deepcopy(table.description)}

    def _get_item(self, parameters: dict[str, Any]) -> dict[str, Any]:
        table = self._table(parameters["TableName"], "GetItem")
        key = parameters["Key"]
        if key.keys() != set(table.key_names):
            raise self._refuse("ValidationException", "GetItem", "The provided key element does not match the schema")
        self._check_key(table, key, "GetItem")
        found = table.readable(consistent=parameters.get("ConsistentRead", False)).get(table.key_of(key))
        return {} if found is None else {"Item": copy.deepcopy(found)}

    def _check_key(self, table: _Table, item: Item, operation: str) -> None:
        partition, *_ = key = table.key_of(item)
        if not all(key):
            problem = "One or more parameter values are not valid: an AttributeValue of a key is an empty string"
            raise self._refuse("ValidationException", operation, problem)
        if len(partition.encode()) > _LONGEST_PARTITION_KEY:
            problem = "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit"
            raise self._refuse("ValidationException", operation, problem)

    def _query(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return self._page("Query", parameters, "KeyConditionExpression")

    def _scan(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return self._page("Scan", parameters, "FilterExpression")

    def _page(self, operation: str, parameters: dict[str, Any], field: str) -> dict[str, Any]:
        table = self._table(parameters["TableName"], operation)
        fits = condition(parameters, field)
        found = table.readable(consistent=parameters.get("ConsistentRead", False))
        start = table.key_of(parameters["ExclusiveStartKey"]) if "ExclusiveStartKey" in parameters else ()
        keys = [key for key in sorted(found) if key > start and (operation == "Scan" or fits(found[key]))]
        page = keys[: parameters.get("Limit", len(keys))]
        answer: dict[str, Any] = {"Items": [copy.deepcopy(found[key]) for key in page if fits(found[key])]}
        if len(page) < len(keys):
            answer["LastEvaluatedKey"] = {name: found[page[-1]][name] for name in table.key_names}
        return {**answer, "Count": len(answer["Items"]), "ScannedCount": len(page)}

    def _write_alone(self, parameters: dict[str, Any]) -> dict[str, Any]:
        with self._writing:  # of two transactions whose conditions hold now, the second must see what the first wrote
            return self._transact_write_items(parameters)

    def _transact_write_items(self, parameters: dict[str, Any]) -> dict[str, Any]:
        operation, actions = "TransactWriteItems", parameters["TransactItems"]
        token = parameters.get("ClientRequestToken")
        if token in self._tokens:
            if self._tokens[token] != actions:
                problem = "The request uses the same client token as a previous, but non-identical request."
                raise self._refuse("IdempotentParameterMismatchException", operation, problem)
            return {}
        if len(actions) > _MOST_IN_A_TRANSACTION:  # botocore's model refuses an empty transaction
            raise self._refuse("ValidationException", operation, "Member must have length between 1 and 100")
        puts = [self._checked_put(action) for action in actions]
        targets = [(table.description["TableName"], table.key_of(put["Item"])) for table, put in puts]
        if len(set(targets)) != len(targets):
            problem = "Transaction request cannot include multiple operations on one item"
            raise self._refuse("ValidationException", operation, problem)
        whole = [set(table.key_names) <= put["Item"].keys() for table, put in puts]
        if not all(whole):
            raise cancelled(["None" if fine else "ValidationError" for fine in whole])
        met = [condition(put)(table.items.get(table.key_of(put["Item"]), {})) for table, put in puts]
        if not all(met):
            raise cancelled(["None" if fine else "ConditionalCheckFailed" for fine in met])
        written: dict[_Table, _Items] = {}
        for table, put in puts:
            written.setdefault(table, {})[table.key_of(put["Item"])] = put["Item"]
        for table, new in written.items():
            table.items.update(new)  # in one step, so that nobody sees half of it
        if token is not None:
            self._tokens[token] = actions
        return {}

    def _checked_put(self, action: dict[str, Any]) -> tuple[_Table, dict[str, Any]]:
        if list(action) != ["Put"]:
            raise NotImplementedError("FakeDynamoDb knows Put alone in a transaction")
        put = action["Put"]
        table = self._table(put["TableName"], "TransactWriteItems")
        if set(table.key_names) <= put["Item"].keys():
            self._check_key(table, put["Item"], "TransactWriteItems")
        condition(put)
        return table, put


def _queried(parameters: dict[str, Any]) -> tuple[str, ...]:
    """Return the partition key that a query is about; a scan is about none."""
    found = _EQUALITY.match(parameters.get("KeyConditionExpression", ""))
    value = parameters.get("ExpressionAttributeValues", {}).get(found[1], {}) if found else {}
    return (str(value["S"]),) if "S" in value else ()
