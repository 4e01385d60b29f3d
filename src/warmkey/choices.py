"""Enums that don't show what they were asked for."""

from __future__ import annotations

from typing import NoReturn

from warmkey.exceptions import InvalidRequest
from warmkey.validation import kind_of

__all__ = ["Choice"]


class Choice:
    """Makes an enum refuse a value without showing it, as Enum itself does: a mixin, before the enum's type.

    What is in the place of a member may be a key, and an int that is not one of them, too.
    """

    __slots__ = ()

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        """Refuse *value*.

        :raises InvalidRequest: always
        """
        raise InvalidRequest(f"{cls.__name__} has no member of this value, which is given as {kind_of(value)}")
