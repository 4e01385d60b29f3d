"""What a run will set off, what it leaves behind, and what it will cost: told before it begins.

Prices are the list prices of us-east-1 in November 2026, in dollars: on-demand DynamoDB, and S3 by storage class. They
give the order of magnitude; the numbers of requests are what counts in other Regions and under other contracts.
"""

from __future__ import annotations

from collections import Counter
from math import ceil
from typing import TYPE_CHECKING, Any

from warmkey.cli.re_encryption.stores import Estimate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["ARCHIVED", "ListedObjects", "bucket_estimate", "table_estimate"]

_READ_UNIT = 0.125e-6
_WRITE_UNIT = 0.625e-6
_KMS_REQUEST = 3e-6
_LIST = 5e-6
# By storage class: a GET, a PUT, and a GB that is read back.
_S3 = {
    "STANDARD": (0.4e-6, 5e-6, 0.0),
    "INTELLIGENT_TIERING": (0.4e-6, 5e-6, 0.0),
    "STANDARD_IA": (1e-6, 10e-6, 0.01),
    "ONEZONE_IA": (1e-6, 10e-6, 0.01),
    "GLACIER_IR": (10e-6, 20e-6, 0.03),
}
# Objects that can't be read before they are restored.
ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
# Those that are billed for longer than they exist.
_MINIMUM_DAYS = {"STANDARD_IA": 30, "ONEZONE_IA": 30, "GLACIER_IR": 90}
_GB = 2**30


def table_estimate(description: Mapping[str, Any], *, parts: int, keys: int) -> Estimate:
    """Return what going through a table means, by its description; DynamoDB renews its counts every six hours."""
    total = ceil(description.get("ItemCount", 0) / parts)
    size = ceil(description.get("TableSizeBytes", 0) / parts)
    indexes = [*description.get("GlobalSecondaryIndexes", ()), *description.get("LocalSecondaryIndexes", ())]
    replicas = len(description.get("Replicas", ()))
    projecting = sum(index["Projection"].get("ProjectionType") != "KEYS_ONLY" for index in indexes)
    copies = (1 + projecting) * max(1, replicas)
    write_units = total * ceil(max(1, size / max(1, total)) / 1024) * copies
    return Estimate(
        total=total,
        notices=(*_table_notices(description, projecting=projecting, replicas=replicas),),
        costs=(
            ("read units", max(total, ceil(size / 4096)), _READ_UNIT),
            ("write units", write_units, _WRITE_UNIT),
            _kms(total, keys),
        ),
    )


def _table_notices(description: Mapping[str, Any], *, projecting: int, replicas: int) -> Iterable[str]:
    stream = description.get("StreamSpecification", {}).get("StreamEnabled", False)
    yield (
        "Each write wakes whatever reads the table's stream"
        + (", which is on" if stream else ", which is off at the moment")
        + ", and Kinesis streams, exports and zero-ETL copies of the table."
    )
    if projecting or replicas:
        yield f"Each write also goes to indexes ({projecting}) and replicas ({replicas}) that have the attribute."
    if replicas:
        yield (
            "In a global table, the condition that nobody else has written an item holds in this Region only. Run the "
            "command where the items are written, and keep other Regions from writing them meanwhile."
        )
    yield (
        "Backups, point-in-time recovery, exports and stream records keep the old messages, which stay readable with "
        "the old key. Keep that key until they have expired."
    )


class ListedObjects:
    """Counts the objects of a listing, by storage class."""

    def __init__(self) -> None:
        self.objects: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()

    def add(self, listed: Mapping[str, Any]) -> None:
        """Add one object, as a listing has it."""
        storage_class = listed.get("StorageClass", "STANDARD")
        self.objects[storage_class] += 1
        self.bytes[storage_class] += listed["Size"]


def bucket_estimate(found: ListedObjects, *, versioning: str | None, keys: int) -> Estimate:
    """Return what going through the objects *found* means.

    :param versioning: ``Enabled`` or ``Suspended``; ``None``: off, or not known
    """
    total = found.objects.total()
    costs = [("list requests", 2 * ceil(total / 1000), _LIST)]
    for storage_class, count in sorted(found.objects.items()):
        get, put, gb = _S3.get(storage_class, _S3["STANDARD"])
        if storage_class in ARCHIVED:
            continue
        # The object, its tags and its ACL; and its head and the other two once more before it is written.
        costs.append((f"requests to read ({storage_class})", 6 * count, get))
        costs.append((f"requests to write ({storage_class})", count, put))
        if gb:
            costs.append((f"GB read back ({storage_class})", ceil(found.bytes[storage_class] / _GB), gb))
    return Estimate(total=total, notices=(*_bucket_notices(found, versioning),), costs=(*costs, _kms(total, keys)))


def _bucket_notices(found: ListedObjects, versioning: str | None) -> Iterable[str]:
    yield (
        "Each write is a new object to everybody else: it sends event notifications, is replicated, begins its "
        "lifecycle anew, and changes ETag and modification time."
    )
    if versioning == "Enabled":
        yield "The bucket keeps versions: the old ones stay, are billed, and stay readable with the old key."
    yield (
        "Old versions, replicas in other buckets and backups keep the old messages, which stay readable with the old "
        "key. Keep that key until they are gone."
    )
    yield (
        "Objects over 16 MiB are uploaded in parts. A run that is killed leaves an incomplete upload, which is billed: "
        "the next run with the same --state aborts it, and so does a lifecycle rule of the bucket."
    )
    for storage_class, days in _MINIMUM_DAYS.items():
        if found.objects[storage_class]:
            yield f"Objects in {storage_class} are billed for at least {days} days, and so are the new ones."
    archived = sum(found.objects[each] for each in ARCHIVED)
    if archived:
        yield f"Archived objects ({archived:,}) are skipped; restore them first."


def _kms(total: int, keys: int) -> tuple[str, int, float]:
    # Decrypt for the old data key, GenerateDataKey and Encrypt for the new one, Decrypt to compare.
    return "KMS requests, or far fewer, as items share data keys and contexts", total * (2 + keys), _KMS_REQUEST
