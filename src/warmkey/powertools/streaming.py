"""Decrypt what Powertools' ``S3Object`` streams, ahead of its own transforms."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from warmkey.lambda_runtime.default_client import DEFAULT
from warmkey.powertools.installation import what_is_missing
from warmkey.safe_repr import safe_repr
from warmkey.structures import EncryptionContext
from warmkey.tracebacks import scrubbed

try:
    from aws_lambda_powertools.utilities.streaming.transformations import BaseTransform
except ImportError as error:
    raise what_is_missing("Streaming", error) from error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from warmkey.client_apis.decrypt_stream import DecryptStream

__all__ = ["DecryptTransform"]


@safe_repr
class DecryptTransform(BaseTransform[IO[bytes]]):
    """Decrypts an object while it is read: ``S3Object(...).transform([DecryptTransform(context), GzipTransform()])``.

    What is read is authentic, frame by frame. That the object is complete and, if it is signed, that its signature is
    valid is known only when there is no more to read; so read to the end, or discard what was read. A stream can't
    seek, which ``ZipTransform`` needs.

    :param encryption_context: pairs to insist on, as for :func:`warmkey.decrypt`
    :param unsigned_only: refuse signed messages, so that no plaintext is released ahead of its signature
    :param max_body_length: the most bytes of a frame, or of a body without frames, as for
        :meth:`warmkey.Client.decrypt_stream`
    :raises InvalidRequest: *encryption_context* is not one
    """

    @scrubbed
    def __init__(
        self,
        encryption_context: Mapping[str, str] | None = None,
        *,
        unsigned_only: bool = False,
        max_body_length: int | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._encryption_context = EncryptionContext.of(encryption_context)
        self._unsigned_only = unsigned_only
        self._max_body_length = max_body_length

    def __repr__(self) -> str:
        return f"DecryptTransform(unsigned_only={self._unsigned_only})"

    @scrubbed
    def transform(self, input_stream: IO[bytes]) -> DecryptStream:
        """Return the plaintext of the message in *input_stream* as a readable binary file.

        :raises InvalidRequest: an argument can't be used
        :raises ConfigurationError: a setting is missing or wrong

        Reading raises what :meth:`warmkey.Client.decrypt_stream` says.
        """
        default = DEFAULT.get()
        return default.client.decrypt_stream(
            input_stream,
            cmm=default.cmm,
            encryption_context=self._encryption_context,
            unsigned_only=self._unsigned_only,
            max_body_length=self._max_body_length,
        )
