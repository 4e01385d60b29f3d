"""Give S3 a new object in place of an old one that is still there: in one request, or in parts if it is large.

Memory holds one part. Until the last request nothing of the new object can be seen, and that request is refused if the
old object has changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["PART", "Upload", "part_length"]

PART = 2**24
# S3 takes 10,000; a new message can be a little longer than was estimated.
_MOST_PARTS = 9_000
# The body alone has these; the other parameters belong to the upload as a whole.
_OF_EACH_PART = ("ChecksumAlgorithm",)


def part_length(message_length: int) -> int:
    """Return how long each part is, in bytes: 16 MiB, or more if a message of so many bytes had too many parts."""
    return max(PART, -(-message_length // _MOST_PARTS))


class Upload:
    """Collects what is written.

    :param client: as ``boto3.client("s3")`` makes it
    :param place: the parameters ``Bucket`` and ``Key``
    :param parameters: what the object gets besides its bytes
    :param etag: of the object that this one replaces
    :param part: bytes in a part; what is shorter goes in one request
    :param on_begin: told the ID of an upload in parts before the first of them is sent
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - boto3 has no types
        place: Mapping[str, str],
        parameters: Mapping[str, Any],
        *,
        etag: str,
        part: int,
        on_begin: Callable[[str], object],
    ) -> None:
        self._client = client
        self._place = place
        self._parameters = parameters
        self._etag = etag
        self._part = part
        self._on_begin = on_begin
        self._upload_id: str | None = None
        self._parts: list[dict[str, Any]] = []
        self._buffer = bytearray()
        self.length = 0

    def write(self, chunk: bytes, /) -> int:
        """Take *chunk*, and send what makes a part."""
        self._buffer += chunk
        self.length += len(chunk)
        while len(self._buffer) > self._part:
            self._send(self._part)
        return len(chunk)

    def _send(self, length: int) -> None:
        if self._upload_id is None:
            self._upload_id = self._client.create_multipart_upload(**self._place, **self._parameters)["UploadId"]
            self._on_begin(self._upload_id)
        number = len(self._parts) + 1
        with memoryview(self._buffer) as buffer:
            body = bytes(buffer[:length])
        del self._buffer[:length]
        of_part = {name: self._parameters[name] for name in _OF_EACH_PART if name in self._parameters}
        sent = self._client.upload_part(
            **self._place, UploadId=self._upload_id, PartNumber=number, Body=body, **of_part
        )
        checksums = {
            name: value for name, value in sent.items() if name.startswith("Checksum") and name != "ChecksumType"
        }
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"], **checksums})

    def finish(self) -> None:
        """Put the new object in the place of the old one, if that is still what it was."""
        if self._upload_id is None:
            self._client.put_object(**self._place, **self._parameters, Body=bytes(self._buffer), IfMatch=self._etag)
            return
        self._send(len(self._buffer))
        self._client.complete_multipart_upload(
            **self._place, UploadId=self._upload_id, MultipartUpload={"Parts": self._parts}, IfMatch=self._etag
        )
        self._upload_id = None

    def abort(self) -> None:
        """Give up the parts that were sent."""
        if self._upload_id is not None:
            upload_id, self._upload_id = self._upload_id, None
            self._client.abort_multipart_upload(**self._place, UploadId=upload_id)
