"""Values: immutable, compared by what they hold, and cheap to declare.

``@dataclass(frozen=True, slots=True, kw_only=True)`` compiles six functions for each class in every process: half a
millisecond each, 11 ms of a cold start. :class:`Value` has the same six once, for all. What it costs instead is a
microsecond for each value that is made; whoever makes one for every message writes a class by hand.
"""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from typing import TYPE_CHECKING, Any, dataclass_transform

if TYPE_CHECKING:
    from dataclasses import Field
    from typing import ClassVar, NoReturn

__all__ = ["Value"]


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
class Value:
    """A subclass declares its fields as a dataclass does, and is one: ``fields``, ``replace`` and ``asdict`` take it.

    ``__post_init__`` may check what came together; its errors are the constructor's.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        dataclass(init=False, repr=False, eq=False, kw_only=True)(cls)

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - what the fields take
        """:raises TypeError: a field without a default is missing, or there is no such field"""
        values = {each.name: given.pop(each.name) if each.name in given else _default(each) for each in fields(self)}
        missing = [name for name, value in values.items() if value is MISSING]
        if missing or given:
            raise TypeError(f"{type(self).__name__}() lacks {missing}, and knows no {list(given)}")
        self.__dict__.update(values)
        self.__post_init__()

    def __post_init__(self) -> None:
        """For subclasses."""

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__qualname__}({shown})"

    def __eq__(self, other: object) -> bool:
        return self.__dict__ == other.__dict__ if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__.values()))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"cannot delete field {name!r}")


def _default(each: Field[Any]) -> Any:  # noqa: ANN401 - of any type
    return each.default if each.default_factory is MISSING else each.default_factory()
