"""Paths of fields in a record: taking fields out of a copy, and putting them back into another.

A path is a name at the top, or a tuple of names and list positions that ends in a name. An element of a list can't be
taken out, because those behind it would move; a key of a map in a list can.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from warmkey.exceptions import InvalidRequest
from warmkey.memo import Memo
from warmkey.sealed.text import utf_8
from warmkey.sealed.values import MAX_DEPTH, named, to_json
from warmkey.validation import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from warmkey.sealed.values import Path

__all__ = ["Plan", "checked_names", "look_up", "name_shown", "plan_of", "put_back", "shown", "take_out"]

_ABSENT = object()
# A longer name that a record does not have may be a value in the place of one, such as a key.
_LONGEST_NAME = 40
# Comparing two names takes a hundredth of a millisecond, and a record may have thousands.
_MOST_COMPARED = 100
# Share of letters in common from which one name is taken for a slip of another.
_NEAR = 0.7
_ONLY_NAMES = frozenset({str})


class Plan(NamedTuple):
    """What follows from the fields that are sealed, whatever the record.

    :ivar paths: in the order of the JSON text of ``shown``
    :ivar shown: the paths as the message has them: a name, or a list of names and positions
    :ivar lists: the first list that each path crosses, if it crosses one; in the order of their JSON text
    :ivar names: the names at the top that paths begin with
    """

    paths: tuple[Path, ...]
    shown: list[Any]
    lists: tuple[Path, ...]
    names: frozenset[str]


def plan_of(fields: object) -> Plan:
    """Return the plan for *fields*, each a name or a path.

    :raises InvalidRequest: one is not a path, is given twice, or is inside another
    """
    given = tuple(_several(fields, "fields"))
    if set(map(type, given)) != _ONLY_NAMES:  # True and 1.0 are equal to 1: what is remembered must be checked first
        given = tuple(map(_checked_path, given))
    return _plans[given]


class _Plans(Memo[tuple["str | Path", ...], Plan]):
    """Maps names and checked paths to their plan: a program has a handful, and making one takes longer than sealing."""

    def __missing__(self, fields: tuple[str | Path, ...]) -> Plan:
        plan = _make_plan([_checked_path(field) for field in fields])
        self.keep(fields, plan)
        return plan


def _make_plan(paths: list[Path]) -> Plan:
    if not paths:
        raise InvalidRequest("fields must name at least one field to seal")
    taken = set(paths)
    if len(taken) != len(paths):
        raise InvalidRequest("fields must name each field once")
    for path in paths:
        for length in range(1, len(path)):
            if path[:length] in taken:
                raise InvalidRequest(f"fields names {named(path)}, which is inside {named(path[:length])}; seal one")
    paths.sort(key=_text_of)
    lists = {path[: path.index(position)] for path in paths if (position := _first_position(path)) is not None}
    return Plan(
        tuple(paths),
        [shown(path) for path in paths],
        tuple(sorted(lists, key=_text_of)),
        frozenset(str(path[0]) for path in paths),
    )


_plans = _Plans(max_items=64, max_item_bytes=8192)


def shown(path: Path) -> Any:  # noqa: ANN401 - str or list
    """Return *path* as the message has it."""
    return path[0] if len(path) == 1 else list(path)


def _text_of(path: Path) -> bytes:
    return to_json(shown(path))


def _first_position(path: Path) -> int | None:
    return next((step for step in path if type(step) is int), None)


def checked_names(names: object, argument: str) -> tuple[str, ...]:
    """Return *names*, each the name of a field at the top of a record.

    :raises InvalidRequest: one is not a name, or is given twice
    """
    found = tuple(_several(names, argument))
    for name in found:
        if not _is_name(name):
            raise InvalidRequest(
                f"{argument} must name fields at the top of the record, each as a str that is not empty"
            )
    if len(set(found)) != len(found):
        raise InvalidRequest(f"{argument} must name each field once")
    return found


def _several(values: object, argument: str) -> Iterable[Any]:
    # The encryption context, where the fields were forgotten, would otherwise be the names of fields.
    is_mapping = isinstance(values, Mapping) and argument == "fields"
    if is_mapping or isinstance(values, (str, bytes, bytearray, memoryview)) or not hasattr(values, "__iter__"):
        raise InvalidRequest(f"{argument} must be a list or tuple of names, not {type(values).__name__}")
    return values


def _is_name(value: object) -> bool:
    # A subclass of str, such as an enum, may be equal to one name and be written as another.
    return type(value) is str and bool(value) and (value.isascii() or bool(utf_8(value, what="a name of a field")))


def _checked_path(field: object) -> Path:
    path = tuple(field) if isinstance(field, tuple) else (field,)
    if not path or len(path) > MAX_DEPTH:
        raise InvalidRequest(f"a field's path must have 1 to {MAX_DEPTH} steps, not {len(path)}")
    for step in path:
        is_position = type(step) is int and step >= 0
        if not is_position and not _is_name(step):
            raise InvalidRequest(
                "a field must be a name, or a tuple of names and list positions from 0, none of them empty; found a "
                f"step of type {type(step).__name__}"
            )
    if type(path[0]) is not str:
        raise InvalidRequest("a field's path must begin with a name, not with a list position")
    if type(path[-1]) is not str:
        raise InvalidRequest(f"{named(path)} is an element of a list, which can't be taken out; seal a key inside it")
    return path


def look_up(record: Mapping[str, Any], path: Path) -> Any:  # noqa: ANN401 - a value of a record
    """Return the value at *path*.

    :raises InvalidRequest: there is none
    """
    value: Any = record
    for length, step in enumerate(path, 1):
        value = _step(value, step)
        if value is _ABSENT:
            raise InvalidRequest(f"the record has no field {named(path[:length])}")
    return value


def _step(value: Any, step: str | int) -> Any:  # noqa: ANN401 - a value of a record
    if isinstance(step, str):
        return value.get(step, _ABSENT) if isinstance(value, dict) else _ABSENT
    return value[step] if type(value) is list and step < len(value) else _ABSENT


def take_out(record: dict[str, Any], paths: Iterable[Path]) -> tuple[dict[str, Any], list[Any]]:
    """Return a copy of *record* without the fields at *paths*, and their values.

    What no path leads through is shared with *record*, which stays as it is.

    :raises InvalidRequest: a field is not there
    """
    rest = dict(record)
    copied: set[Path] = set()
    values = []
    for path in paths:
        parent: dict[Any, Any] = (
            rest if len(path) == 1 else _own_parent(rest, path, copied, named_as=partial(_known_part, record))
        )
        if path[-1] not in parent:
            raise InvalidRequest(f"the record has no field {_known_part(record, path)}{_meant(path[-1], parent)}")
        values.append(parent.pop(path[-1]))
    return rest, values


def put_back(record: dict[str, Any], fields: Iterable[tuple[Path, Any]]) -> dict[str, Any]:
    """Return a copy of *record* with *fields* in it.

    :raises InvalidRequest: a field is there already, or the map that it belongs in is not
    """
    whole = dict(record)
    copied: set[Path] = set()
    for path, value in fields:
        parent: dict[Any, Any] = whole if len(path) == 1 else _own_parent(whole, path, copied)
        if path[-1] in parent:
            raise InvalidRequest(
                f"the field {named(path)} is sealed and is also in the record unencrypted; only one of them can be "
                "what was sealed, so neither is returned"
            )
        parent[path[-1]] = value
    return whole


def _known_part(record: dict[str, Any], path: Path) -> str:
    """Name *path*; a step that *record* does not have is named as :func:`name_shown` does."""
    value: Any = record
    for length, step in enumerate(path):
        value = _step(value, step)
        if value is _ABSENT and isinstance(step, str):
            return ".".join(filter(None, (named(path[:length]), name_shown(step))))
    return named(path)


def name_shown(name: str) -> str:
    """Return *name*, or what kind of thing it is if it is longer than names are: it may be a value in place of one."""
    return name if len(name) <= _LONGEST_NAME and name.isprintable() else f"<{kind_of(name)}>"


def _meant(name: str | int, record: Mapping[Any, Any]) -> str:
    import difflib  # noqa: PLC0415 - for failures only

    names = [key for key in islice(record, _MOST_COMPARED) if isinstance(key, str) and len(key) <= _LONGEST_NAME]
    near = difflib.get_close_matches(str(name)[:_LONGEST_NAME], names, n=1, cutoff=_NEAR)
    return f"; did you mean {near[0]}?" if near else ""


def _own_parent(
    record: dict[str, Any], path: Path, copied: set[Path], *, named_as: Callable[[Path], str] = named
) -> dict[Any, Any]:
    """Return the map that *path* ends in, after copying each container on the way that is still the caller's."""
    parent: Any = record
    for length, step in enumerate(path[:-1], 1):
        child = _step(parent, step)
        if not isinstance(child, (dict, list)):
            raise InvalidRequest(f"the record has no map or list {named_as(path[:length])}")
        if path[:length] not in copied:
            child = parent[step] = child.copy()
            copied.add(path[:length])
        parent = child
    if not isinstance(parent, dict):
        raise InvalidRequest(f"the record has no map {named_as(path[:-1])}")
    return parent
