"""Read timestamps: seconds, milliseconds or RFC 3339, as whole nanoseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from warmkey.plan.text_files import as_read_by_people

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey.plan.outcome import Numbers, Reals

__all__ = ["Timestamps", "moment_of", "nanoseconds_of"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Up to the year 2103, so that the distance of any two times has a number of nanoseconds in 64 bits. What is larger is
# taken as milliseconds.
_LARGEST_SECONDS = 4.2e9
_LARGEST_MILLISECONDS = 4.2e12


class Timestamps:
    """Reads the timestamps of one file.

    :ivar milliseconds: whether they are numbers of milliseconds; the first number decides
    :ivar zoneless: how many had no offset from UTC, and were taken as UTC
    """

    def __init__(self) -> None:
        self.milliseconds: bool | None = None
        self.zoneless = 0

    def read(self, texts: Sequence[str]) -> Numbers:
        """Return nanoseconds since the epoch.

        :raises ValueError: one of *texts* is not a timestamp, without saying which
        """
        try:
            numbers = np.array(as_read_by_people(texts), dtype=np.float64)
        except ValueError:
            return np.array([self.read_one(text) for text in texts], dtype=np.int64)
        return self._of_numbers(numbers)

    def read_one(self, text: str) -> int:
        """Return the nanoseconds of one timestamp.

        :raises ValueError: says what must hold
        """
        try:
            number = float(*as_read_by_people([text]))
        except ValueError:
            return self._of_text(text)
        return int(self._of_numbers(np.array([number]))[0])

    def _of_numbers(self, numbers: Reals) -> Numbers:
        if self.milliseconds is None and len(numbers):
            self.milliseconds = bool(abs(numbers[0]) > _LARGEST_SECONDS)
        largest = _LARGEST_MILLISECONDS if self.milliseconds else _LARGEST_SECONDS
        if not (np.abs(numbers) <= largest).all():
            unit = "milliseconds" if self.milliseconds else "seconds"
            raise ValueError(f"must be a time in {unit} between 1836 and 2103")
        if self.milliseconds and not (np.abs(numbers) > _LARGEST_SECONDS).all():
            raise ValueError("must be a time in milliseconds, as the first one is")
        return nanoseconds_of(numbers, 1_000_000 if self.milliseconds else 1_000_000_000)

    def _of_text(self, text: str) -> int:
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            raise ValueError("must be a number of seconds, or a time as 2026-11-28T12:00:00Z") from None
        if moment.tzinfo is None:
            self.zoneless += 1
            moment = moment.replace(tzinfo=UTC)
        found = (moment - _EPOCH) // _MICROSECOND * 1000
        if abs(found) > _LARGEST_SECONDS * 1e9:
            raise ValueError("must be a time between 1836 and 2103")
        return found

    def notes(self) -> list[str]:
        """Say what was assumed."""
        found = ["timestamps are taken as milliseconds, because they are too large for seconds"] * bool(
            self.milliseconds
        )
        if self.zoneless:
            found.append(f"timestamps without an offset from UTC, taken as UTC: {self.zoneless:,}")
        return found


def moment_of(text: str) -> int | None:
    """Return the nanoseconds of a time in a log, whose fractions may follow a comma; ``None`` for other text."""
    try:
        return Timestamps().read_one(text.replace(",", "."))
    except ValueError:
        return None


def nanoseconds_of(numbers: Reals, unit: int) -> Numbers:
    """Return *numbers* of *unit* nanoseconds each as nanoseconds; equal distances stay equal."""
    whole = np.floor(numbers)
    return whole.astype(np.int64) * unit + np.rint((numbers - whole) * unit).astype(np.int64)
