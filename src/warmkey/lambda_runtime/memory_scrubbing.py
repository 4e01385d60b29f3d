"""Overwrite memory that Python has freed and not used again.

Dropping the last reference to a data key leaves its bytes where they were until something else is put there. Before a
snapshot, which would keep them for good, we put something there. This is best effort, not a promise: nobody can tell
Python to clear memory, and copies in the buffers of other libraries are out of reach.
"""

from __future__ import annotations

import sys

__all__ = ["overwrite_freed_memory"]

# CPython keeps free blocks by size, in steps of 16 bytes up to 512, and hands larger requests to malloc. Data keys,
# their base64, derived keys and private numbers are objects of 65 to 112 bytes; a response of KMS that holds one is
# parsed out of texts of 500 to 900 bytes, which were read into a buffer of 8 KiB.
_BLOCKS_OF_SIZE = {
    **dict.fromkeys(range(48, 513, 16), 1_000),
    **dict.fromkeys((80, 96, 112), 15_000),
    **dict.fromkeys((600, 800, 1_000, 1_500), 500),
    **dict.fromkeys((2_000, 4_000, 8_192), 300),
}
_HEADER_BYTES = sys.getsizeof(b"")


def overwrite_freed_memory() -> None:
    """Fill free blocks with zeros and free them again; about 8 MB more at its height, and 20 milliseconds."""
    filled = [bytes(size - _HEADER_BYTES) for size, count in _BLOCKS_OF_SIZE.items() for _ in range(count)]
    del filled
