"""``warmkey re-encrypt dynamodb``: what is written, what never is, and what is said."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

import warmkey
from tests.cli.re_encryption.stage import SIGNED, TABLE, UNSIGNED, OtherWriter, Stage, stage
from warmkey import AlgorithmSuite, CommitmentPolicy
from warmkey.cli.re_encryption import table as table_module
from warmkey.cmms import RequiredEncryptionContextCMM
from warmkey.data_format.message_header import read_header
from warmkey.testing import fake_kms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TENANT = {"tenant": "a"}


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str]) -> Iterator[Stage]:
    with stage(capsys) as made:
        made.make_table()
        yield made


def fill(here: Stage, count: int = 3) -> None:
    for number in range(count):
        here.put_item({"id": f"order-{number}", "status": "paid", "_sealed": here.encrypt(b"%d" % number, TENANT)})


def items(here: Stage) -> list[Any]:
    return sorted(here.dynamodb.scan(TableName=TABLE)["Items"], key=str)


# --- writing


def test_messages_come_under_the_new_key_and_nothing_else_changes(here: Stage) -> None:
    fill(here)

    assert here.on_table("--write", "--json") == 0

    for number in range(3):
        message = here.message(f"order-{number}")
        assert here.key_arns(message) == [here.new]
        assert here.decrypt(message, **TENANT) == b"%d" % number
        assert here.item(f"order-{number}")["status"] == "paid"
    assert here.counts == {"examined": 3, "rewritten": 3, "written_bytes": 3 * len(here.message("order-0"))}
    # One data key of each kind, and the old messages have one each.
    assert here.lines[-1]["summary"]["kms_requests"] == {"Decrypt": 4, "GenerateDataKey": 1}


def test_without_write_everything_is_tried_and_nothing_is_written(here: Stage) -> None:
    fill(here)
    before = items(here)

    assert here.on_table() == 0

    assert items(here) == before
    assert "dry run: nothing is written" in here.err
    assert here.out.splitlines() == ["examined    3", "to rewrite  3", "KMS         4 Decrypt, 1 GenerateDataKey"]


def test_a_second_run_finds_nothing_to_do_and_asks_kms_nothing(here: Stage) -> None:
    fill(here)
    here.on_table("--write")
    before = items(here)

    assert here.on_table("--write", "--json") == 0

    assert items(here) == before
    assert here.counts == {"examined": 3, "current": 3}
    assert here.lines[-1]["summary"]["kms_requests"] == {}


def test_several_target_keys(here: Stage) -> None:
    fill(here, 1)
    third = here.kms.create_key()

    assert here.on_table("--key-arn", third, "--write") == 0

    message = here.message("order-0")
    assert here.key_arns(message) == [here.new, third]
    assert here.decrypt(message, here.new) == here.decrypt(message, third) == b"0"


def test_an_item_without_a_message_is_counted_and_left_alone(here: Stage) -> None:
    here.put_item({"id": "order-1", "status": "paid"})

    assert here.on_table("--write", "--json") == 0
    assert here.counts == {"examined": 1, "no_message": 1}


def test_several_attributes_of_an_item_are_written_in_one_request(here: Stage) -> None:
    here.put_item({"id": "a", "card": here.encrypt(b"card"), "name": here.encrypt(b"name"), "_sealed": b"no message"})
    updates: list[Any] = []
    here.dynamodb.meta.events.register("before-call.dynamodb.UpdateItem", lambda **given: updates.append(given))

    assert here.on_table("--attribute", "name", "--write", attribute="card") == 0

    assert here.decrypt(here.message("a", "card")) == b"card"
    assert here.decrypt(here.message("a", "name")) == b"name"
    assert here.message("a") == b"no message"
    assert len(updates) == 1


def test_more_items_than_a_page(here: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_module, "_PAGE", 2)
    fill(here, 7)

    assert here.on_table("--write", "--json") == 0
    assert here.counts["rewritten"] == 7


def test_segments_together_are_the_table(here: Stage) -> None:
    fill(here, 12)

    assert here.on_table("--segment", "1/2", "--write", "--json") == 0
    first = here.counts.get("examined", 0)
    assert here.on_table("--segment", "2/2", "--write", "--json") == 0

    assert first + here.counts.get("examined", 0) == 12
    assert here.on_table("--json") == 0
    assert here.counts == {"examined": 12, "current": 12}


# --- inside maps and lists


def nested(here: Stage, key: str = "a") -> None:
    here.put_item(
        {
            "id": key,
            "payload": {"secret": here.encrypt(b"secret", TENANT), "a.b": here.encrypt(b"dot"), "name": "x"},
            "lines": [{"note": here.encrypt(b"first"), "sku": 1}, {"note": here.encrypt(b"second"), "sku": 2}],
            "payload.secret": "a name with a dot",
        }
    )


@pytest.mark.parametrize(
    ("path", "find", "plaintext"),
    [
        ("payload.secret", lambda item: item["payload"]["secret"], b"secret"),
        (r"payload.a\.b", lambda item: item["payload"]["a.b"], b"dot"),
        ("lines[1].note", lambda item: item["lines"][1]["note"], b"second"),
    ],
)
def test_a_message_inside_maps_and_lists_is_named_by_its_path(
    here: Stage, path: str, find: Any, plaintext: bytes
) -> None:
    nested(here)
    before = here.item("a")

    assert here.on_table("--write", "--json", attribute=path) == 0

    after = here.item("a")
    message = bytes(find(after).value)
    assert here.key_arns(message) == [here.new]
    assert here.decrypt(message, **(TENANT if plaintext == b"secret" else {})) == plaintext
    assert repr(after).replace(repr(find(after)), "") == repr(before).replace(repr(find(before)), "")
    assert here.on_table("--json", attribute=path) == 0
    assert here.counts == {"examined": 1, "current": 1}


def test_several_paths_of_one_map_are_written_in_one_request(here: Stage) -> None:
    nested(here)
    updates: list[Any] = []
    here.dynamodb.meta.events.register("before-call.dynamodb.UpdateItem", lambda **given: updates.append(given))

    more = ("--attribute", r"payload.a\.b", "--attribute", "lines[0].note", "--attribute", "lines[1].note")
    assert here.on_table(*more, "--write", attribute="payload.secret") == 0

    payload, lines = here.item("a")["payload"], here.item("a")["lines"]
    messages = [payload["secret"], payload["a.b"], *(line["note"] for line in lines)]
    assert [here.key_arns(bytes(message.value)) for message in messages] == [[here.new]] * 4
    assert (payload["name"], [line["sku"] for line in lines]) == ("x", [1, 2])
    assert len(updates) == 1


@pytest.mark.parametrize("path", ["payload.other", "status.secret", "lines[7].note", "lines.note", "_sealed"])
def test_an_item_without_anything_there_has_no_message(here: Stage, path: str) -> None:
    nested(here)

    assert here.on_table("--write", "--json", attribute=path) == 0
    assert here.counts == {"examined": 1, "no_message": 1}


def test_what_is_no_message_is_named_by_its_path(here: Stage) -> None:
    nested(here)

    assert here.on_table("--attribute", "payload.name", attribute="payload.secret") == 1
    assert "payload.name: text: is not the base64 of a message" in here.out
    assert here.on_table("--attribute", "lines[0]", attribute="payload.secret") == 1
    assert "lines[0]: attribute: must be binary or text, not of DynamoDB's type M" in here.out


def test_a_map_that_somebody_else_rewrites_meanwhile_is_read_again(here: Stage) -> None:
    nested(here)
    newer = here.encrypt(b"newer", TENANT)
    OtherWriter(here.dynamodb, "UpdateItem", lambda: here.put_item({"id": "a", "payload": {"secret": newer}}))

    assert here.on_table("--write", attribute="payload.secret") == 0
    assert here.decrypt(bytes(here.item("a")["payload"]["secret"].value), **TENANT) == b"newer"


def test_a_map_that_somebody_else_removes_meanwhile_stays_removed(here: Stage) -> None:
    nested(here)
    OtherWriter(here.dynamodb, "UpdateItem", lambda: here.put_item({"id": "a", "status": "gone"}))

    assert here.on_table("--write", "--json", attribute="payload.secret") == 0
    assert here.item("a") == {"id": "a", "status": "gone"}
    assert here.counts == {"examined": 1, "no_message": 1}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--attribute", "payload.", "--write"), "is not an attribute: it must have a name at character 9"),
        (("--attribute", "payload[x]"), "it must go on with a dot or with a place such as [0] at character 8"),
        (("--attribute", "payload"), "--attribute payload.secret is inside --attribute payload; give one of them"),
        (("--attribute", "id.more"), "--attribute id.more is part of the table's key, which can't be rewritten"),
    ],
)
def test_a_path_that_can_not_be_used_is_told(here: Stage, arguments: tuple[str, ...], problem: str) -> None:
    nested(here)
    before = items(here)

    assert here.on_table(*arguments, attribute="payload.secret") in (1, 2)
    assert problem in here.err
    assert items(here) == before


# --- what carries over


@pytest.mark.parametrize(
    ("arguments", "before", "after"),
    [
        ([], SIGNED, SIGNED),
        ([], UNSIGNED, UNSIGNED),
        ([], AlgorithmSuite.AES_256_GCM_IV12_TAG16_HKDF_SHA256, UNSIGNED),
        ([], AlgorithmSuite.AES_256_GCM_IV12_TAG16_HKDF_SHA384_ECDSA_P384, SIGNED),
        (["--sign"], UNSIGNED, SIGNED),
        (["--sign"], SIGNED, SIGNED),
        (["--drop-signatures"], SIGNED, UNSIGNED),
        (["--drop-signatures"], UNSIGNED, UNSIGNED),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_a_signed_message_stays_signed_unless_asked(
    here: Stage, arguments: list[str], before: AlgorithmSuite, after: AlgorithmSuite
) -> None:
    policy = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
    if not before.commits:
        policy = CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT
        arguments = [*arguments, "--commitment-policy", "REQUIRE_ENCRYPT_ALLOW_DECRYPT"]
    here.put_item({"id": "a", "_sealed": here.encrypt(b"x", TENANT, suite=before, policy=policy)})

    assert here.on_table("--write", *arguments) == 0

    message = here.message("a")
    assert read_header(message).algorithm_suite is after
    assert here.decrypt(message, **TENANT) == b"x"
    assert here.on_table("--json", *arguments) == 0
    assert here.counts == {"examined": 1, "current": 1}


def test_signing_alone_is_a_reason_to_rewrite(here: Stage) -> None:
    here.put_item({"id": "a", "_sealed": here.encrypt(b"x", key=here.new)})

    assert here.on_table("--sign", "--write", "--json") == 0
    assert here.counts["rewritten"] == 1
    assert read_header(here.message("a")).algorithm_suite is SIGNED


@pytest.mark.parametrize("frame_length", [16, 4096, 65536])
def test_the_frame_length_stays(here: Stage, frame_length: int) -> None:
    here.put_item({"id": "a", "_sealed": here.encrypt(bytes(5000), frame_length=frame_length)})

    assert here.on_table("--write") == 0
    assert read_header(here.message("a")).frame_length == frame_length
    assert here.decrypt(here.message("a")) == bytes(5000)


def test_sealed_records_and_tokens_stay_what_they_are(here: Stage) -> None:
    """Bound values, expiry and kind are as before: the helpers, moved to the new key, open them."""
    with fake_kms() as session:
        here.kms = session.client
        here.old, here.new = here.kms.create_key(), here.kms.create_key()
        session.configure(kms_key_arns=here.old)
        record = {"id": "order-1", "version": 1, "card": "4929"}
        sealed = warmkey.seal_record(record, ["card"], TENANT, bound_to=["id", "version"])
        text = warmkey.seal_record(record, ["card"], TENANT, bound_to=["id"], text=True)["_sealed"]
        token = warmkey.seal_token("cursor", TENANT, expires_in=60)
        here.put_item({**sealed, "text": text, "token": token})

        assert here.on_table("--attribute", "text", "--attribute", "token", "--write") == 0

        session.configure(kms_key_arns=here.new)
        found = here.item("order-1")
        expected = {"id": "order-1", "version": 1}
        opened = warmkey.unseal_record(
            {name: found[name] for name in ("id", "version", "_sealed")}, TENANT, bound_to=expected
        )
        assert opened == record
        for wrong in ({"id": "order-2"}, {"version": 2}):
            with pytest.raises(warmkey.PolicyRefused):
                warmkey.unseal_record({**found, **wrong}, TENANT, bound_to=expected)
        only_text = {"id": "order-1", "_sealed": found["text"]}
        assert warmkey.unseal_record(only_text, TENANT, bound_to={"id": "order-1"})["card"] == "4929"
        assert warmkey.open_token(found["token"], TENANT) == b"cursor"
        session.clock.tick(60)
        with pytest.raises(warmkey.TokenExpired):
            warmkey.open_token(found["token"], TENANT)
        for message in (found["_sealed"], base64.urlsafe_b64decode(found["token"] + "===")):
            with pytest.raises(warmkey.PolicyRefused):
                warmkey.decrypt(message, TENANT)


def test_a_kind_that_this_version_does_not_know_stays_too(here: Stage) -> None:
    from warmkey.cli.re_encryption.rewriting import _KindCMM  # noqa: PLC0415 - nobody else can write it

    keyring = warmkey.AwsKmsKeyring(here.old, kms_client=here.kms)
    cmm = _KindCMM(warmkey.DefaultCMM(keyring), "of tomorrow")
    here.put_item({"id": "a", "_sealed": here.encrypt(b"x", TENANT, cmm=cmm)})

    assert here.on_table("--write") == 0
    kind = {"warmkey-kind": "of tomorrow"}
    assert read_header(here.message("a")).encryption_context == {**TENANT, **kind}
    assert here.decrypt(here.message("a"), **TENANT, **kind) == b"x"


def test_pairs_that_are_not_stored_stay_unstored_and_authenticated(here: Stage) -> None:
    keyring = warmkey.AwsKmsKeyring(here.old, kms_client=here.kms)
    cmm = RequiredEncryptionContextCMM(["secret"], keyring=keyring)
    here.put_item({"id": "a", "_sealed": here.encrypt(b"x", {**TENANT, "secret": "s"}, cmm=cmm)})

    assert here.on_table("--write", "--json") == 1
    assert here.counts == {"examined": 1, "unreadable": 1}
    assert here.on_table("--context", "secret=s", "--write") == 0

    message = here.message("a")
    assert read_header(message).encryption_context == TENANT
    assert here.decrypt(message, secret="s") == b"x"
    with pytest.raises(warmkey.WarmkeyError):
        here.decrypt(message)


@pytest.mark.parametrize(
    "write",
    [
        lambda message: base64.b64encode(message).decode(),
        lambda message: base64.urlsafe_b64encode(message).decode(),
        lambda message: base64.b64encode(message).decode().rstrip("="),
        lambda message: base64.urlsafe_b64encode(message).decode().rstrip("="),
    ],
    ids=["standard", "url-safe", "standard unpadded", "url-safe unpadded"],
)
@pytest.mark.parametrize("length", [0, 1, 2])
def test_text_stays_text_of_the_same_form(here: Stage, write: Any, length: int) -> None:
    text = write(here.encrypt(bytes(length)))
    here.put_item({"id": "a", "_sealed": text})

    assert here.on_table("--write") == 0

    after = here.item("a")["_sealed"]
    message = base64.b64decode(after.replace("-", "+").replace("_", "/") + "==")
    assert write(message) == after
    assert here.decrypt(message) == bytes(length)


# --- what can't be read


def test_unreadable_items_are_counted_and_listed_by_key_and_the_others_are_done(here: Stage) -> None:
    fill(here, 2)
    other = here.kms.create_key()
    damaged = bytearray(here.encrypt(b"x"))
    damaged[-1] ^= 1
    for key, value in {
        "number": 7,
        "json": '{"card": 1}',
        "bytes": b"\x00",
        "of another key": here.encrypt(b"x", key=other),
        "damaged": bytes(damaged),
    }.items():
        here.put_item({"id": key, "_sealed": value})

    assert here.on_table("--write", "--json") == 1

    problems = {line["key"]["id"]["S"]: line["problem"] for line in here.lines[:-1]}
    assert here.counts == {"examined": 7, "rewritten": 2, "unreadable": 5} | {
        "written_bytes": here.counts["written_bytes"]
    }
    assert set(problems) == {"number", "json", "bytes", "of another key", "damaged"}
    assert problems["number"] == "attribute: must be binary or text, not of DynamoDB's type N"
    assert problems["json"] == "text: is not the base64 of a message"
    assert "is unknown" in problems["bytes"]
    assert "none of the configured keys" in problems["of another key"]
    assert "does not verify" in problems["damaged"]
    assert here.message("damaged") == bytes(damaged)
    assert here.on_table("--write") == 1
    assert 'unreadable  {"id": {"S": "number"}}  attribute: must be binary' in here.out


def test_a_pair_that_is_insisted_on_makes_messages_of_others_unreadable(here: Stage) -> None:
    fill(here, 1)
    here.put_item({"id": "b", "_sealed": here.encrypt(b"x", {"tenant": "another tenant"})})

    assert here.on_table("--context", "tenant=a", "--write", "--json") == 1

    [line, _] = here.lines
    assert line["key"] == {"id": {"S": "b"}}
    assert "another value for 'tenant'" in line["problem"]
    assert "another tenant" not in here.out + here.err
    assert here.counts["rewritten"] == 1


def test_of_an_item_the_readable_messages_are_rewritten_and_the_other_is_named(here: Stage) -> None:
    here.put_item({"id": "a", "card": here.encrypt(b"card"), "name": b"junk"})

    assert here.on_table("--attribute", "name", "--write", attribute="card") == 1

    assert here.decrypt(here.message("a", "card")) == b"card"
    assert 'unreadable  {"id": {"S": "a"}}  name: ' in here.out


def test_nothing_secret_is_printed(here: Stage) -> None:
    here.put_item({"id": "a", "_sealed": here.encrypt(b"the plaintext", {"tenant": "the tenant"})})
    here.put_item({"id": "b", "_sealed": "the text of somebody", "status": "the status"})

    assert here.on_table("--write", "--context", "tenant=the value") == 1
    assert here.on_table("--write", "--json") == 1

    said = here.out + here.err
    for secret in ("the plaintext", "the tenant", "the text of", "the status", "the value"):
        assert secret not in said


def test_what_would_be_too_long_for_an_item_is_named_and_left(here: Stage) -> None:
    here.put_item({"id": "a", "_sealed": here.encrypt(b"x")})
    before = here.message("a")

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "ValidationException"}}, "UpdateItem")

    here.dynamodb.meta.events.register("before-call.dynamodb.UpdateItem", refuse)

    assert here.on_table("--write") == 1
    assert "UpdateItem failed with ValidationException; the new message may be too long" in here.out
    assert here.message("a") == before


def test_a_request_that_dynamodb_refuses_is_named(here: Stage) -> None:
    fill(here, 1)

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "UpdateItem")

    here.dynamodb.meta.events.register("before-call.dynamodb.UpdateItem", refuse)

    assert here.on_table("--write") == 1
    assert 'failed  {"id": {"S": "order-0"}}  UpdateItem failed with AccessDeniedException\n' in here.out


# --- others write as well


def test_a_message_that_changed_is_read_again_and_never_overwritten(here: Stage) -> None:
    fill(here, 1)
    OtherWriter(
        here.dynamodb,
        "UpdateItem",
        lambda: here.put_item({"id": "order-0", "status": "sent", "_sealed": here.encrypt(b"newer", TENANT)}),
    )

    assert here.on_table("--write") == 0

    assert here.item("order-0")["status"] == "sent"
    assert here.decrypt(here.message("order-0")) == b"newer"


def test_a_change_of_another_attribute_survives(here: Stage) -> None:
    fill(here, 1)
    OtherWriter(
        here.dynamodb,
        "UpdateItem",
        lambda: here.put_item({**here.item("order-0"), "status": "sent"}),
    )

    assert here.on_table("--write") == 0
    assert here.item("order-0")["status"] == "sent"
    assert here.key_arns(here.message("order-0")) == [here.new]


def test_an_item_that_was_deleted_stays_deleted(here: Stage) -> None:
    fill(here, 1)
    OtherWriter(
        here.dynamodb,
        "UpdateItem",
        lambda: here.dynamodb.delete_item(TableName=TABLE, Key={"id": {"S": "order-0"}}),
    )

    assert here.on_table("--write", "--json") == 0
    assert here.counts == {"examined": 1, "gone": 1}
    assert items(here) == []


def test_what_others_write_under_the_new_key_is_current(here: Stage) -> None:
    fill(here, 1)
    OtherWriter(
        here.dynamodb,
        "UpdateItem",
        lambda: here.put_item({"id": "order-0", "_sealed": here.encrypt(b"x", key=here.new)}),
    )

    assert here.on_table("--write", "--json") == 0
    assert here.counts == {"examined": 1, "current": 1}


def test_an_item_in_a_transaction_of_others_is_tried_again(here: Stage) -> None:
    fill(here, 1)

    def refuse() -> None:
        raise ClientError({"Error": {"Code": "TransactionConflictException"}}, "UpdateItem")

    OtherWriter(here.dynamodb, "UpdateItem", refuse)

    assert here.on_table("--write") == 0
    assert here.key_arns(here.message("order-0")) == [here.new]


def test_an_item_that_changes_all_the_time_is_given_up_and_named(here: Stage) -> None:
    fill(here, 1)
    OtherWriter(
        here.dynamodb,
        "UpdateItem",
        lambda: here.put_item({"id": "order-0", "_sealed": here.encrypt(b"newer")}),
        times=99,
    )

    assert here.on_table("--write", "--json") == 1
    assert here.counts == {"examined": 1, "changed": 1}
    assert here.decrypt(here.message("order-0"), here.old) == b"newer"


# --- the new message is decrypted and compared


@pytest.mark.parametrize("what", ["plaintext", "context", "suite"])
def test_a_new_message_that_differs_is_never_written(here: Stage, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    fill(here, 1)
    before = items(here)
    encrypt = warmkey.Client.encrypt

    def wrong(self: Any, plaintext: bytes, **given: Any) -> Any:
        changes: dict[str, dict[str, Any]] = {
            "plaintext": {},
            "context": {"encryption_context": {**given["encryption_context"], "more": "x"}},
            "suite": {"algorithm_suite": SIGNED},
        }
        return encrypt(self, plaintext + b"!" * (what == "plaintext"), **(given | changes[what]))

    monkeypatch.setattr(warmkey.Client, "encrypt", wrong)

    assert here.on_table("--write") == 1
    assert "failed  " in here.out
    assert "the new message has " in here.out
    assert items(here) == before


def test_where_the_target_key_can_encrypt_and_not_decrypt_nothing_is_written(here: Stage) -> None:
    fill(here, 1)
    before = items(here)
    here.kms.deny("Decrypt", here.new)

    assert here.on_table("--write") == 1
    assert "failed  " in here.out
    assert "the new message can't be made, or not be read: " in here.out
    assert "AccessDeniedException" in here.out
    assert items(here) == before


# --- before it starts


def test_it_says_what_writing_means_and_what_it_costs(here: Stage) -> None:
    fill(here, 5)
    here.on_table()

    for said in (
        "items: about 5",
        "Each write wakes whatever reads the table's stream, which is off at the moment",
        "keep the old messages, which stay readable with the old key",
        "cost: read units: 5, ",
        "cost: write units: 5, ",
        "cost: KMS requests, or far fewer, as items share data keys and contexts: 15, less than $0.01",
        "at list prices of us-east-1",
    ):
        assert said in here.err, said


def test_a_stream_and_indexes_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with stage(capsys) as here:
        index = {
            "IndexName": "by-id",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
        here.make_table(GlobalSecondaryIndexes=[index], StreamSpecification=stream)
        here.on_table()

        assert "the table's stream, which is on" in here.err
        assert "also goes to indexes (1) and replicas (0)" in here.err


def test_a_part_of_the_key_can_t_be_a_message(here: Stage) -> None:
    assert here.on_table(attribute="id") == 1
    assert here.err == "warmkey: --attribute id is part of the table's key, which can't be rewritten\n"


def test_a_table_that_is_not_there_is_told_in_a_line(here: Stage) -> None:
    assert here(["dynamodb", "--table", "nowhere", "--key-arn", here.new]) == 1
    assert here.err.startswith("warmkey: DescribeTable failed with ResourceNotFoundException")


# --- ends before the end


def test_ten_failures_in_a_row_end_the_run(here: Stage) -> None:
    fill(here, 20)
    here.kms.fail("Decrypt", error="throttled", times=None)

    assert here.on_table("--write") == 1
    assert "10 items in a row failed" in here.err
    assert "not finished; start it again" in here.err
    assert "examined    10" in here.out


def test_a_state_file_spares_what_was_done(here: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(table_module, "_PAGE", 2)
    fill(here, 6)
    state = tmp_path / "state"

    def interrupt() -> None:
        raise KeyboardInterrupt

    updates = iter(range(100))
    here.dynamodb.meta.events.register(
        "before-call.dynamodb.UpdateItem", lambda **_: interrupt() if next(updates) == 4 else None
    )

    assert here.on_table("--write", "--json", "--state", str(state)) == 130
    assert here.counts["rewritten"] == 4
    assert state.stat().st_mode & 0o777 == 0o600
    scanned: list[Any] = []
    here.dynamodb.meta.events.register("before-call.dynamodb.Scan", lambda **given: scanned.append(given))

    assert here.on_table("--write", "--json", "--state", str(state)) == 0
    assert len(scanned) == 1
    assert here.counts == {"examined": 6, "rewritten": 6, "written_bytes": here.counts["written_bytes"]}
    assert not state.exists()


def test_a_state_file_of_another_job_is_refused(here: Stage, tmp_path: Path) -> None:
    state = tmp_path / "state"
    fill(here, 1)
    here.dynamodb.meta.events.register("before-call.dynamodb.UpdateItem", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        here.on_table("--write", "--state", str(state))
    here.on_table("--state", str(state))

    assert "is of another job" in here.err
    for junk in ("{", "[" * 100_000, f"[{'1' * 5_000}]", "[]", json.dumps({"version": 1})):
        state.write_text(junk)
        assert here.on_table("--state", str(state)) == 1
        assert "is not a state file of warmkey re-encrypt" in here.err


# --- the command line


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--segment", "0/4"], "must be like 1/4"),
        (["--segment", "5/4"], "must be like 1/4"),
        (["--segment", "x"], "must be like 1/4"),
        (["--rate", "0"], "must be a number of items per second greater than 0"),
        (["--rate", "fast"], "must be a number of items per second greater than 0"),
        (["--rate", "nan"], "must be a number of items per second greater than 0"),
        (["--sign", "--drop-signatures"], "not allowed with argument"),
        (["--key-arn", "alias/x"], "must be the ARN of a key"),
    ],
)
def test_a_wrong_command_line(here: Stage, arguments: list[str], problem: str) -> None:
    assert here.on_table(*arguments) == 2
    assert problem in here.err
