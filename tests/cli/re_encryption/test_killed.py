"""A run that is killed, before or after any of its requests, leaves every message readable, and the next run ends well.

The run is a process of its own over moto's server, and SIGKILL is what ends it: nothing of ours runs afterwards.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from botocore.config import Config

from tests.cli.re_encryption.stage import BUCKET, CREDENTIALS, SIGNED, TABLE, Stage, session
from tests.moto_server import moto_server
from warmkey.cli.re_encryption import run, table, uploads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PART = 2**16
PLAINTEXTS = {"a": b"small", "b": bytes(2 * PART)}
# Past the last request: no run of this size makes as many.
_ENOUGH = 60


class Kill(NamedTuple):
    """When: at the n-th request, before it is sent or after it was answered."""

    moment: str
    number: int

    def arm(self, client: Any) -> None:
        counted = iter(range(1, _ENOUGH + 1))

        def count(**_: Any) -> None:
            if next(counted) == self.number:
                os.kill(os.getpid(), signal.SIGKILL)

        client.meta.events.register(self.moment, count)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def here(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(uploads, "PART", PART)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)
    monkeypatch.setattr(table, "_PAGE", 1)
    made = stage_over(server)
    made.make_table()
    made.make_bucket()
    yield made
    made.dynamodb.delete_table(TableName=TABLE)
    for each in made.s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        made.s3.delete_object(Bucket=BUCKET, Key=each["Key"])
    made.s3.delete_bucket(Bucket=BUCKET)


def stage_over(server: str) -> Stage:
    config = Config(s3={"addressing_style": "path"})
    dynamodb, s3 = (session().client(name, endpoint_url=server, config=config) for name in ("dynamodb", "s3"))
    return Stage(dynamodb, s3)


def in_process_of_its_own(function: Callable[[], int]) -> int:
    """The exit code, or minus the signal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 99
        try:
            sys.stdout = sys.stderr = io.StringIO()
            signal.alarm(60)
            code = function()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Job(NamedTuple):
    """A store, how to fill it, and how to read a message of it."""

    fill: Callable[[Stage], None]
    read: Callable[[Stage, str], bytes]
    run: Callable[..., int]
    client: str


def fill_table(here: Stage) -> None:
    for key, plaintext in PLAINTEXTS.items():
        here.put_item({"id": key, "_sealed": here.encrypt(plaintext[:1000], {"tenant": "a"})})


def fill_bucket(here: Stage) -> None:
    for key, plaintext in PLAINTEXTS.items():
        body = here.encrypt(plaintext, {"tenant": "a"}, suite=SIGNED)
        here.s3.put_object(Bucket=BUCKET, Key=key, Body=body, Tagging="k=v", Metadata={"m": "n"})


JOBS = {
    "table": Job(fill_table, lambda here, key: here.message(key), Stage.on_table, "dynamodb"),
    "bucket": Job(fill_bucket, lambda here, key: here.object(key), Stage.on_objects, "s3"),
}


def run_in_child(here: Stage, server: str, job: Job, state: Path | None, kill: Kill | None = None) -> int:
    def child() -> int:
        other = stage_over(server)  # connections are not shared with the parent
        other.kms, other.old, other.new = here.kms, here.old, here.new
        if kill is not None:
            kill.arm(getattr(other, job.client))
        return job.run(other, "--write", *(() if state is None else ("--state", str(state))))

    return in_process_of_its_own(child)


@pytest.mark.parametrize(
    ("moment", "with_state"), [("before-call", True), ("after-call", True), ("before-call", False)]
)
@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_a_kill_at_any_request_loses_nothing(
    here: Stage, server: str, job: Job, moment: str, with_state: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_SAVE_EVERY", 1)
    state = tmp_path / "state" if with_state else None
    kills = 0
    for number in range(1, _ENOUGH, 1 if with_state else 3):
        job.fill(here)
        code = run_in_child(here, server, job, state, Kill(moment, number))
        for key, plaintext in PLAINTEXTS.items():
            message = job.read(here, key)
            assert len(here.key_arns(message)) == 1
            found = here.decrypt(message, here.old, here.new, tenant="a")
            assert found == (plaintext[:1000] if job.client == "dynamodb" else plaintext), (number, key)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        kills += 1
        assert run_in_child(here, server, job, state) == 0, number
        assert {here.key_arns(job.read(here, key))[0] for key in PLAINTEXTS} == {here.new}, number
        assert state is None or not state.exists()
        if job.client == "s3":
            assert here.s3.get_object_tagging(Bucket=BUCKET, Key="b")["TagSet"] == [{"Key": "k", "Value": "v"}]
            if with_state:
                check_no_upload_is_left(here, moment, number)
    assert kills >= (5 if with_state else 1)
    assert kills < _ENOUGH - 2


def check_no_upload_is_left(here: Stage, moment: str, number: int) -> None:
    """The one gap: killed between S3's answer that the upload has begun and the state file."""
    left = here.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    for upload in left:
        here.s3.abort_multipart_upload(Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"])
    assert len(left) <= (moment == "after-call"), number
