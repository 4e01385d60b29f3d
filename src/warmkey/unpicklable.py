"""Keep what holds key material in the process that made it."""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

__all__ = ["KEY_MATERIAL", "Unpicklable", "without_state"]


class Unpicklable:
    """Refuses to be pickled or copied, however Python is asked to: a base class."""

    __slots__ = ()

    def refuse_to_leave(self, *_args: Any) -> NoReturn:  # noqa: ANN401 - the signatures of the pickle protocol
        """Raise, whatever part of the pickle protocol is called.

        :raises TypeError: always
        """
        raise TypeError(f"{type(self).__name__} holds key material and can't be pickled or copied")

    __reduce_ex__ = __reduce__ = __copy__ = __deepcopy__ = refuse_to_leave


class _KeyMaterial(Unpicklable):
    """A field of this type makes ``dataclasses.asdict`` and ``astuple``, which copy what they find, refuse a class."""

    __slots__ = ()

    def refuse_to_leave(self, *_args: Any) -> NoReturn:  # noqa: ANN401 - see above
        """Raise.

        :raises TypeError: always
        """
        raise TypeError("this holds key material and can't become a dict or a tuple")

    __reduce_ex__ = __reduce__ = __copy__ = __deepcopy__ = refuse_to_leave


KEY_MATERIAL = _KeyMaterial()


_Kind = TypeVar("_Kind", bound=Unpicklable)


def without_state(kind: type[_Kind]) -> type[_Kind]:
    """Decorate a frozen dataclass with slots: its method that tells all, too, refuses.

    Up to Python 3.11.3 the dataclass replaces one of ours by it.
    """
    kind.__getstate__ = Unpicklable.refuse_to_leave  # type: ignore[assignment]
    return kind
