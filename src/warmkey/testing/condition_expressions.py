"""DynamoDB's condition expressions, as strict as the service: what it does not parse is refused.

Source: the DynamoDB developer guide, "Comparison operator and function reference" and "Reserved words".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["InvalidExpression", "condition"]

Item: TypeAlias = "Mapping[str, dict[str, Any]]"
Condition: TypeAlias = "Callable[[Item], bool]"

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<word>[A-Za-z][A-Za-z0-9_]*|[#:][A-Za-z0-9_]+)|(?P<sign><>|<=|>=|[=<>(),])|(?P<other>\S))"
)
# Of the reserved words, those that are likely here.
_RESERVED: Final = frozenset({"KEY", "NAME", "TYPE", "VALUE"})
_FUNCTIONS: Final = ("attribute_exists", "attribute_not_exists", "begins_with")


class InvalidExpression(Exception):
    """DynamoDB would not take this expression."""


def condition(parameters: Mapping[str, Any], field: str = "ConditionExpression") -> Condition:
    """The condition in *parameters*; without any, everything satisfies it.

    :raises InvalidExpression: it does not parse, or a placeholder is not defined or not used
    """
    names = parameters.get("ExpressionAttributeNames", {})
    values = parameters.get("ExpressionAttributeValues", {})
    if field not in parameters:
        if names or values:
            raise InvalidExpression("ExpressionAttributeNames can only be specified when using expressions")
        return lambda _item: True
    parser = _Parser(field, parameters[field], names, values)
    parsed = parser.parse()
    for kind, given in (("Names", names), ("Values", values)):
        unused = sorted(given.keys() - parser.used)
        if unused:
            raise InvalidExpression(
                f"Value provided in ExpressionAttribute{kind} unused in expressions: keys: {unused}"
            )
    return parsed


class _Parser:
    def __init__(self, field: str, text: str, names: Mapping[str, str], values: Mapping[str, Any]) -> None:
        self._field = field
        self._names = names
        self._values = values
        self.used: set[str] = set()
        self._tokens = [self._token(match) for match in _TOKEN.finditer(text.strip())]

    def _token(self, match: re.Match[str]) -> str:
        if match["other"]:
            near = match.string[max(0, match.start() - 10) : match.end() + 10].strip()
            raise self._invalid(f'Syntax error; token: "{match["other"]}", near: "{near}"')
        return str(match["word"] or match["sign"])

    def _invalid(self, problem: str) -> InvalidExpression:
        return InvalidExpression(f"Invalid {self._field}: {problem}")

    def _next(self) -> str:
        if not self._tokens:
            raise self._invalid('Syntax error; token: "<EOF>"')
        return self._tokens.pop(0)

    def _expect(self, sign: str) -> None:
        found = self._next()
        if found != sign:
            raise self._invalid(f'Syntax error; token: "{found}"')

    def parse(self) -> Condition:
        parsed = self._or()
        if self._tokens:
            raise self._invalid(f'Syntax error; token: "{self._tokens[0]}"')
        return parsed

    def _or(self) -> Condition:
        sides = [self._and()]
        while self._tokens and self._tokens[0].upper() == "OR":
            self._next()
            sides.append(self._and())
        return lambda item: any(side(item) for side in sides)

    def _and(self) -> Condition:
        sides = [self._not()]
        while self._tokens and self._tokens[0].upper() == "AND":
            self._next()
            sides.append(self._not())
        return lambda item: all(side(item) for side in sides)

    def _not(self) -> Condition:
        if self._tokens and self._tokens[0].upper() == "NOT":
            self._next()
            negated = self._not()
            return lambda item: not negated(item)
        return self._primary()

    def _primary(self) -> Condition:
        token = self._next()
        if token == "(":  # noqa: S105 - a bracket
            inner = self._or()
            self._expect(")")
            return inner
        if self._tokens and self._tokens[0] == "(":
            return self._function(token)
        path = self._path(token)
        self._expect("=")
        value = self._value(self._next())
        return lambda item: item.get(path) == value

    def _function(self, name: str) -> Condition:
        if name not in _FUNCTIONS:
            raise self._invalid(f"Invalid function name; function: {name}")
        self._expect("(")
        path = self._path(self._next())
        if name == "begins_with":
            self._expect(",")
            prefix = self._value(self._next()).get("S", "")
            self._expect(")")
            return lambda item: str(item.get(path, {}).get("S", "")).startswith(prefix)
        self._expect(")")
        there = name == "attribute_exists"
        return lambda item: (path in item) is there

    def _path(self, token: str) -> str:
        if token.startswith("#"):
            if token not in self._names:
                problem = (
                    f"An expression attribute name used in the document path is not defined; attribute name: {token}"
                )
                raise self._invalid(problem)
            self.used.add(token)
            return self._names[token]
        if not token[0].isalpha():
            raise self._invalid(f'Syntax error; token: "{token}"')
        if token.upper() in _RESERVED:
            raise self._invalid(f"Attribute name is a reserved keyword; reserved keyword: {token}")
        return token

    def _value(self, token: str) -> dict[str, Any]:
        if not token.startswith(":") or token not in self._values:
            problem = f"An expression attribute value used in expression is not defined; attribute value: {token}"
            raise self._invalid(problem)
        self.used.add(token)
        value: dict[str, Any] = self._values[token]
        return value
