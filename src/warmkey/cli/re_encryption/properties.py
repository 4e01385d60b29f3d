"""What an S3 object has besides its bytes, and the parameters that give it to the new one.

Whatever can't be carried over, or is not known here, makes the object one that is skipped: nothing is lost in silence.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

__all__ = ["CannotCarryOver", "grants_something", "parameters_for", "same"]

_AS_IT_IS = (
    "CacheControl",
    "ContentDisposition",
    "ContentLanguage",
    "ContentType",
    "Metadata",
    "StorageClass",
    "WebsiteRedirectLocation",
)
# The parameter for each permission. One to write is not among them: S3 has none for a single object.
_GRANTS = {
    "FULL_CONTROL": "GrantFullControl",
    "READ": "GrantRead",
    "READ_ACP": "GrantReadACP",
    "WRITE_ACP": "GrantWriteACP",
}
_ENCRYPTIONS = frozenset({"AES256", "aws:kms", "aws:kms:dsse"})
# What botocore can compute without a further package; for others S3 gets botocore's default.
_CHECKSUMS = ("CRC32", "SHA1", "SHA256")
# Known, and of this copy of the object only, or dealt with below.
_KNOWN = frozenset(
    {
        *_AS_IT_IS,
        "AcceptRanges",
        "Body",
        "BucketKeyEnabled",
        "ChecksumCRC32",
        "ChecksumCRC32C",
        "ChecksumCRC64NVME",
        "ChecksumSHA1",
        "ChecksumSHA256",
        "ChecksumType",
        "ContentEncoding",
        "ContentLength",
        "DeleteMarker",
        "ETag",
        "Expiration",
        "Expires",
        "ExpiresString",
        "LastModified",
        "MissingMeta",
        "ObjectLockLegalHoldStatus",
        "ObjectLockMode",
        "ObjectLockRetainUntilDate",
        "PartsCount",
        "ReplicationStatus",
        "RequestCharged",
        "ResponseMetadata",
        "SSEKMSKeyId",
        "ServerSideEncryption",
        "TagCount",
        "VersionId",
    }
)


class CannotCarryOver(Exception):
    """Say what of an object can't be given to a new one."""


def parameters_for(
    found: Mapping[str, Any], *, tags: Iterable[Mapping[str, str]], acl: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Return the parameters of ``put_object`` or ``create_multipart_upload`` that give the new object the same.

    :param found: the answer of ``get_object`` or ``head_object``
    :param tags: the tags of the object
    :param acl: its access control list
    :param now: objects that were to be kept until before now are free
    :raises CannotCarryOver: something can't be given to it
    """
    _check(found)
    parameters = {name: found[name] for name in _AS_IT_IS if found.get(name)}
    # botocore's own framing of an upload, which some stores remember.
    encodings = [each.strip() for each in found.get("ContentEncoding", "").split(",")]
    kept = [each for each in encodings if each not in ("", "aws-chunked")]
    if kept:
        parameters["ContentEncoding"] = ",".join(kept)
    if "Expires" in found:
        parameters["Expires"] = found["Expires"]
    if tags:
        parameters["Tagging"] = urlencode([(tag["Key"], tag["Value"]) for tag in tags])
    for algorithm in _CHECKSUMS:
        if f"Checksum{algorithm}" in found:
            parameters["ChecksumAlgorithm"] = algorithm
    return {**parameters, **_encryption(found), **_lock(found, now), **_grants(acl)}


def grants_something(parameters: Mapping[str, Any]) -> bool:
    """Return whether *parameters* give the object an access control list, which takes a permission of its own."""
    return not parameters.keys().isdisjoint(_GRANTS.values())


def _check(found: Mapping[str, Any]) -> None:
    unknown = sorted(found.keys() - _KNOWN)
    if unknown:
        raise CannotCarryOver(f"it has {', '.join(unknown)}, which this version of warmkey does not know")
    if found.get("MissingMeta"):
        raise CannotCarryOver("it has metadata that S3 can't return over HTTP")
    if not all(text.isascii() for pair in found.get("Metadata", {}).items() for text in pair):
        raise CannotCarryOver("it has metadata that is not ASCII")
    if "ExpiresString" in found and "Expires" not in found:
        raise CannotCarryOver("its Expires is not a date")


def _grants(acl: Mapping[str, Any]) -> dict[str, str]:
    """Return what gives the new object the grants of *acl*: nothing where only the owner has any, as by default."""
    if _is_private(acl):
        return {}
    grantees: defaultdict[str, list[str]] = defaultdict(list)
    for grant in acl["Grants"]:
        permission, grantee = grant.get("Permission"), _grantee(grant.get("Grantee", {}))
        if permission not in _GRANTS or grantee is None:
            raise CannotCarryOver(
                f"its access control list grants {permission} to a {grant.get('Grantee', {}).get('Type', 'grantee')}, "
                "which can't be given to a new object; remove that grant, or give the permission in the bucket's policy"
            )
        grantees[_GRANTS[permission]].append(grantee)
    return {name: ",".join(sorted(each)) for name, each in sorted(grantees.items())}


def _grantee(found: Mapping[str, str]) -> str | None:
    for name in ("ID", "URI"):
        if name in found:
            return f'{name.lower()}="{found[name]}"'
    return None


def _is_private(acl: Mapping[str, Any]) -> bool:
    owner = acl.get("Owner", {}).get("ID")
    return all(
        grant.get("Permission") == "FULL_CONTROL" and grant.get("Grantee", {}).get("ID") == owner
        for grant in acl.get("Grants", ())
    )


def _encryption(found: Mapping[str, Any]) -> dict[str, Any]:
    encryption = found.get("ServerSideEncryption")
    if encryption is None:
        return {}
    if encryption not in _ENCRYPTIONS:
        raise CannotCarryOver(f"its encryption at rest is {encryption}")
    parameters: dict[str, Any] = {"ServerSideEncryption": encryption}
    if found.get("SSEKMSKeyId"):
        parameters["SSEKMSKeyId"] = found["SSEKMSKeyId"]
    if encryption == "aws:kms":  # said always: where nothing is said, the bucket's setting of today counts
        parameters["BucketKeyEnabled"] = bool(found.get("BucketKeyEnabled"))
    return parameters


def _lock(found: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    until = found.get("ObjectLockRetainUntilDate")
    if found.get("ObjectLockMode") and until is not None and until > now:
        parameters["ObjectLockMode"] = found["ObjectLockMode"]
        parameters["ObjectLockRetainUntilDate"] = until
    if found.get("ObjectLockLegalHoldStatus") == "ON":
        parameters["ObjectLockLegalHoldStatus"] = "ON"
    return parameters


def same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Return whether an object is the one that it was: no other version, bytes or metadata."""
    names = ("ETag", "VersionId", "LastModified", "ContentLength")
    return all(before.get(name) == after.get(name) for name in names)
