"""What encrypt and decrypt give back.

Source: client-apis/encrypt.md#output, client-apis/decrypt.md#output
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from warmkey.data_format.message_header import MessageHeader, read_header
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from warmkey.algorithm_suites import AlgorithmSuite

__all__ = ["DecryptResult", "EncryptResult"]


@safe_repr
@dataclass(slots=True, eq=False)
class EncryptResult:
    """Holds a message.

    :ivar ciphertext: the message's bytes
    :ivar encryption_context: all that was authenticated, as a copy of your own
    :ivar algorithm_suite: the suite that was used
    """

    ciphertext: bytes = field(repr=False)
    encryption_context: dict[str, str] = field(repr=False)
    algorithm_suite: AlgorithmSuite

    @property
    def header(self) -> MessageHeader:
        """Return the fields of the message's header."""
        return read_header(self.ciphertext)


@safe_repr
@dataclass(slots=True, eq=False)
class DecryptResult:
    """What was in a message, all of it verified.

    :ivar plaintext: the bytes that were encrypted
    :ivar encryption_context: all that was authenticated, as a copy of your own: the pairs stored in the message and
        those that you supplied
    :ivar algorithm_suite: the suite that was used
    :ivar header: the fields of the message's header
    """

    plaintext: bytes = field(repr=False)
    encryption_context: dict[str, str] = field(repr=False)
    algorithm_suite: AlgorithmSuite
    header: MessageHeader = field(repr=False)
