"""Read hostile bytes: never past the end, and a failure says where."""

from __future__ import annotations

from warmkey.exceptions import MalformedMessage

__all__ = ["Reader", "following", "in_bytes", "truncated"]


def in_bytes(number: int) -> str:
    """Return *number* with its unit."""
    return f"{number} byte{'' if number == 1 else 's'}"


def following(number: int) -> str:
    """Return *number* with its unit and the verb."""
    return f"{in_bytes(number)} follow{'s' if number == 1 else ''}"


def truncated(needed: int, left: int, *, where: str, offset: int) -> MalformedMessage:
    """Return the error to raise where the message ends before the field *where* does."""
    return MalformedMessage(f"needs {in_bytes(needed)}, {left} left", where=where, offset=offset, truncated=True)


class Reader:
    """Takes fields from the front of *data*, from *offset* on.

    :ivar data: all of the bytes
    :ivar offset: where the next field starts
    :ivar section: named before each field in errors, for example ``encrypted data key 1``
    """

    __slots__ = ("_end", "data", "offset", "section")

    def __init__(self, data: bytes | memoryview, offset: int = 0) -> None:
        self.data = data
        self._end = len(data)
        self.offset = offset
        self.section = ""

    @property
    def left(self) -> int:
        """Return how many bytes have not been taken."""
        return self._end - self.offset

    def take(self, length: int, field: str) -> bytes:
        """Return the next *length* bytes.

        :raises MalformedMessage: there are fewer
        """
        start = self._advance(length, field)
        return bytes(self.data[start : self.offset])

    def view(self, length: int, field: str) -> memoryview:
        """Return the next *length* bytes without a copy.

        :raises MalformedMessage: there are fewer
        """
        start = self._advance(length, field)
        return memoryview(self.data)[start : self.offset]

    def _advance(self, length: int, field: str) -> int:
        start = self.offset
        if start + length > self._end:
            # spec: client-apis/decrypt.md#behavior 6dbb
            raise truncated(length, self._end - start, where=self._where(field), offset=start)
        self.offset = start + length
        return start

    def uint(self, length: int, field: str) -> int:
        """Return the next *length* bytes as an unsigned big-endian number."""
        # spec: data-format/message-header.md#structure 862b
        return int.from_bytes(self.take(length, field), "big")

    def sized(self, field: str) -> bytes:
        """Return a field that starts with its own length in two bytes."""
        return self.take(self.uint(2, f"{field} length"), field)

    def text(self, field: str) -> str:
        """Return a field of UTF-8 that starts with its own length in two bytes."""
        start = self.offset
        try:
            return self.sized(field).decode()
        except UnicodeDecodeError:
            pass  # raised below: the codec's error holds the bytes, and would be the context of ours
        raise self.malformed("is not UTF-8", field, start + 2)

    def malformed(self, problem: str, field: str, offset: int | None = None) -> MalformedMessage:
        """Return the error to raise about *field*, which starts at *offset* or is the next."""
        return MalformedMessage(problem, where=self._where(field), offset=self.offset if offset is None else offset)

    def _where(self, field: str) -> str:
        return f"{self.section} › {field}" if self.section else field
