"""What encrypt and decrypt give back.

Source: client-apis/encrypt.md#output, client-apis/decrypt.md#output
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from warmkey.data_format.message_header import MessageHeader, read_header
from warmkey.records import Value, value
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from warmkey.algorithm_suites import AlgorithmSuite

__all__ = ["DecryptResult", "EncryptResult"]


@safe_repr
@value
class EncryptResult(Value):
    """Holds a message.

    :ivar ciphertext: the message's bytes
    :ivar encryption_context: all that was authenticated, as a copy of your own
    :ivar algorithm_suite: the suite that was used
    """

    ciphertext: bytes = field(repr=False)
    encryption_context: dict[str, str] = field(repr=False)
    algorithm_suite: AlgorithmSuite

    def __init__(self, ciphertext: bytes, encryption_context: dict[str, str], algorithm_suite: AlgorithmSuite) -> None:
        self.ciphertext = ciphertext
        self.encryption_context = encryption_context
        self.algorithm_suite = algorithm_suite

    # Compared by identity: the time that comparing two plaintexts takes says where they differ.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @property
    def header(self) -> MessageHeader:
        """Return the fields of the message's header."""
        return read_header(self.ciphertext)


@safe_repr
@value
class DecryptResult(Value):
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

    def __init__(
        self,
        plaintext: bytes,
        encryption_context: dict[str, str],
        algorithm_suite: AlgorithmSuite,
        header: MessageHeader,
    ) -> None:
        self.plaintext = plaintext
        self.encryption_context = encryption_context
        self.algorithm_suite = algorithm_suite
        self.header = header

    __eq__ = object.__eq__
    __hash__ = object.__hash__
