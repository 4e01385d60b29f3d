"""``warmkey re-encrypt s3``: what is written, what carries over, what is skipped, and what never happens."""

from __future__ import annotations

import base64
import io
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError
from botocore.response import StreamingBody

import warmkey
from tests.cli.re_encryption.stage import BUCKET, SIGNED, UNSIGNED, OtherWriter, Stage, stage
from warmkey import Client
from warmkey.cli.re_encryption import uploads
from warmkey.cli.re_encryption.objects import Objects
from warmkey.cli.re_encryption.outcomes import Outcome
from warmkey.cli.re_encryption.rewriting import Rewriter, Signing
from warmkey.cli.re_encryption.stores import Item
from warmkey.clock import SystemClock
from warmkey.data_format.message_header import read_header

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TENANT = {"tenant": "a"}
PART = 2**16


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(uploads, "PART", PART)
    monkeypatch.setattr("moto.settings.S3_UPLOAD_PART_MIN_SIZE", 1, raising=False)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)
    with stage(capsys) as made:
        made.make_bucket()
        yield made


def put(here: Stage, key: str, body: bytes, **more: Any) -> None:
    here.s3.put_object(Bucket=BUCKET, Key=key, Body=body, **more)


def requests(here: Stage) -> list[str]:
    """The operations that are sent from now on."""
    seen: list[str] = []
    here.s3.meta.events.register("before-call.s3", lambda model, **_: seen.append(model.name))
    return seen


def uploads_left(here: Stage) -> list[Any]:
    return list(here.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []))


# --- writing


@pytest.mark.parametrize("length", [0, 1, 5000, PART - 3000, 3 * PART, 3 * PART + 1])
@pytest.mark.parametrize("suite", [SIGNED, UNSIGNED])
def test_objects_come_under_the_new_key_small_or_in_parts(here: Stage, length: int, suite: Any) -> None:
    plaintext = bytes(range(256)) * (length // 256) + bytes(length % 256)
    put(here, "in/a", here.encrypt(plaintext, TENANT, suite=suite))
    put(here, "out/b", b"not ours")
    seen = requests(here)

    assert here.on_objects("--write", "--json", prefix="in/") == 0

    message = here.object("in/a")
    assert here.key_arns(message) == [here.new]
    assert read_header(message).algorithm_suite is suite
    assert here.decrypt(message, **TENANT) == plaintext
    assert here.counts == {"examined": 1, "rewritten": 1, "written_bytes": len(message)}
    assert here.object("out/b") == b"not ours"
    assert ("CompleteMultipartUpload" in seen) == (length > PART)
    assert uploads_left(here) == []


def test_without_write_nothing_is_written_and_no_body_is_read(here: Stage) -> None:
    put(here, "a", here.encrypt(bytes(3 * PART), TENANT, suite=SIGNED))
    before = here.object("a")

    assert here.on_objects() == 0
    assert here.object("a") == before
    assert "to rewrite  1" in here.out


def test_a_second_run_finds_nothing_to_do(here: Stage) -> None:
    put(here, "a", here.encrypt(b"x", TENANT))
    here.on_objects("--write")
    seen = requests(here)

    assert here.on_objects("--write", "--json") == 0
    assert here.counts == {"examined": 1, "current": 1}
    assert here.lines[-1]["summary"]["kms_requests"] == {}
    assert seen.count("GetObject") == 1
    assert "PutObject" not in seen


def test_base64_objects_stay_base64(here: Stage) -> None:
    for key, length in {"short": 10, "long": 2 * PART}.items():
        put(here, key, base64.b64encode(here.encrypt(bytes(length))))

    assert here.on_objects("--base64", "--write") == 0
    for key, length in {"short": 10, "long": 2 * PART}.items():
        message = base64.b64decode(here.object(key), validate=True)
        assert here.decrypt(message) == bytes(length)
        assert here.key_arns(message) == [here.new]


def test_folders_are_no_messages(here: Stage) -> None:
    put(here, "in/", b"")

    assert here.on_objects("--write", "--json") == 0
    assert here.counts == {"examined": 1, "no_message": 1}


def test_a_bucket_that_is_not_there_and_one_that_we_may_not_ask_are_told_in_a_line(here: Stage) -> None:
    command = ["s3", "--bucket", "nowhere", "--key-arn", here.new]
    assert here(command) == 1
    assert here.err.startswith("warmkey: GetObjectLockConfiguration failed with NoSuchBucket")

    def refuse(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://s3")

    here.s3.meta.events.register("before-call.s3.GetObjectLockConfiguration", refuse)
    assert here(command) == 1
    assert here.err == 'warmkey: Could not connect to the endpoint URL: "https://s3"\n'


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            NoCredentialsError(),
            "Unable to locate credentials (give credentials by --profile, variables or a role)",
        ),
        (
            ClientError({"Error": {"Code": "ExpiredToken", "Message": "It has expired"}}, "GetObjectLockConfiguration"),
            "GetObjectLockConfiguration failed with ExpiredToken: It has expired (refresh the credentials)",
        ),
    ],
    ids=["none", "expired"],
)
def test_what_to_do_about_credentials_is_said(here: Stage, error: Exception, said: str) -> None:
    def refuse(**_: Any) -> None:
        raise error

    here.s3.meta.events.register("before-call.s3", refuse)

    assert here(["s3", "--bucket", "letters", "--key-arn", here.new]) == 1
    assert here.err == f"warmkey: {said}\n"


def test_a_listing_is_enough_where_nobody_may_ask_for_versioning_or_retention_fails(here: Stage) -> None:
    here.s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    here.s3.put_object(Bucket="locked", Key="a", Body=here.encrypt(b"x"))

    def refuse(model: Any, **_: Any) -> None:
        raise ClientError({"Error": {"Code": "InternalError"}}, model.name)

    for operation in ("GetBucketVersioning", "GetObjectRetention"):
        here.s3.meta.events.register(f"before-call.s3.{operation}", refuse)
    assert here(["s3", "--bucket", "locked", "--key-arn", here.new, "--from-key-arn", here.old, "--write"]) == 1
    assert "failed  a  GetObjectRetention failed with InternalError" in here.out
    assert "Old versions, replicas in other buckets" in here.err


def test_a_kind_carries_over_in_a_stream_too(here: Stage) -> None:
    from warmkey.cli.re_encryption.rewriting import _KindCMM  # noqa: PLC0415 - as sealing does it, for a long one

    cmm = _KindCMM(warmkey.DefaultCMM(warmkey.AwsKmsKeyring(here.old, kms_client=here.kms)), "record")
    put(here, "a", here.encrypt(bytes(2 * PART), TENANT, cmm=cmm))

    assert here.on_objects("--write") == 0
    message = here.object("a")
    assert read_header(message).encryption_context == {**TENANT, "warmkey-kind": "record"}
    read = warmkey.DefaultCMM(here.keyring(here.new))
    opened = Client().decrypt(message, cmm=_KindCMM(read, "record"), encryption_context={"warmkey-kind": "record"})
    assert opened.plaintext == bytes(2 * PART)


# --- what carries over


PROPERTIES: dict[str, Any] = {
    "CacheControl": "max-age=60",
    "ContentDisposition": 'attachment; filename="a"',
    "ContentEncoding": "gzip",
    "ContentLanguage": "de",
    "ContentType": "application/x-sealed",
    "Metadata": {"owner": "erika", "empty": ""},
    "StorageClass": "STANDARD_IA",
    "WebsiteRedirectLocation": "/elsewhere",
}


@pytest.mark.parametrize("length", [10, 2 * PART])
def test_metadata_tags_storage_class_and_encryption_carry_over(here: Stage, length: int) -> None:
    tags = "tenant=a%20b&class=secret&none="
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "arn:aws:kms:us-east-1:1:key/x"}
    put(here, "a", here.encrypt(bytes(length)), **PROPERTIES, **encryption, BucketKeyEnabled=True, Tagging=tags)
    sent: list[Any] = []
    operation = "CreateMultipartUpload" if length > PART else "PutObject"
    here.s3.meta.events.register(f"provide-client-params.s3.{operation}", lambda params, **_: sent.append(params))
    before = here.s3.get_object_tagging(Bucket=BUCKET, Key="a")["TagSet"]

    assert here.on_objects("--write") == 0

    found = here.s3.head_object(Bucket=BUCKET, Key="a")
    assert here.s3.get_object_tagging(Bucket=BUCKET, Key="a")["TagSet"] == before != []
    given = {name: value for name, value in sent[0].items() if name not in ("Bucket", "Key", "Body", "IfMatch")}
    assert given.pop("ChecksumAlgorithm", "CRC32") == "CRC32"
    assert given == {**PROPERTIES, **encryption, "BucketKeyEnabled": True, "Tagging": given["Tagging"]}
    assert found["Metadata"] == PROPERTIES["Metadata"]
    assert found["StorageClass"] == "STANDARD_IA"
    assert found["ContentType"] == "application/x-sealed"


ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
SOMEBODY = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"


def grants(here: Stage, key: str) -> list[Any]:
    found = here.s3.get_object_acl(Bucket=BUCKET, Key=key)["Grants"]
    return sorted((each["Permission"], each["Grantee"].get("ID") or each["Grantee"]["URI"]) for each in found)


@pytest.mark.parametrize("length", [1, 2 * PART], ids=["in one request", "in parts"])
@pytest.mark.parametrize(
    "acl",
    [
        {"ACL": "public-read"},
        {"ACL": "authenticated-read"},
        {"GrantRead": f'id="{SOMEBODY}",uri="{ALL_USERS}"', "GrantWriteACP": f'id="{SOMEBODY}"'},
    ],
    ids=["public", "authenticated", "grants"],
)
def test_an_object_keeps_its_access_control_list(here: Stage, acl: dict[str, str], length: int) -> None:
    put(here, "a", here.encrypt(bytes(length)), **acl)
    before = grants(here, "a")
    assert len(before) > 1 or "GrantRead" in acl

    assert here.on_objects("--write") == 0
    assert here.key_arns(here.object("a")) == [here.new]
    assert grants(here, "a") == before


def test_grants_that_change_meanwhile_are_seen(here: Stage) -> None:
    put(here, "a", here.encrypt(b"x"))
    OtherWriter(
        here.s3, "HeadObject", lambda: here.s3.put_object_acl(Bucket=BUCKET, Key="a", GrantRead=f'uri="{ALL_USERS}"')
    )

    assert here.on_objects("--write") == 0
    assert grants(here, "a") == [("READ", ALL_USERS)]
    assert here.key_arns(here.object("a")) == [here.new]


@pytest.mark.parametrize(("length", "operation"), [(1, "PutObject"), (2 * PART, "CreateMultipartUpload")])
def test_an_object_whose_grants_s3_refuses_is_skipped_and_named_with_what_to_do(
    here: Stage, length: int, operation: str
) -> None:
    put(here, "a", here.encrypt(bytes(length)), ACL="public-read")
    put(here, "b", here.encrypt(bytes(length)))
    before = here.object("a")

    def deny(params: dict[str, Any], **_: Any) -> None:
        if any(name.lower().startswith("x-amz-grant") for name in params["headers"]):
            raise ClientError({"Error": {"Code": "AccessDenied"}}, operation)

    here.s3.meta.events.register(f"before-call.s3.{operation}", deny)

    assert here.on_objects("--write") == 1
    assert "skipped  a  S3 does not let this role give the new object the grants" in here.out
    assert "allow s3:PutObjectAcl, look at the bucket's Block Public Access" in here.out
    assert f"{operation} failed with AccessDenied" in here.out
    assert here.object("a") == before
    assert here.key_arns(here.object("b")) == [here.new]


def test_an_archived_object_is_skipped_and_named(here: Stage) -> None:
    put(here, "a", here.encrypt(b"x"), StorageClass="GLACIER")

    assert here.on_objects("--write") == 1
    assert "skipped  a  it is archived; restore it first" in here.out
    assert "Archived objects (1) are skipped" in here.err


@pytest.mark.parametrize(
    ("operation", "code", "outcome", "problem"),
    [
        ("GetObject", "InvalidObjectState", "skipped", "it is archived; restore it first"),
        ("GetObject", "InvalidRequest", "skipped", "it is encrypted with a key that only its owner has (SSE-C)"),
        ("GetObject", "AccessDenied", "failed", "GetObject failed with AccessDenied"),
        ("GetObjectTagging", "AccessDenied", "skipped", "its tags can't be read: GetObjectTagging failed with"),
        ("GetObjectAcl", "AccessDenied", "skipped", "its access control list can't be read"),
        ("GetObjectAcl", "InternalError", "failed", "GetObjectAcl failed with InternalError"),
        ("GetObjectTagging", "InternalError", "failed", "GetObjectTagging failed with InternalError"),
        ("PutObject", "AccessDenied", "failed", "PutObject failed with AccessDenied"),
    ],
)
def test_what_s3_refuses_is_named_and_left(here: Stage, operation: str, code: str, outcome: str, problem: str) -> None:
    put(here, "a", here.encrypt(b"x"))
    before = here.object("a")

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": code}}, operation)

    here.s3.meta.events.register(f"before-call.s3.{operation}", refuse)
    assert here.on_objects("--write") == 1
    here.s3.meta.events.unregister(f"before-call.s3.{operation}", refuse)

    assert f"{outcome}  a  {problem}" in here.out
    assert here.object("a") == before


@pytest.mark.parametrize("length", [10, 2 * PART])
def test_retention_and_legal_hold_carry_over(here: Stage, length: int) -> None:
    here.s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)

    def none(**_: Any) -> None:  # moto has no such operation
        raise ClientError({"Error": {"Code": "NoSuchObjectLockConfiguration"}}, "GetObjectRetention")

    here.s3.meta.events.register("before-call.s3.GetObjectRetention", none)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=10)
    lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until, "ObjectLockLegalHoldStatus": "ON"}
    here.s3.put_object(Bucket="locked", Key="a", Body=here.encrypt(bytes(length)), **lock)
    here.s3.put_object(Bucket="locked", Key="free", Body=here.encrypt(b"x"))
    sent: list[Any] = []
    for operation in ("PutObject", "CreateMultipartUpload"):
        here.s3.meta.events.register(f"provide-client-params.s3.{operation}", lambda params, **_: sent.append(params))

    assert here(["s3", "--bucket", "locked", "--key-arn", here.new, "--from-key-arn", here.old, "--write"]) == 0

    assert {name: sent[0][name] for name in lock} == lock
    assert not lock.keys() & sent[1].keys()


def test_a_lock_that_we_may_not_see_makes_us_skip_the_object(here: Stage) -> None:
    here.s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    here.s3.put_object(Bucket="locked", Key="a", Body=here.encrypt(b"x"))

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObjectRetention")

    here.s3.meta.events.register("before-call.s3.GetObjectRetention", refuse)
    assert here(["s3", "--bucket", "locked", "--key-arn", here.new, "--from-key-arn", here.old, "--write"]) == 1
    assert "skipped  a  its retention or legal hold can't be read" in here.out


# --- what can't be read


def test_unreadable_objects_are_counted_and_listed_by_key_and_the_others_are_done(here: Stage) -> None:
    put(here, "good", here.encrypt(b"x"))
    put(here, "plain", b"just text")
    put(here, "of another key", here.encrypt(b"x", key=here.kms.create_key()))
    put(here, "with\x07bell", b"\x02")

    assert here.on_objects("--write", "--json") == 1
    assert here.counts["rewritten"] == 1
    assert {line["key"] for line in here.lines[:-1]} == {"plain", "of another key", "with\x07bell"}
    assert here.on_objects("--write") == 1
    assert 'unreadable  "with\\u0007bell"' in here.out


@pytest.mark.parametrize("suite", [SIGNED, UNSIGNED])
@pytest.mark.parametrize("where", [-1, -70_000])
def test_a_message_that_is_damaged_anywhere_is_never_replaced(here: Stage, suite: Any, where: int) -> None:
    """Also where parts of the new one have been sent before the damage is met."""
    damaged = bytearray(here.encrypt(bytes(12 * PART), suite=suite))
    damaged[where] ^= 1
    put(here, "a", bytes(damaged))
    seen = requests(here)

    assert here.on_objects("--write") == 1
    assert "unreadable  a" in here.out
    assert here.object("a") == bytes(damaged)
    assert "AbortMultipartUpload" in seen
    assert uploads_left(here) == []


@pytest.mark.parametrize("length", [10, 3 * PART])
@pytest.mark.parametrize("what", ["plaintext", "suite"])
def test_a_new_message_that_differs_is_never_put_in_place(
    here: Stage, monkeypatch: pytest.MonkeyPatch, length: int, what: str
) -> None:
    put(here, "a", here.encrypt(bytes(length)))
    before = here.object("a")
    encrypt_stream = Client.encrypt_stream

    def wrong(self: Any, source: Any, **given: Any) -> Any:
        if what == "suite":
            return encrypt_stream(self, source, **{**given, "algorithm_suite": SIGNED})
        return encrypt_stream(self, io.BytesIO(b"!" + source.read(10**6)[1:]), **given)

    monkeypatch.setattr(Client, "encrypt_stream", wrong)

    assert here.on_objects("--write") == 1
    assert "failed  a  the new message has " in here.out
    assert here.object("a") == before
    assert uploads_left(here) == []


def test_where_the_target_key_can_encrypt_and_not_decrypt_nothing_is_written(here: Stage) -> None:
    put(here, "a", here.encrypt(b"x"))
    before = here.object("a")
    here.kms.deny("Decrypt", here.new)

    for arguments in ((), ("--write",)):
        assert here.on_objects(*arguments) == 1
        assert "failed  a  the new message can't be made, or not be read" in here.out
    assert here.object("a") == before


# --- others write as well


@pytest.mark.parametrize("length", [10, 2 * PART])
def test_an_object_that_changed_is_read_again_and_never_overwritten(here: Stage, length: int) -> None:
    put(here, "a", here.encrypt(bytes(length)))
    operation = "CompleteMultipartUpload" if length > PART else "PutObject"
    newer = here.encrypt(b"newer")
    OtherWriter(here.s3, operation, lambda: put(here, "a", newer))

    assert here.on_objects("--write") == 0
    assert here.decrypt(here.object("a")) == b"newer"
    assert uploads_left(here) == []


@pytest.mark.parametrize("length", [10, 2 * PART])
def test_an_object_that_was_deleted_stays_deleted(here: Stage, length: int) -> None:
    put(here, "a", here.encrypt(bytes(length)))
    operation = "CompleteMultipartUpload" if length > PART else "PutObject"
    OtherWriter(here.s3, operation, lambda: here.s3.delete_object(Bucket=BUCKET, Key="a"))

    assert here.on_objects("--write", "--json") == 0
    assert here.counts == {"examined": 1, "gone": 1}
    assert "Contents" not in here.s3.list_objects_v2(Bucket=BUCKET)


def test_tags_that_changed_while_the_object_was_read_are_kept(here: Stage) -> None:
    put(here, "a", here.encrypt(b"x"), Tagging="k=old")
    tags = {"TagSet": [{"Key": "k", "Value": "new"}]}
    OtherWriter(here.s3, "HeadObject", lambda: here.s3.put_object_tagging(Bucket=BUCKET, Key="a", Tagging=tags))

    assert here.on_objects("--write") == 0
    assert here.s3.get_object_tagging(Bucket=BUCKET, Key="a")["TagSet"] == tags["TagSet"]
    assert here.key_arns(here.object("a")) == [here.new]


def test_an_object_that_changes_all_the_time_is_given_up_and_named(here: Stage) -> None:
    put(here, "a", here.encrypt(b"0"))
    texts = iter(range(1, 100))

    def write() -> None:
        here.s3.meta.events.unregister("before-call.*.PutObject", writer._come_between)
        put(here, "a", here.encrypt(b"%d" % next(texts)))
        here.s3.meta.events.register("before-call.*.PutObject", writer._come_between)

    writer = OtherWriter(here.s3, "PutObject", write, times=99)

    assert here.on_objects("--write", "--json") == 1
    assert here.counts == {"examined": 1, "changed": 1}
    assert here.decrypt(here.object("a"), here.old) == b"3"


# --- trouble on the way


class Connection:
    """One that breaks in the middle of an object, so many times."""

    def __init__(self, breaks: int) -> None:
        self._left = breaks
        self._read = StreamingBody.read

    def read(self, body: StreamingBody, amt: int | None = None) -> bytes:
        if self._left and body.tell() > PART:
            self._left -= 1
            raise ReadTimeoutError(endpoint_url="https://s3", error=TimeoutError())
        found: bytes = self._read(body, amt)
        return found


@pytest.mark.parametrize(("breaks", "code"), [(2, 0), (3, 1)])
def test_an_object_is_read_again_where_the_connection_breaks(
    here: Stage, monkeypatch: pytest.MonkeyPatch, breaks: int, code: int
) -> None:
    put(here, "a", here.encrypt(bytes(4 * PART)))
    connection = Connection(breaks)
    monkeypatch.setattr(StreamingBody, "read", lambda body, amt=None: connection.read(body, amt))

    assert here.on_objects("--write") == code
    assert ("failed  a  reading failed with ReadTimeoutError" in here.out) == bool(code)
    assert here.key_arns(here.object("a")) == [here.old if code else here.new]
    assert uploads_left(here) == []


def test_an_upload_that_a_kill_left_is_aborted_by_the_next_run(
    here: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    put(here, "a", here.encrypt(bytes(4 * PART)))
    monkeypatch.setattr(uploads.Upload, "abort", lambda _self: None)  # so it is where the process is gone

    def kill(**_: Any) -> None:
        raise SystemExit(9)

    here.s3.meta.events.register("before-call.s3.CompleteMultipartUpload", kill)
    assert here.on_objects("--write", "--state", str(state)) == 9
    assert len(uploads_left(here)) == 1
    here.s3.meta.events.unregister("before-call.s3.CompleteMultipartUpload", kill)
    monkeypatch.undo()
    monkeypatch.setattr(uploads, "PART", PART)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)

    assert here.on_objects("--write", "--state", str(state)) == 0
    assert uploads_left(here) == []
    assert here.decrypt(here.object("a")) == bytes(4 * PART)


def test_a_boto3_that_can_t_write_on_a_condition_is_refused(here: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    members = here.s3.meta.service_model.operation_model("PutObject").input_shape.members
    monkeypatch.delitem(members, "IfMatch")

    assert here.on_objects() == 1
    assert "boto3 is too old to write an object only if it is unchanged" in here.err


# --- before it starts


def test_it_says_what_writing_means_and_what_it_costs(here: Stage) -> None:
    here.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    put(here, "a", here.encrypt(b"x"), StorageClass="GLACIER_IR")
    put(here, "b", here.encrypt(b"x"))
    here.on_objects()

    for said in (
        "items: about 2",
        "it sends event notifications",
        "The bucket keeps versions: the old ones stay",
        "which stay readable with the old key",
        "Objects in GLACIER_IR are billed for at least 90 days",
        "cost: requests to read (GLACIER_IR): 6, ",
        "cost: requests to write (STANDARD): 1, ",
        "cost: GB read back (GLACIER_IR): 1, $0.03",
        "cost: KMS requests, or far fewer, as items share data keys and contexts: 6, ",
    ):
        assert said in here.err, said


# --- memory


class EndlessS3:
    """An object of any length that nobody holds, and a place for parts that nobody keeps."""

    class exceptions:  # noqa: N801 - boto3's name
        ClientError = ClientError

    def __init__(self, message: Any, length: int) -> None:
        self._message, self._length = message, length
        self.sent = 0
        self.meta = stage_client_meta()

    def get_object_lock_configuration(self, **_: Any) -> dict[str, Any]:
        return {}

    def _facts(self) -> dict[str, Any]:
        return {"ETag": '"e"', "ContentLength": self._length}

    def get_object(self, **_: Any) -> dict[str, Any]:
        return {**self._facts(), "Body": self._message}

    def head_object(self, **_: Any) -> dict[str, Any]:
        return self._facts()

    def get_object_tagging(self, **_: Any) -> dict[str, Any]:
        return {"TagSet": []}

    def get_object_acl(self, **_: Any) -> dict[str, Any]:
        return {"Grants": []}

    def create_multipart_upload(self, **_: Any) -> dict[str, Any]:
        return {"UploadId": "u"}

    def upload_part(self, Body: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's name
        self.sent += len(Body)
        return {"ETag": "p"}

    def complete_multipart_upload(self, **given: Any) -> None:
        assert given["IfMatch"] == '"e"'

    def abort_multipart_upload(self, **_: Any) -> None:
        raise AssertionError


def stage_client_meta() -> Any:
    from tests.cli.re_encryption.stage import session  # noqa: PLC0415 - for its description of S3

    return session().client("s3").meta


class Zeros(io.RawIOBase):
    """So many zero bytes."""

    def __init__(self, length: int) -> None:
        self._left = length

    def read(self, length: int = -1) -> bytes:
        chunk = bytes(min(self._left, length))
        self._left -= len(chunk)
        return chunk


@pytest.mark.parametrize("suite", [SIGNED, UNSIGNED])
def test_memory_holds_a_part_whatever_the_length(monkeypatch: pytest.MonkeyPatch, suite: Any) -> None:
    monkeypatch.setattr(uploads, "PART", 2**20)
    length = 40 * 2**20
    old, new = (warmkey.keyrings.RawAesKeyring("aws", name, bytes(32)) for name in ("old", "new"))
    message = Client().encrypt_stream(Zeros(length), keyring=old, algorithm_suite=suite, frame_length=65536)
    s3 = EndlessS3(message, length + 2**20)
    rewriter = Rewriter(
        source=warmkey.DefaultCMM(old),
        target=warmkey.DefaultCMM(new),
        key_arns=frozenset({"x"}),
        signing=Signing.AS_BEFORE,
        expected={},
        reading=Client(),
    )
    monkeypatch.setattr(Rewriter, "_is_new_message_for", lambda self, old, new: old is not new)
    store = Objects(s3, BUCKET, "", rewriter, clock=SystemClock(), on_upload=lambda key, upload_id: None)

    tracemalloc.start()
    try:
        result = store.process(Item(content={"Key": "a", "Size": 1}), writes=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert result.outcome is Outcome.REWRITTEN
    assert s3.sent == result.length > length
    assert peak < 8 * 2**20
