"""docs/migrating.md: its snippets run (tests/test_docs.py), and what it says of the command and of requests is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.cli.re_encryption.stage import BUCKET, TABLE, stage
from tests.test_docs import kms, run
from warmkey.cli.main import main
from warmkey.cli.re_encryption import uploads

if TYPE_CHECKING:
    from warmkey.testing import KmsSession

__all__ = ["kms"]

PAGE = Path(__file__).parents[1] / "docs/migrating.md"
# Where an action is not called like the operation.
ACTIONS = {
    "ListObjectsV2": "ListBucket",
    "HeadObject": "GetObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
}


def test_the_snippets_leave_what_they_show(kms: KmsSession) -> None:
    names = run(PAGE, kms)

    assert names["new"]["id"] == "order-17"
    assert set(names["new"]) == {"id", "_sealed"}


def test_every_option_that_the_page_names_is_one_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    said = ""
    for store in ("dynamodb", "s3"):
        with pytest.raises(SystemExit):
            main(["re-encrypt", store, "--help"])
        said += capsys.readouterr().out
    named = set(re.findall(r"`(--[a-z0-9-]+)|\s(--[a-z0-9-]+)", PAGE.read_text().partition("\n## From one key")[2]))
    options = {option for pair in named for option in pair if option}

    assert {option for option in options if option not in said} == set()
    assert len(options) > 15


def test_the_permissions_are_those_of_the_requests_that_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "PART", 2**16)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)
    needed: set[str] = set()
    with stage() as here:
        here.make_table()
        here.make_bucket(ObjectLockEnabledForBucket=True)
        here.put_item({"id": "a", "_sealed": here.encrypt(b"x")})
        small, large = here.encrypt(b"x"), here.encrypt(bytes(2**20))
        damaged = large[:-1] + bytes([large[-1] ^ 1])  # noticed when parts have been sent, which are aborted
        for key, body in {"small": small, "large": large, "damaged": damaged}.items():
            here.s3.put_object(Bucket=BUCKET, Key=key, Body=body, Tagging="k=v")

        def note(model: Any, **_: Any) -> None:
            service = model.service_model.service_name
            needed.add(f"{service}:{ACTIONS.get(model.name, model.name)}")
            if model.name in ("GetObjectRetention", "GetObjectLegalHold"):
                raise ClientError({"Error": {"Code": "NoSuchObjectLockConfiguration"}}, model.name)

        def change(**_: Any) -> None:
            here.dynamodb.meta.events.unregister("before-call.dynamodb.UpdateItem", change)
            here.put_item({"id": "a", "_sealed": here.encrypt(b"y")})

        for client in (here.s3, here.dynamodb):
            client.meta.events.register("before-call", note)
        here.dynamodb.meta.events.register("before-call.dynamodb.UpdateItem", change)
        here.on_table("--write", "--key-arn", here.kms.create_key())
        here.on_objects("--write")
        needed |= {f"kms:{call.operation}" for call in here.kms.calls}
    permissions = set(re.findall(r"`((?:kms|dynamodb|s3):\w+)`", PAGE.read_text().partition("### Permissions")[2]))
    of_attributes = {"s3:PutObjectAcl", "s3:PutObjectLegalHold", "s3:PutObjectRetention", "s3:PutObjectTagging"}

    assert needed - {"dynamodb:PutItem"} == permissions - of_attributes
    assert TABLE in PAGE.read_text()
