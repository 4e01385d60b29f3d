"""Old messages that need more than keys of the options: branch keys and other settings; and what can't be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.re_encryption.stage import BUCKET, REGION, UNSIGNED, Stage, stage
from warmkey import AwsKmsKeyring, Client, KeyUnavailable
from warmkey.branch_keys import AwsKmsHierarchicalKeyring, BranchKeyStore
from warmkey.cli.re_encryption.sources import AdvisingCMM, keyrings_of
from warmkey.cmms.default import DefaultCMM
from warmkey.events import ignore
from warmkey.keyrings import RawAesKeyring
from warmkey.lambda_runtime.settings import read_settings
from warmkey.testing import FakeDynamoDb, FakeKms

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = "branch-keys"


class Fleet(Stage):
    """A function that writes under branch keys, with its key store in the same moto."""

    branch_key_arn = ""
    store: BranchKeyStore

    def make_key_store(self, *tenants: str) -> None:
        self.branch_key_arn = self.kms.create_key()
        self.store = BranchKeyStore(
            KEYS, kms_key_arn=self.branch_key_arn, kms_client=self.kms, dynamodb_client=self.dynamodb
        )
        self.store.create_table()
        for tenant in tenants:
            self.store.create_key(tenant, {"tenant": tenant})

    def under_branch_key(self, plaintext: bytes, tenant: str) -> bytes:
        keyring = AwsKmsHierarchicalKeyring(self.store, branch_key_id=tenant, ttl_seconds=60)
        return (
            Client()
            .encrypt(plaintext, keyring=keyring, encryption_context={"tenant": tenant}, algorithm_suite=UNSIGNED)
            .ciphertext
        )

    def variables(self, monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
        """Those of the function."""
        given = {
            "WARMKEY_KMS_KEY_ARNS": self.branch_key_arn,
            "WARMKEY_BRANCH_KEY_STORE_TABLE": KEYS,
            "WARMKEY_BRANCH_KEY_CONTEXT_KEY": "tenant",
            **more,
        }
        for name, value in given.items():
            monkeypatch.setenv(name, value)


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str]) -> Iterator[Fleet]:
    with stage(capsys) as made:
        fleet = Fleet(made.dynamodb, made.s3, capsys)
        fleet.make_table()
        fleet.make_bucket()
        fleet.make_key_store("a", "b")
        yield fleet


def fill(here: Fleet) -> None:
    for number, tenant in enumerate(("a", "b", "a")):
        here.put_item({"id": str(number), "_sealed": here.under_branch_key(b"%d" % number, tenant)})
    here.put_item({"id": "3", "_sealed": here.encrypt(b"3", {"tenant": "a"})})


def test_branch_keys_are_tried_before_keys_of_kms() -> None:
    kms = FakeKms()
    given = {"kms_key_arns": kms.create_key(), "branch_key_store_table": KEYS, "branch_key_id": "a"}
    keyrings = keyrings_of(
        read_settings(given), kms=lambda _region: kms, dynamodb=lambda _region: FakeDynamoDb(), emit=ignore
    )

    assert len(keyrings) == 2
    assert isinstance(keyrings[0], AwsKmsHierarchicalKeyring)


def test_messages_under_branch_keys_are_read_with_the_settings_of_the_function(
    here: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(here)
    here.variables(monkeypatch)

    assert here.on_table("--from-settings", "--write", "--json") == 0

    for number, tenant in enumerate(("a", "b", "a", "a")):
        message = here.message(str(number))
        assert here.key_arns(message) == [here.new]
        assert here.decrypt(message, tenant=tenant) == b"%d" % number
    assert here.counts["rewritten"] == 4
    # A Decrypt for each of the two branch keys and for the one older message; and one for each new data key.
    assert here.lines[-1]["summary"]["kms_requests"] == {"Decrypt": 5, "GenerateDataKey": 2}
    assert here.on_table("--from-settings", "--json") == 0
    assert here.counts == {"examined": 4, "current": 4}


def test_an_object_under_a_branch_key_too(here: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    here.s3.put_object(Bucket=BUCKET, Key="a", Body=here.under_branch_key(b"letter", "b"))
    here.variables(monkeypatch)

    assert here.on_objects("--from-settings") == 0
    assert here.on_objects("--from-settings", "--write") == 0
    assert here.decrypt(here.object("a"), tenant="b") == b"letter"


def test_old_versions_of_a_branch_key_are_read(here: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(here)
    here.store.version_key("a")
    here.variables(monkeypatch)

    assert here.on_table("--from-settings", "--write") == 0


def test_settings_without_branch_keys_read_what_they_read(here: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    third = here.kms.create_key()
    here.put_item({"id": "1", "_sealed": here.encrypt(b"x", key=third)})
    monkeypatch.setenv("WARMKEY_KMS_KEY_ARNS", third)

    assert here.on_table("--write") == 1
    assert "give the KMS key with --from-key-arn, or --from-settings" in here.out
    assert here.on_table("--from-settings", "--write") == 0
    assert here.decrypt(here.message("1")) == b"x"


def test_discovery_reads_whatever_kms_key_there_was(here: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    here.put_item({"id": "1", "_sealed": here.encrypt(b"x", key=here.kms.create_key())})
    monkeypatch.setenv("WARMKEY_KMS_MODE", "discovery")
    monkeypatch.setenv("AWS_REGION", REGION)

    assert here.on_table("--from-settings", "--write") == 0
    assert here.decrypt(here.message("1")) == b"x"


# --- what can't be read


def test_without_settings_a_message_under_a_branch_key_says_what_to_set(here: Fleet) -> None:
    fill(here)

    assert here.on_table("--write", "--json") == 1
    assert here.counts["unreadable"] == 3
    assert here.counts["rewritten"] == 1
    assert all(
        "it is under a branch key: set WARMKEY_BRANCH_KEY_STORE_TABLE" in line["problem"] for line in here.lines[:-1]
    )
    assert "give --from-settings" in here.out


def test_a_branch_key_that_is_not_there_is_named(here: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(here)
    here.variables(monkeypatch)
    for key in here.dynamodb.scan(TableName=KEYS)["Items"]:
        if key["branch-key-id"]["S"] == "b":
            here.dynamodb.delete_item(TableName=KEYS, Key={name: key[name] for name in ("branch-key-id", "type")})

    assert here.on_table("--from-settings", "--write", "--json") == 1
    assert (here.counts["unreadable"], here.counts["rewritten"]) == (1, 3)
    assert "of branch key 'b' in table 'branch-keys': it is not there" in here.out


def test_a_message_under_a_raw_key_says_that_a_program_can_do_it(here: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = RawAesKeyring("our keys", "key 1", bytes(32))
    message = Client().encrypt(b"x", keyring=raw, algorithm_suite=UNSIGNED).ciphertext
    here.put_item({"id": "1", "_sealed": message})
    here.s3.put_object(Bucket=BUCKET, Key="a", Body=message)
    here.variables(monkeypatch)

    for command in (here.on_table, here.on_objects):
        for more in ([], ["--from-settings"]):
            assert command("--write", *more) == 1
            assert "this command can't have a key of provider 'our keys': a program that has it" in here.out
    assert here.message("1") == here.object("a") == message


def test_a_failure_that_passes_makes_no_message_unreadable(here: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is it repeated from memory, which would end the run after ten items of one moment."""
    fill(here)
    here.variables(monkeypatch)

    with here.kms.fail("Decrypt", error="throttled", when=lambda call: call.key_arn == here.branch_key_arn):
        assert here.on_table("--from-settings", "--write", "--json") == 1

    assert here.counts.get("unreadable", 0) == 0
    assert (here.counts["failed"], here.counts["rewritten"]) == (1, 3)


# --- settings that can't be used


def test_settings_that_are_missing_are_named_before_anything_is_read(here: Fleet) -> None:
    fill(here)

    assert here.on_table("--from-settings", "--write") == 1
    assert "WARMKEY_KMS_KEY_ARNS" in here.err
    assert here.out == ""


def test_other_settings_are_another_job(here: Fleet, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """And the state file has a digest of the settings: the ID of a branch key may be a context value."""
    fill(here)
    state = tmp_path / "state"
    here.variables(monkeypatch)
    monkeypatch.delenv("WARMKEY_BRANCH_KEY_CONTEXT_KEY")
    monkeypatch.setenv("WARMKEY_BRANCH_KEY_ID", "tenant-of-the-state")
    here.kms.fail("Decrypt", error="throttled", times=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warmkey.cli.re_encryption.run._MOST_FAILURES_IN_A_ROW", 1)
        assert here.on_table("--from-settings", "--write", "--state", str(state)) == 1
    assert "tenant-of-the-state" not in state.read_text()

    monkeypatch.setenv("WARMKEY_BRANCH_KEY_ID", "a")
    assert here.on_table("--from-settings", "--write", "--state", str(state)) == 1
    assert "is of another job" in here.err


def test_the_cmm_of_old_messages_is_a_cmm_like_others(here: Fleet) -> None:
    """Errors that name attempts, and what is encrypted, pass through as they are."""
    keyring = AwsKmsKeyring(here.old, kms_client=here.kms)
    advising = AdvisingCMM(DefaultCMM(keyring), reads_branch_keys=False)
    message = Client().encrypt(b"x", cmm=advising).ciphertext

    assert Client().decrypt(message, cmm=advising).plaintext == b"x"
    with here.kms.fail("Decrypt", error="denied"), pytest.raises(KeyUnavailable) as caught:
        Client().decrypt(message, cmm=advising)
    assert "--from-" not in str(caught.value)
