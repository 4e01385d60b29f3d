"""The inner format of a sealed record, version 1.

A message of kind ``record`` holds canonical JSON (:mod:`warmkey.sealed.values`), an array of four:

1. the number 1;
2. the sealed fields: ``[path, value]`` for each, in the order of their JSON text. A path is a name, or an array of
   names and list positions;
3. the bound fields: ``[name, value]``, or ``[name]`` for one that the record did not have; sorted by name, numbers by
   value;
4. the lists that paths cross: ``[path, length, digest]``, in the order of their JSON text; the digest is base64url of
   the SHA-384 of what is left of the list without the sealed fields, numbers by value.

Points 3 and 4 tie the message to the record that it was made for: moved to another one, or beside a list whose
elements were edited or reordered, it is refused. They are inside the message and not in its encryption context, so
records of one tenant share a data key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha384
from typing import TYPE_CHECKING, Any, NamedTuple

from warmkey.exceptions import InvalidRequest, MalformedMessage, PolicyRefused
from warmkey.sealed.paths import checked_names, look_up, name_shown, plan_of, put_back, shown, take_out
from warmkey.sealed.text import from_base64url, to_base64url
from warmkey.sealed.values import comparable, decode, encode, named, to_json
from warmkey.validation import kind_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from warmkey.sealed.paths import Plan
    from warmkey.sealed.values import Path

__all__ = ["MAX_LENGTH", "check_stored", "restore", "take"]

_VERSION = 1
# Of the JSON. A record for a store is far smaller, and it is in memory several times while it is sealed.
MAX_LENGTH = 2**24
_DIGEST_LENGTH = 48


class _Content(NamedTuple):
    """What a message holds.

    :ivar values: one for each path of the plan
    :ivar bound: the rows of the bound fields, by name
    :ivar lists: a row for each list that a path crosses
    """

    plan: Plan
    values: list[Any]
    bound: dict[str, list[Any]]
    lists: list[list[Any]]

    def to_json(self) -> bytes:
        paths, shown_paths, _, _ = self.plan
        sealed = [
            [name, encode(value, path)] for name, path, value in zip(shown_paths, paths, self.values, strict=True)
        ]
        return to_json([_VERSION, sealed, [self.bound[name] for name in sorted(self.bound)], self.lists])


def take(record: object, fields: object, *, bound_to: object, under: object) -> tuple[dict[str, Any], bytes]:
    """Return *record* without *fields*, and the plaintext that holds them.

    :raises InvalidRequest: see :func:`warmkey.seal_record`
    """
    record = _checked_record(record)
    under = _checked_under(under)
    plan = plan_of(fields)
    names = checked_names(bound_to, "bound_to")
    _check_apart(record, plan, names, under)
    rest, values = take_out(record, plan.paths)
    bound = _rows(rest, names)
    for name, row in _rows(bound_to, names).items() if isinstance(bound_to, Mapping) else ():
        if row != bound[name]:
            raise InvalidRequest(f"bound_to gives a value for {named((name,))} that the record does not have")
    plaintext = _Content(plan, values, bound, _list_rows(rest, plan)).to_json()
    if len(plaintext) > MAX_LENGTH:
        raise InvalidRequest(f"the sealed fields take {len(plaintext)} bytes as JSON; {MAX_LENGTH} are allowed")
    return rest, plaintext


def restore(
    record: dict[str, Any], plaintext: bytes, *, bound_to: Mapping[str, Any] | tuple[str, ...] | None, under: str
) -> dict[str, Any]:
    """Return the whole record.

    :param record: as it was stored, with the message under *under*
    :param bound_to: as :func:`check_stored` returned it
    :raises MalformedMessage: *plaintext* is not a sealed record
    :raises InvalidRequest: *bound_to* can't be used
    :raises PolicyRefused: a bound field or list is not what it was when the record was sealed, or not what *bound_to*
        expects; or this record can't be what was sealed, because fields are in the way of each other or of the message
    """
    content = _parse(plaintext)
    if bound_to is not None:
        _check_expected(content.bound, bound_to)
    rest = {name: value for name, value in record.items() if name != under}
    try:
        _check_apart(rest, content.plan, content.bound, under)
        _check_unchanged(rest, content)
        return put_back(rest, zip(content.plan.paths, content.values, strict=True))
    except InvalidRequest as error:  # about the stored record, which is not the caller's argument to fix
        problem = str(error)
    raise PolicyRefused(problem)


def check_stored(record: object, *, under: object, bound_to: object) -> Mapping[str, Any] | tuple[str, ...] | None:
    """Check what can be checked before anything is decrypted, and return *bound_to* as :func:`restore` takes it.

    An iterator of names can be read once, and what read it again would insist on nothing.

    :raises InvalidRequest: *record* is not a dict, *under* is not a name, or *bound_to* is neither ``None`` nor names
        nor a mapping from names
    """
    _checked_record(record)
    _checked_under(under)
    if bound_to is None:
        return None
    names = checked_names(bound_to, "bound_to")
    if not names:
        raise InvalidRequest("bound_to must name at least one field, or be None: an empty one would insist on nothing")
    return bound_to if isinstance(bound_to, Mapping) else names


def _checked_record(record: object) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise InvalidRequest(f"the record must be a dict, not {type(record).__name__}")
    for key in record:
        if type(key) is not str:
            raise InvalidRequest(f"the record has a key of type {type(key).__name__}; names of fields must be str")
    return record


def _checked_under(under: object) -> str:
    if type(under) is not str or not under:
        raise InvalidRequest(f"under must be a str that is not empty, not {kind_of(under)}")
    return under


def _check_apart(record: dict[str, Any], plan: Plan, bound: Collection[str], under: str) -> None:
    if under in record:
        raise InvalidRequest(f"the record has a field {under} already: it is sealed, or `under` must be another name")
    if under in plan.names or under in bound:
        raise InvalidRequest(f"{under} is where the message goes, so it can't be sealed or bound")
    for name in plan.names.intersection(bound):
        raise InvalidRequest(
            f"bound_to names {named((name,))}, all or part of which is sealed; a field is either bound or sealed"
        )


def _check_expected(bound: dict[str, list[Any]], expected: Mapping[str, Any] | tuple[str, ...]) -> None:
    rows = _rows(expected, tuple(expected)) if isinstance(expected, Mapping) else {}
    for name in expected:
        if name not in bound:
            raise PolicyRefused(f"bound_to names {name_shown(name)}, which the sealed fields are not bound to")
        if name in rows and rows[name] != bound[name]:
            raise PolicyRefused(f"the sealed fields are bound to another {named((name,))} than bound_to expects")


def _check_unchanged(rest: dict[str, Any], content: _Content) -> None:
    for name, row in _rows(rest, content.bound).items():
        if row != content.bound[name]:
            raise PolicyRefused(f"the record's {named((name,))} is not the one that its sealed fields are bound to")
    if _list_rows(rest, content.plan) != content.lists:
        raise PolicyRefused("a list that holds sealed fields was edited or reordered since the record was sealed")


def _rows(record: Mapping[str, Any], names: Collection[str]) -> dict[str, list[Any]]:
    return {name: [name, comparable(record[name], (name,))] if name in record else [name] for name in names}


def _list_rows(rest: Mapping[str, Any], plan: Plan) -> list[list[Any]]:
    return [[shown(path), *_summary(look_up(rest, path), path)] for path in plan.lists]


def _summary(items: Any, path: Path) -> tuple[int, str]:  # noqa: ANN401 - a value of a record
    if type(items) is not list:
        raise InvalidRequest(f"the record has no list {named(path)}")
    return len(items), to_base64url(sha384(to_json(comparable(items, path))).digest())


def _parse(plaintext: bytes) -> _Content:
    content = None
    with suppress(ValueError, TypeError, LookupError, RecursionError):  # they hold what they are about
        content = _read(plaintext)
    if content is None:
        raise MalformedMessage("is not a sealed record of version 1, as seal_record writes it", where="sealed record")
    return content


def _read(plaintext: bytes) -> _Content | None:
    _, sealed, bound, lists = json.loads(plaintext.decode())
    content = _Content(
        plan_of([tuple(path) if type(path) is list else path for path, _ in sealed]),
        [decode(value) for _, value in sealed],
        dict(zip(checked_names([name for name, *_ in bound], "bound fields"), map(_read_row, bound), strict=True)),
        [[path, *_read_summary(*summary)] for path, *summary in lists],
    )
    if [path for path, *_ in content.lists] != [shown(path) for path in content.plan.lists]:
        return None
    # There is one text for each content: whatever else can be read as the same was not written by seal_record.
    return content if content.to_json() == plaintext else None


def _read_row(row: list[Any]) -> list[Any]:
    if len(row) == 1:
        return row
    name, value = row
    return [name, comparable(decode(value), ())]


def _read_summary(length: int, digest: str) -> tuple[int, str]:
    if type(length) is not int or len(from_base64url(digest, where="digest", writer="seal_record")) != _DIGEST_LENGTH:
        raise ValueError("not the length and digest of a list")
    return length, digest
