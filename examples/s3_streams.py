"""Files in S3 that only this program can read, of any size: encrypted and decrypted while they travel.

Neither direction keeps more than a few megabytes in memory. An upload that failed is begun again from the start of the
source; a download that failed leaves nothing behind.

Needs ``WARMKEY_KMS_KEY_ARNS`` and a bucket. ``tests/examples/test_s3_streams.py`` runs it on moto.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any, BinaryIO

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

import warmkey

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["download", "upload"]

ATTEMPTS = 3


def upload(bucket: Any, key: str, source: BinaryIO, tenant: str) -> None:  # noqa: ANN401 - boto3 has no types
    """Store what *source* has, from its position on. It must be able to seek, as a file is.

    boto3 sends a stream in parts, and repeats a part by itself. What it can't do is to begin again: a stream can't be
    rewound, because the message that it is giving was partly sent and forgotten. The source can. Without rewinding it,
    the next attempt would encrypt only what is left of it, and that would be stored without an error.
    """
    start = source.tell()
    for attempt in range(1, ATTEMPTS + 1):
        length = source.seek(0, os.SEEK_END) - start
        source.seek(start)
        try:
            bucket.upload_fileobj(_encrypting(source, length, tenant), key)
        except (Boto3Error, BotoCoreError, ClientError):
            if attempt == ATTEMPTS:
                raise
        else:
            return


def _encrypting(source: BinaryIO, length: int, tenant: str) -> BinaryIO:
    return warmkey.default_client().encrypt_stream(
        source,
        cmm=warmkey.default_cmm(),
        encryption_context={"tenant": tenant},
        frame_length="auto",
        plaintext_length=length,  # so that the data key comes from the cache
    )


def download(bucket: Any, key: str, target: Path, tenant: str) -> None:  # noqa: ANN401 - boto3 has no types
    """Write the file to *target*, all of it or nothing: its end and its signature are verified last."""
    body = bucket.Object(key).get()["Body"]
    partial = target.with_name(f"{target.name}.partial")
    client, cmm = warmkey.default_client(), warmkey.default_cmm()
    try:
        with (
            partial.open("wb") as file,
            client.decrypt_stream(body, cmm=cmm, encryption_context={"tenant": tenant}) as stream,
        ):
            shutil.copyfileobj(stream, file)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
