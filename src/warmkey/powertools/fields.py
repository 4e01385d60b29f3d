"""Fields of a record, from the way in which Data Masking names them to the paths of a sealed record.

Data Masking takes JSONPath: ``card``, ``customer.ssn``, ``$.lines[*].note``. A sealed record takes paths, such as
``("lines", 0, "note")``, which are allowed here too, for names that have a dot. What is found twice, or inside of
something else that is found, is sealed once.
"""

from __future__ import annotations

import re
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jsonpath_ng import Fields, Index
from jsonpath_ng.ext.parser import parse

from warmkey.exceptions import InvalidRequest
from warmkey.memo import Memo
from warmkey.powertools.failures import FieldNotFound
from warmkey.sealed.paths import name_shown
from warmkey.validation import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jsonpath_ng import DatumInContext, JSONPath

    from warmkey.sealed.values import Path

__all__ = ["check_found", "check_sealed", "paths_of"]

# What most expressions are. Parsing one takes many times as long as sealing a record.
_NAMES = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")


class _Expressions(Memo[str, "JSONPath"]):
    """Maps expressions to what they were parsed to."""

    def __missing__(self, expression: str) -> JSONPath:
        try:
            parsed = parse(expression)
        except Exception:  # noqa: BLE001 - the parser's own, and what it can't handle
            parsed = None
        if parsed is None:
            raise InvalidRequest(f"fields has {_shown(expression)}, which is not a JSONPath expression")
        self.keep(expression, parsed)
        return parsed


_expressions = _Expressions(max_items=64, max_item_bytes=8192)


def paths_of(fields: object, record: dict[str, Any]) -> tuple[list[Path], list[str]]:
    """Return the paths of *fields* in *record*, as ``seal_record`` takes them, and those that it does not have.

    :param fields: names, JSONPath expressions or paths
    :raises InvalidRequest: one of them can't be used
    """
    found: dict[Path, None] = {}
    missing = []
    for field in _several(fields):
        paths = list(_paths(field, record))
        found |= dict.fromkeys(paths)
        missing += [] if paths else [_shown(field)]
    return [path for path in found if not any(path[:length] in found for length in range(1, len(path)))], missing


def check_found(paths: list[Path], missing: list[str], *, is_strict: bool) -> None:
    """Check that no field is *missing*; without *is_strict*, that any was found, and warn of the others.

    :raises FieldNotFound: it is not so
    """
    if missing and (is_strict or not paths):
        raise FieldNotFound(_not_found(missing[0]))
    for field in missing:
        warnings.warn(_not_found(field), stacklevel=2)


def check_sealed(fields: object, record: dict[str, Any], stored: dict[str, Any]) -> None:
    """Check that each of *fields* was sealed: *record* has it, and what was stored of it has not.

    :raises FieldNotFound: it is not so
    :raises InvalidRequest: one of them can't be used
    """
    paths, missing = paths_of(fields, record)
    check_found(paths, missing, is_strict=True)
    for path in paths:
        if _has(stored, path):
            raise FieldNotFound(f"Field or expression {_shown(path)} was not encrypted")


def _not_found(field: str) -> str:
    return f"Field or expression {field} not found"


def _several(fields: object) -> Iterable[object]:
    if not isinstance(fields, (list, tuple, set, frozenset)):
        raise InvalidRequest(f"fields must be a list of names or JSONPath expressions, not {kind_of(fields)}")
    return fields


def _paths(field: object, record: dict[str, Any]) -> Iterator[Path]:
    if isinstance(field, str) and not _NAMES.fullmatch(field):
        yield from map(_path_to, _matches(field, record))
        return
    path = tuple(field.split(".")) if isinstance(field, str) else field
    if not isinstance(path, tuple) or not path:
        raise InvalidRequest(f"a field must be a name, a JSONPath expression or a path, not {kind_of(field)}")
    if _has(record, path):
        yield path


def _matches(expression: str, record: dict[str, Any]) -> list[DatumInContext]:
    parsed = _expressions[expression]
    with suppress(Exception):  # of comparing text with numbers, for example; it may hold what it compared
        return parsed.find(record)
    raise InvalidRequest(f"the JSONPath expression {_shown(expression)} can't be used on this record")


def _path_to(match: DatumInContext) -> Path:
    steps: list[str | int] = []
    while match.context is not None:
        if isinstance(match.path, Fields):
            steps.append(match.path.fields[0])
        elif isinstance(match.path, Index):  # from the front, where the expression may have counted from the end
            steps.append(_index(match.path) % len(match.context.value))
        else:
            break
        match = match.context
    if match.context is not None or not steps:
        raise InvalidRequest("fields must select what is inside the record, and not all of it, nor a computed value")
    return tuple(reversed(steps))


def _index(path: Any) -> int:  # noqa: ANN401 - an Index, of which versions differ
    # jsonpath-ng had one up to 1.6, and has several from 1.7 on.
    position: int = path.indices[0] if hasattr(path, "indices") else path.index
    return position


def _has(record: Any, path: Path) -> bool:  # noqa: ANN401 - a value of a record
    for step in path:
        is_key = isinstance(step, str) and isinstance(record, dict) and step in record
        is_position = type(step) is int and isinstance(record, list) and 0 <= step < len(record)
        if not is_key and not is_position:
            return False
        record = record[step]
    return True


def _shown(field: object) -> str:
    """Return *field* as errors show it; what is longer than names are may be a value in the place of one."""
    text = ".".join(map(str, field)) if isinstance(field, tuple) else str(field)
    return name_shown(text)
