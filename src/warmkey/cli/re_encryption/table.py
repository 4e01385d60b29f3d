"""The messages in attributes of a DynamoDB table."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, TypeAlias

from warmkey.cli.re_encryption.attribute_paths import check_apart
from warmkey.cli.re_encryption.costs import table_estimate
from warmkey.cli.re_encryption.outcomes import Outcome, Result
from warmkey.cli.re_encryption.rewriting import TargetFailed
from warmkey.cli.re_encryption.stores import ATTEMPTS, Item, code_of, result_of, told
from warmkey.cli.re_encryption.text_forms import read_text
from warmkey.exceptions import ConfigurationError, MalformedMessage, WarmkeyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from warmkey.cli.re_encryption.attribute_paths import AttributePath
    from warmkey.cli.re_encryption.rewriting import Rewriter
    from warmkey.cli.re_encryption.stores import Estimate

    Attributes: TypeAlias = dict[str, dict[str, Any]]
    """Attribute values by name, each as the low-level client has them: ``{"id": {"S": "order-1"}}``."""
    Changes: TypeAlias = dict[AttributePath, dict[str, Any]]
    """New values by the attribute that gets them."""

__all__ = ["Table", "from_json", "to_json"]

# Items of a page: few enough that little is read twice after a kill, and that --rate limits reading too.
_PAGE = 100
# Somebody else writes the item, or is about to.
_CHANGED = frozenset({"ConditionalCheckFailedException", "TransactionConflictException"})


class Table:
    """One table, or one segment of it.

    :param client: as ``boto3.client("dynamodb")`` makes it
    :param attributes: those that may hold a message, at the top of an item or inside its maps and lists
    :param segment: the number of the part to work on, and how many parts there are
    :raises ConfigurationError: an attribute is part of the table's key, or of another one
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - boto3 has no types
        name: str,
        attributes: Sequence[AttributePath],
        rewriter: Rewriter,
        *,
        segment: tuple[int, int] | None = None,
    ) -> None:
        self._client = client
        self._name = name
        self._attributes = tuple(attributes)
        self._rewriter = rewriter
        self._segment = segment
        self._description: dict[str, Any] = client.describe_table(TableName=name)["Table"]
        self._key_names = [each["AttributeName"] for each in self._description["KeySchema"]]
        check_apart(self._attributes)
        for attribute in self._attributes:
            if attribute.top in self._key_names:
                raise ConfigurationError(
                    f"--attribute {attribute.text} is part of the table's key, which can't be rewritten"
                )

    def estimate(self, _after: Any) -> Estimate:  # noqa: ANN401 - JSON
        """See :class:`warmkey.cli.re_encryption.stores.Store`."""
        parts = self._segment[1] if self._segment else 1
        return table_estimate(self._description, parts=parts, keys=len(self._rewriter.key_arns))

    def items(self, after: Any) -> Iterator[Item]:  # noqa: ANN401 - JSON
        """Scan the table; the last item of each page has a position."""
        start = from_json(after) if after else None
        while True:
            page = self._client.scan(**self._scan_parameters(start))
            items, start = page["Items"], page.get("LastEvaluatedKey")
            for item in items[:-1]:
                yield Item(content=item)
            for item in items[-1:]:
                yield Item(content=item, position=to_json(start) if start else None)
            if start is None:
                return

    def _scan_parameters(self, start: Attributes | None) -> dict[str, Any]:
        # Of a list, DynamoDB would return the elements asked for without saying which they are.
        wanted = dict.fromkeys([*self._key_names, *(attribute.top for attribute in self._attributes)])
        names = {f"#{number}": name for number, name in enumerate(wanted)}
        parameters: dict[str, Any] = {
            "TableName": self._name,
            "ProjectionExpression": ", ".join(names),
            "ExpressionAttributeNames": names,
            "ConsistentRead": True,
            "Limit": _PAGE,
        }
        if self._segment is not None:
            parameters["Segment"], parameters["TotalSegments"] = self._segment
        if start is not None:
            parameters["ExclusiveStartKey"] = start
        return parameters

    def process(self, item: Item, *, writes: bool) -> Result:
        """Rewrite the messages of one item in one request, on the condition that the old ones are still there."""
        attributes: Attributes | None = item.content
        key = {name: item.content[name] for name in self._key_names}
        shown = to_json(key)
        for _ in range(ATTEMPTS):
            if attributes is None:
                return Result(key=shown, outcome=Outcome.GONE)
            changes, problem = self._changes(shown, attributes)
            if changes and writes:
                try:
                    self._write(key, attributes, changes)
                except self._client.exceptions.ClientError as error:
                    if code_of(error) not in _CHANGED:
                        return Result(key=shown, outcome=Outcome.FAILED, problem=_refused(error))
                    attributes = self._read(key)
                    continue
            return problem or self._ended(shown, attributes, changes)
        return Result(key=shown, outcome=Outcome.CHANGED, problem="it was written by somebody else again and again")

    def _ended(self, key: Any, attributes: Attributes, changes: Changes) -> Result:  # noqa: ANN401 - JSON
        if changes:
            length = sum(len(_content(value)) for value in changes.values())
            return Result(key=key, outcome=Outcome.REWRITTEN, length=length)
        has_any = any(attribute.find(attributes) is not None for attribute in self._attributes)
        return Result(key=key, outcome=Outcome.CURRENT if has_any else Outcome.NO_MESSAGE)

    def _changes(self, key: Any, attributes: Attributes) -> tuple[Changes, Result | None]:  # noqa: ANN401 - JSON
        """Return the new values, and what is wrong with the last message that has none."""
        changes: Changes = {}
        problem = None
        for attribute in self._attributes:
            value = attribute.find(attributes)
            if value is None:
                continue
            where = "" if len(self._attributes) == 1 else f"{attribute.text}: "
            try:
                new = self._rewritten(value)
            except WarmkeyError as error:
                problem = result_of(key, error, where)
            except TargetFailed as error:
                problem = Result(key=key, outcome=Outcome.FAILED, problem=f"{where}{error}")
            else:
                if new is not None:
                    changes[attribute] = new
        return changes, problem

    def _rewritten(self, value: Mapping[str, Any]) -> dict[str, Any] | None:
        [(kind, content)] = value.items()
        if kind == "B":
            new = self._rewriter.rewrite(bytes(content))
            return None if new is None else {"B": new}
        if kind == "S":
            message, form = read_text(content)
            new = self._rewriter.rewrite(message)
            return None if new is None else {"S": form.write(new)}
        raise MalformedMessage(f"must be binary or text, not of DynamoDB's type {kind}", where="attribute")

    def _write(self, key: Attributes, old: Attributes, changes: Changes) -> None:
        placeholders: dict[str, str] = {}

        def placeholder(name: str) -> str:
            return placeholders.setdefault(name, f"#{len(placeholders)}")

        places = [attribute.expression(placeholder) for attribute in changes]
        values = {}
        for number, (attribute, new) in enumerate(changes.items()):
            values[f":old{number}"] = attribute.find(old)
            values[f":new{number}"] = new
        self._client.update_item(
            TableName=self._name,
            Key=key,
            UpdateExpression="SET " + ", ".join(f"{place} = :new{number}" for number, place in enumerate(places)),
            ConditionExpression=" AND ".join(f"{place} = :old{number}" for number, place in enumerate(places)),
            ExpressionAttributeNames={short: name for name, short in placeholders.items()},
            ExpressionAttributeValues=values,
        )

    def _read(self, key: Attributes) -> Attributes | None:
        found: Attributes | None = self._client.get_item(TableName=self._name, Key=key, ConsistentRead=True).get("Item")
        return found


def _content(value: Mapping[str, Any]) -> Any:  # noqa: ANN401 - bytes or text
    [content] = value.values()
    return content


def _refused(error: Any) -> str:  # noqa: ANN401 - botocore has no types
    hint = "; the new message may be too long for the item (400 KB)" if code_of(error) == "ValidationException" else ""
    return f"{told(error)}{hint}"


def to_json(attributes: Attributes) -> Any:  # noqa: ANN401 - JSON
    """Return a key as JSON has it, in the form that ``aws dynamodb`` takes; bytes as base64."""
    return json.loads(json.dumps(attributes, default=lambda content: base64.b64encode(bytes(content)).decode()))


def from_json(attributes: Any) -> Attributes:  # noqa: ANN401 - JSON
    """Return the key that *attributes* stands for.

    :raises ValueError: it is none
    """
    return {
        name: {kind: base64.b64decode(content) if kind == "B" else content}
        for name, value in attributes.items()
        for kind, content in value.items()
    }
