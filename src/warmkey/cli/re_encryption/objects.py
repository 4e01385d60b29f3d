"""The messages that are objects under an S3 prefix."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError

from warmkey.cli.files import Base64Sink, Base64Source
from warmkey.cli.re_encryption.costs import ARCHIVED, ListedObjects, bucket_estimate
from warmkey.cli.re_encryption.outcomes import Outcome, Result
from warmkey.cli.re_encryption.properties import CannotCarryOver, grants_something, parameters_for, same
from warmkey.cli.re_encryption.rewriting import TargetFailed, front_of
from warmkey.cli.re_encryption.stores import ATTEMPTS, Item, code_of, result_of, told
from warmkey.cli.re_encryption.uploads import Upload, part_length
from warmkey.exceptions import ConfigurationError, WarmkeyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from warmkey.cli.re_encryption.rewriting import Rewriter
    from warmkey.cli.re_encryption.stores import Estimate
    from warmkey.client_apis.buffered_source import Source
    from warmkey.clock import Clock
    from warmkey.data_format.message_header import MessageHeader

__all__ = ["Objects"]

_CHANGED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
_GONE = frozenset({"NoSuchKey", "NoSuchVersion", "404"})
_NO_LOCK = frozenset({"NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError"})
# Requests that give an object its access control list.
_GRANTING = frozenset({"PutObject", "CreateMultipartUpload"})
_GRANTS_REFUSED = (
    "S3 does not let this role give the new object the grants of the old one's access control list; allow "
    "s3:PutObjectAcl, look at the bucket's Block Public Access, or give those permissions in the bucket's policy and "
    "make the list private"
)
_ARCHIVED = "it is archived; restore it first"
_DENIED = frozenset({"AccessDenied", "403"})


class _ChangedMeanwhile(Exception):
    """Another object is there than the one that was read."""


class Objects:
    """All objects whose key begins with a prefix.

    :param client: as ``boto3.client("s3")`` makes it
    :param prefix: may be empty
    :param is_base64: whether the objects are base64 text
    :param on_upload: told the key and ID of each upload in parts that begins
    :raises ConfigurationError: boto3 is too old to write only what is unchanged
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - boto3 has no types
        bucket: str,
        prefix: str,
        rewriter: Rewriter,
        *,
        clock: Clock,
        is_base64: bool = False,
        on_upload: Callable[[str, str], object],
    ) -> None:
        _check_client(client)
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._rewriter = rewriter
        self._clock = clock
        self._is_base64 = is_base64
        self._on_upload = on_upload
        self._has_lock = self._find_out_about_lock()

    def _find_out_about_lock(self) -> bool:
        try:
            found = self._client.get_object_lock_configuration(Bucket=self._bucket)
        except self._client.exceptions.ClientError as error:
            if code_of(error) in _NO_LOCK:
                return False
            raise
        return bool(found.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled")

    def estimate(self, after: Any) -> Estimate:  # noqa: ANN401 - JSON
        """List the objects, and return what the run means; see :class:`warmkey.cli.re_encryption.stores.Store`."""
        found = ListedObjects()
        for item in self.items(after):
            found.add(item.content)
        try:
            versioning = self._client.get_bucket_versioning(Bucket=self._bucket).get("Status")
        except self._client.exceptions.ClientError:  # not everybody may ask
            versioning = None
        return bucket_estimate(found, versioning=versioning, keys=len(self._rewriter.key_arns))

    def items(self, after: Any) -> Iterator[Item]:  # noqa: ANN401 - JSON
        """List the objects after the key *after*."""
        start = {"StartAfter": after} if after else {}
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix, **start
        )
        for page in pages:
            for listed in page.get("Contents", ()):
                yield Item(content=listed, position=listed["Key"])

    def process(self, item: Item, *, writes: bool) -> Result:
        """Rewrite one object, unless it changes meanwhile."""
        key = item.content["Key"]
        if item.content["Size"] == 0:  # what stands for a folder
            return Result(key=key, outcome=Outcome.NO_MESSAGE)
        if item.content.get("StorageClass") in ARCHIVED:
            return Result(key=key, outcome=Outcome.SKIPPED, problem=_ARCHIVED)
        result = Result(key=key, outcome=Outcome.CHANGED, problem="it was written by somebody else again and again")
        for _ in range(ATTEMPTS):
            try:
                return self._process(key, writes=writes)
            except _ChangedMeanwhile:
                continue
            except BotoCoreError as error:  # the connection broke while the object was read
                result = Result(key=key, outcome=Outcome.FAILED, problem=f"reading failed with {type(error).__name__}")
        return result

    def _process(self, key: str, *, writes: bool) -> Result:
        try:
            return self._rewritten({"Bucket": self._bucket, "Key": key}, writes=writes)
        except WarmkeyError as error:
            return result_of(key, error)
        except TargetFailed as error:
            return Result(key=key, outcome=Outcome.FAILED, problem=str(error))
        except CannotCarryOver as error:
            return Result(key=key, outcome=Outcome.SKIPPED, problem=str(error))
        except self._client.exceptions.ClientError as error:
            return _answered(key, error)

    def _rewritten(self, place: Mapping[str, str], *, writes: bool) -> Result:
        found = self._client.get_object(**place, ChecksumMode="ENABLED")
        with closing(found["Body"]) as body:
            header, source = front_of(Base64Source(body) if self._is_base64 else body)
            if self._rewriter.is_current(header):
                return Result(key=place["Key"], outcome=Outcome.CURRENT)
            parameters = self._parameters(place, found)
            if writes:
                length = self._replace(place, found, parameters, header, source)
            else:
                self._rewriter.rehearse(header, source)
                length = found["ContentLength"]
        return Result(key=place["Key"], outcome=Outcome.REWRITTEN, length=length)

    def _parameters(self, place: Mapping[str, str], found: Mapping[str, Any]) -> dict[str, Any]:
        if self._has_lock:
            self._check_lock_is_visible(place)
        return self._carried_over(place, found)

    def _carried_over(self, place: Mapping[str, str], found: Mapping[str, Any]) -> dict[str, Any]:
        return parameters_for(found, tags=self._tags(place), acl=self._acl(place), now=self._now())

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now().wall, UTC)

    def _tags(self, place: Mapping[str, str]) -> list[dict[str, str]]:
        # Asked for always: without the permission, nothing else would say that there are any.
        try:
            tags: list[dict[str, str]] = self._client.get_object_tagging(**place)["TagSet"]
        except self._client.exceptions.ClientError as error:
            _refuse_if_denied(error, "its tags can't be read")
            raise
        return tags

    def _acl(self, place: Mapping[str, str]) -> dict[str, Any]:
        try:
            acl: dict[str, Any] = self._client.get_object_acl(**place)
        except self._client.exceptions.ClientError as error:
            _refuse_if_denied(error, "its access control list can't be read")
            raise
        return acl

    def _check_lock_is_visible(self, place: Mapping[str, str]) -> None:
        """Check that we may see retention and legal hold: S3 leaves them out of its answers otherwise."""
        for ask in (self._client.get_object_retention, self._client.get_object_legal_hold):
            try:
                ask(**place)
            except self._client.exceptions.ClientError as error:
                if code_of(error) not in _NO_LOCK:
                    _refuse_if_denied(error, "its retention or legal hold can't be read")
                    raise

    def _replace(
        self,
        place: Mapping[str, str],
        found: Mapping[str, Any],
        parameters: Mapping[str, Any],
        header: MessageHeader,
        source: Source,
    ) -> int:
        length = found["ContentLength"]
        upload = Upload(
            self._client,
            place,
            parameters,
            etag=found["ETag"],
            part=part_length(length),
            on_begin=lambda upload_id: self._on_upload(place["Key"], upload_id),
        )
        try:
            self._write(upload, header, source, length)
            self._check_unchanged(place, found, parameters)
            upload.finish()
        except self._client.exceptions.ClientError as error:
            if grants_something(parameters) and code_of(error) in _DENIED and error.operation_name in _GRANTING:
                raise CannotCarryOver(f"{_GRANTS_REFUSED}: {told(error)}") from error
            raise
        finally:
            upload.abort()  # nothing, if it is finished
        return upload.length

    def _write(self, upload: Upload, header: MessageHeader, source: Source, length: int) -> None:
        if not self._is_base64:
            self._rewriter.rewrite_stream(header, source, most_bytes=length, write=upload.write)
            return
        with Base64Sink(upload) as text:  # type: ignore[arg-type]  # of a file it needs write alone
            self._rewriter.rewrite_stream(header, source, most_bytes=length, write=text.write)

    def _check_unchanged(
        self, place: Mapping[str, str], found: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> None:
        """Check what ``If-Match`` does not: grants, tags and metadata can change while the bytes stay the same."""
        now = self._client.head_object(**place, ChecksumMode="ENABLED")
        if not same(found, now) or parameters != self._carried_over(place, now):
            raise _ChangedMeanwhile


def _answered(key: str, error: Any) -> Result:  # noqa: ANN401 - botocore has no types
    code = code_of(error)
    if code in _CHANGED:
        raise _ChangedMeanwhile from None
    if code in _GONE:
        return Result(key=key, outcome=Outcome.GONE)
    if code == "InvalidObjectState":
        return Result(key=key, outcome=Outcome.SKIPPED, problem=_ARCHIVED)
    if code == "InvalidRequest" and error.operation_name == "GetObject":
        problem = "it is encrypted with a key that only its owner has (SSE-C)"
        return Result(key=key, outcome=Outcome.SKIPPED, problem=problem)
    return Result(key=key, outcome=Outcome.FAILED, problem=told(error))


def _refuse_if_denied(error: Any, problem: str) -> None:  # noqa: ANN401 - botocore has no types
    if code_of(error) in _DENIED:
        raise CannotCarryOver(f"{problem}: {told(error)}") from None


def _check_client(client: Any) -> None:  # noqa: ANN401 - boto3 has no types
    for operation in ("PutObject", "CompleteMultipartUpload"):
        if "IfMatch" not in client.meta.service_model.operation_model(operation).input_shape.members:
            raise ConfigurationError(
                "boto3 is too old to write an object only if it is unchanged (If-Match); update it to 1.35.70 or later"
            )
