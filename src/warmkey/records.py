"""Records: the immutable values that users see, facts and settings.

``@dataclass(frozen=True, slots=True, kw_only=True)`` compiles six functions for each class in every process: half a
millisecond a class, 10 ms of a cold start. :class:`Record` has those six once, for all. Making one takes 2 µs instead
of 1; reading its fields takes no longer.

How else values are declared: what loads later than ``import warmkey`` is a frozen dataclass, a private row of a table
is a ``NamedTuple``, and what is made for every message has a constructor by hand: as a :class:`Record`, or where
freezing would show, as a :class:`Value` that nobody changes.
"""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Sequence
    from dataclasses import Field
    from typing import ClassVar, NoReturn

__all__ = ["Record", "Value", "value"]

_Kind = TypeVar("_Kind", bound=type)


def value(kind: _Kind) -> _Kind:
    """Make the subclass *kind* of :class:`Value`, which has a constructor by hand, a dataclass with slots."""
    return dataclass(init=False, repr=False, eq=False, slots=True)(kind)  # type: ignore[return-value]


@safe_repr
class Value:  # noqa: PLW1641 - what can be changed has no hash
    """Shows and compares the fields of a dataclass without compiling anything for it."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __repr__(self) -> str:
        shown = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
        return f"{type(self).__qualname__}({shown})"

    def __eq__(self, other: object) -> bool:
        return _compared(self) == _compared(other) if type(other) is type(self) else NotImplemented


class _RecordType(type):
    """Makes each subclass of :class:`Record` a dataclass with slots, without compiling anything."""

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> Any:  # noqa: ANN401 - a type like itself
        made: type = super().__new__(cls, name, bases, namespace)
        if "__slots__" in namespace:  # Record itself; or made by the line below, which comes back here
            return made
        return dataclass(init=False, repr=False, eq=False, kw_only=True, slots=True)(made)

    @property
    def __signature__(cls) -> Signature:
        return Signature(
            Parameter(
                each.name,
                Parameter.KEYWORD_ONLY,
                default=Parameter.empty if _is_required(each) else _default(each),
                annotation=each.type,
            )
            for each in fields(cls)  # type: ignore[arg-type]
            if each.init
        )


@safe_repr
@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
class Record(Value, metaclass=_RecordType):
    """Makes a subclass that declares fields a frozen dataclass: ``fields``, ``replace`` and ``asdict`` take it.

    What ``field`` says by ``init``, ``repr`` and ``compare`` counts. ``__post_init__`` may check the values together;
    its errors are the constructor's.
    """

    __slots__ = ()

    def __init__(self, *positional: object, **given: Any) -> None:  # noqa: ANN401 - what the fields take
        """Set the fields.

        :raises TypeError: a field without a default is missing, or an argument is not a field given by its name
        """
        values = {
            each.name: given.pop(each.name) if each.init and each.name in given else _default(each)
            for each in fields(self)
        }
        if positional or given or MISSING in values.values():
            raise TypeError(f"{type(self).__qualname__}.__init__() {_problem(positional, given, values)}")
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the values; for subclasses."""

    def __hash__(self) -> int:
        return hash(_compared(self))

    def __getstate__(self) -> list[object]:
        return [getattr(self, each.name) for each in fields(self)]

    def __setstate__(self, state: list[object]) -> None:
        for each, value in zip(fields(self), state, strict=True):
            object.__setattr__(self, each.name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"cannot delete field {name!r}")


def _compared(value: Value) -> tuple[object, ...]:
    return tuple(getattr(value, each.name) for each in fields(value) if each.compare)


def _is_required(each: Field[Any]) -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _default(each: Field[Any]) -> Any:  # noqa: ANN401 - of any type
    return each.default if each.default_factory is MISSING else each.default_factory()


def _problem(positional: Sequence[object], unexpected: dict[str, object], values: dict[str, object]) -> str:
    """Return what Python says of a function with these keyword-only arguments."""
    if unexpected:
        return f"got an unexpected keyword argument {next(iter(unexpected))!r}"
    if positional:
        return f"takes 1 positional argument but {1 + len(positional)} were given"
    missing = [repr(name) for name, value in values.items() if value is MISSING]
    several = "s" if len(missing) > 1 else ""
    return f"missing {len(missing)} required keyword-only argument{several}: {_listed(missing)}"


def _listed(names: list[str]) -> str:
    if len(names) > 2:  # noqa: PLR2004 - as Python does, a comma before "and" from three names on
        return f"{', '.join(names[:-1])}, and {names[-1]}"
    return " and ".join(names)
