"""Every policy is tried on the fake KMS: what the settings do is allowed, and what they don't do is denied."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import warmkey
from tests.policy.printed import REGION, clean_environment, may
from warmkey.exceptions import ConfigurationError
from warmkey.lambda_runtime.settings import read_settings
from warmkey.policy.keys import Place
from warmkey.policy.permissions import Wanted, permissions
from warmkey.policy.statements import document
from warmkey.testing import FakeKms, fake_kms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.policy.printed import Shell

OPERATIONS = ("GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "Encrypt", "Decrypt")
PUBLIC_KEY = {"aws-crypto-public-key": "a point"}
CONTEXTS: list[dict[str, str]] = [
    {**pairs, **kind, **signed}
    for pairs in ({}, {"tenant": "a"}, {"tenant": "a", "purpose": "b"}, {"tenant": "a", "purpose": "b", "other": "c"})
    for kind in ({}, {"warmkey-kind": "record"}, {"warmkey-kind": "token"})
    for signed in ({}, PUBLIC_KEY)
]
UNSIGNED = "0x0478"


@dataclass(frozen=True)
class Case:
    """Settings and wishes, and what follows from them by other code than that under test."""

    first: int
    others: tuple[int, ...]
    decrypting: tuple[int, ...]
    required: tuple[str, ...]
    context_keys: tuple[str, ...]
    kinds: tuple[str, ...]
    unsigned: bool
    split: bool

    def keywords(self, arns: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = {"kms_key_arns": [arns[number] for number in (self.first, *self.others)]}
        if self.decrypting:
            found["decrypt_key_arns"] = [arns[number] for number in self.decrypting]
        if self.required[:1]:
            found["tenant_context_key"] = self.required[0]
        if self.required[1:]:
            found["required_context_keys"] = self.required[1:]
        if self.unsigned:
            found["algorithm_suite"] = UNSIGNED
        return found

    @property
    def wanted(self) -> Wanted:
        return Wanted(split=self.split, context_keys=self.context_keys, kinds=self.kinds)

    def expects(self, operation: str, number: int, context: dict[str, str]) -> bool:
        """What must be allowed, and nothing else: for a context that messages of these settings can have."""
        readable = {self.first, *self.others, *self.decrypting}
        keys = {"GenerateDataKey": {self.first}, "Encrypt": set(self.others), "Decrypt": readable}.get(operation, set())
        if number not in keys or not set(self.required) <= context.keys():
            return False
        if self.kinds and context.get("warmkey-kind", "plain") not in self.kinds:
            return False
        if self.context_keys:
            allowed = {*self.context_keys, *self.required}
            allowed |= {"aws-crypto-public-key"} if operation == "Decrypt" or not self.unsigned else set()
            allowed |= {"warmkey-kind"} if self.kinds != ("plain",) else set()
            return bool(context) and context.keys() <= allowed
        return True


def subsets(*items: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(st.sampled_from(items), unique=True).map(tuple)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    first, *others = draw(st.lists(st.sampled_from(range(4)), unique=True, min_size=1, max_size=3))
    return Case(
        first=first,
        others=tuple(others),
        decrypting=draw(subsets(3, 4)),
        required=draw(subsets("tenant", "purpose")),
        context_keys=draw(st.sampled_from([(), ("tenant",), ("tenant", "purpose")])),
        kinds=draw(subsets("plain", "record", "token")),
        unsigned=draw(st.booleans()),
        split=draw(st.booleans()),
    )


@pytest.fixture(scope="module")
def world() -> tuple[FakeKms, list[str]]:
    kms = FakeKms(REGION)
    return kms, [kms.create_key() for _ in range(6)]


@settings(max_examples=150, deadline=None)
@given(case=cases())
def test_a_policy_allows_what_the_settings_do_and_nothing_else(case: Case, world: tuple[FakeKms, list[str]]) -> None:
    kms, arns = world
    with clean_environment():
        read = read_settings(case.keywords(arns))
    roles = permissions(read, Place(region=REGION, account=kms.world.account, partition="aws"), case.wanted)
    for role, statements in roles.items():
        client = FakeKms(REGION, world=kms.world)
        client.attach_policy(document([statement.as_dict() for statement in statements]))
        for operation, number, context in itertools.product(OPERATIONS, range(len(arns)), CONTEXTS):
            of_role = {"encrypt": operation != "Decrypt", "decrypt": operation == "Decrypt"}.get(role, True)
            expected = of_role and case.expects(operation, number, context)

            assert expected == may(client, operation, arns[number], context), (role, operation, number, context)


@settings(max_examples=60, deadline=None)
@given(case=cases())
def test_every_for_all_values_has_a_null_check_beside_it_and_every_sid_is_its_own(
    case: Case, world: tuple[FakeKms, list[str]]
) -> None:
    _, arns = world
    with clean_environment():
        read = read_settings(case.keywords(arns))
    for statements in permissions(read, Place(REGION, "111122223333", "aws"), case.wanted).values():
        assert len({statement.sid for statement in statements}) == len(statements)
        assert all(statement.sid.isalnum() for statement in statements)
        for statement in statements:
            tests = statement.conditions
            for key in tests.get("ForAllValues:StringEquals", {}):
                assert tests["Null"][key] == "false"


# ------------------------------------------------------------------------------------------------- the real helpers


@pytest.fixture
def session() -> Iterator[Any]:
    with fake_kms() as kms:
        yield kms


def test_the_helpers_work_under_it_and_other_contexts_are_denied(session: Any, shell: Shell) -> None:
    session.configure(required_context_keys="tenant")
    session.client.attach_policy(shell.json(kms_key_arns=session.key_arn, required_context_keys="tenant"))

    sealed = warmkey.encrypt_text("a note", {"tenant": "acme"})
    record = warmkey.seal_record({"card": "1"}, ["card"], {"tenant": "acme"})
    warmkey.purge()

    assert warmkey.decrypt_text(sealed, {"tenant": "acme"}) == "a note"
    assert warmkey.unseal_record(record, {"tenant": "acme"}) == {"card": "1"}
    session.configure(required_context_keys="purpose")
    with pytest.raises(warmkey.KeyUnavailable, match="no identity-based policy allows the kms:GenerateDataKey action"):
        warmkey.encrypt(b"", {"purpose": "other"})


def test_the_two_roles_do_one_thing_each(session: Any, shell: Shell) -> None:
    roles = shell.json("--split", kms_key_arns=session.key_arn)
    session.client.attach_policy(roles["encrypt"])
    sealed = warmkey.encrypt_text("a note")

    with pytest.raises(warmkey.KeyUnavailable, match="kms:Decrypt"):
        warmkey.decrypt_text(sealed)

    session.client.detach_policies()
    session.client.attach_policy(roles["decrypt"])
    assert warmkey.decrypt_text(sealed) == "a note"
    warmkey.purge()
    with pytest.raises(warmkey.KeyUnavailable, match="kms:GenerateDataKey"):
        warmkey.encrypt_text("a note")


def test_an_encrypting_role_of_records_seals_records_only(session: Any, shell: Shell) -> None:
    session.client.attach_policy(shell.json("--kinds", "record", kms_key_arns=session.key_arn))

    assert warmkey.is_sealed(warmkey.seal_record({"card": "1"}, ["card"]))
    with pytest.raises(warmkey.KeyUnavailable):
        warmkey.encrypt(b"")
    with pytest.raises(warmkey.KeyUnavailable):
        warmkey.seal_token(b"")


# ---------------------------------------------------------------------------------------------------- kinds of keys


def test_an_alias_encrypts_by_its_name_and_its_key_decrypts(shell: Shell) -> None:
    kms = FakeKms(REGION)
    key, other = kms.create_key(), kms.create_key()
    kms.create_alias("alias/orders", key)
    kms.create_alias("alias/others", key)
    kms.attach_policy(shell.json("--region", REGION, kms_key_arns="alias/orders", decrypt_key_arns=key))

    assert may(kms, "GenerateDataKey", "alias/orders", {})
    assert not may(kms, "GenerateDataKey", "alias/others", {})
    assert not may(kms, "GenerateDataKey", key, {})
    assert may(kms, "Decrypt", key, {})
    assert not may(kms, "Decrypt", other, {})


def test_a_key_id_means_the_key_of_the_account_and_region(shell: Shell) -> None:
    kms = FakeKms(REGION)
    key = kms.create_key()
    key_id = key.rpartition("/")[2]
    printed = shell.json("--region", REGION, kms_key_arns=key_id, decrypt_key_arns=key)

    assert printed["Statement"][0]["Resource"] == key
    assert shell(kms_key_arns="alias/orders", kms_mode="discovery") == 1
    assert "give --region" in shell.err
    assert shell("--region", REGION, kms_key_arns="alias/orders", kms_mode="discovery") == 1
    assert "give --account" in shell.err


def test_replicas_are_named_where_the_role_is_used_in_further_regions(shell: Shell) -> None:
    here = FakeKms(REGION)
    key, single = here.create_key(multi_region=True), here.create_key()
    replica = here.replicate_key(key, "us-east-1")
    there = FakeKms("us-east-1", world=here.world)
    elsewhere = FakeKms("us-west-2", world=here.world)
    third = here.replicate_key(key, "us-west-2")
    printed = shell.json("--replica-regions", "us-east-1", kms_key_arns=f"{key},{single}", kms_mode="mrk")
    for kms in (here, there, elsewhere):
        kms.attach_policy(printed)

    assert may(here, "GenerateDataKey", key, {})
    assert may(there, "GenerateDataKey", replica, {})
    assert may(there, "Decrypt", replica, {})
    assert not may(elsewhere, "Decrypt", third, {})
    assert single.replace(REGION, "us-east-1") not in json.dumps(printed)


def test_discovery_decrypts_with_the_keys_of_the_named_accounts_in_the_regions_that_are_asked(shell: Shell) -> None:
    kms, there = FakeKms(REGION), FakeKms("us-east-1")
    mine, theirs = kms.create_key(), kms.create_key(account="444455556666")
    kms.set_key_policy(theirs, of_account("444455556666", "111122223333"))
    printed = shell.json("--region", REGION, kms_mode="discovery", discovery_accounts="111122223333")
    both = shell.json("--region", REGION, kms_mode="discovery")
    kms.attach_policy(printed)
    there.attach_policy(printed)

    assert may(kms, "Decrypt", mine, {})
    assert not may(kms, "Decrypt", theirs, {})
    assert not may(there, "Decrypt", there.create_key(), {})
    assert not may(kms, "GenerateDataKey", mine, {})
    kms.attach_policy(both)
    assert may(kms, "Decrypt", theirs, {})


@pytest.mark.parametrize("option", ["--region", "--replica-regions"])
def test_a_region_of_another_partition_is_refused(shell: Shell, option: str) -> None:
    key = f"arn:aws:kms:{REGION}:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"

    assert shell(option, "cn-north-1", kms_key_arns=key, kms_mode="mrk") == 1
    assert "the Region cn-north-1 is not in the partition of the others, aws" in shell.err


@pytest.mark.parametrize("table", ["*", "keys-?", "arn:aws:dynamodb:eu-west-1:111122223333:table/keys", "t"])
def test_a_table_that_dynamodb_does_not_have_is_in_no_policy(shell: Shell, table: str) -> None:
    key = f"arn:aws:kms:{REGION}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

    assert shell(kms_key_arns=key, branch_key_store_table=table, branch_key_id="b") == 1
    assert "WARMKEY_BRANCH_KEY_STORE_TABLE must be the name of a DynamoDB table: 3 to 255 of" in shell.err


def of_account(*accounts: str) -> dict[str, Any]:
    """A key policy that lets the IAM policies of *accounts* decide."""
    roots = [f"arn:aws:iam::{account}:root" for account in accounts]
    statement = {"Effect": "Allow", "Principal": {"AWS": roots}, "Action": "kms:*", "Resource": "*"}
    return document([statement])


def test_discovery_names_the_configured_keys_of_other_accounts(shell: Shell) -> None:
    other = f"arn:aws:kms:{REGION}:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    printed = shell.json(
        "--account", "111122223333", kms_mode="discovery", kms_key_arns=other, discovery_accounts="111122223333"
    )

    decrypting = next(each for each in printed["Statement"] if each["Action"] == "kms:Decrypt")
    assert decrypting["Resource"] == [f"arn:aws:kms:{REGION}:111122223333:key/*", other]


def test_the_partition_is_that_of_the_region_where_no_key_says_it(shell: Shell) -> None:
    printed = shell.json("--region", "cn-north-1", kms_mode="discovery", discovery_accounts="111122223333")

    assert printed["Statement"][0]["Resource"] == "arn:aws-cn:kms:cn-north-1:111122223333:key/*"
    assert shell("--region", "moon-north-1", kms_mode="discovery") == 1
    assert "knows no AWS partition" in shell.err
    assert shell(kms_mode="discovery") == 1
    assert "set AWS_REGION" in shell.err


def test_an_alias_may_be_given_by_its_arn(shell: Shell) -> None:
    kms = FakeKms(REGION)
    key = kms.create_key()
    kms.attach_policy(shell.json(kms_key_arns=kms.create_alias("alias/orders", key), decrypt_key_arns=key))

    assert may(kms, "GenerateDataKey", "alias/orders", {})
    assert not may(kms, "GenerateDataKey", key, {})


def test_discovery_needs_to_know_a_region() -> None:
    with clean_environment():
        read = read_settings({"kms_mode": "discovery"})
    with pytest.raises(ConfigurationError, match="give --region"):
        permissions(read, Place(None, "111122223333", "aws"), Wanted())


def test_a_role_with_nothing_to_do_with_kms_has_no_keys_to_describe(shell: Shell) -> None:
    roles = shell.json("--split", "--for-doctor", "--region", REGION, kms_mode="discovery")

    assert [each["Sid"] for each in roles["Statement"]] == ["DecryptDataKeys", "DescribeKeys"]


def test_the_doctor_may_describe_keys_when_asked_for(shell: Shell) -> None:
    kms = FakeKms(REGION)
    key = kms.create_key()
    kms.attach_policy(shell.json("--for-doctor", kms_key_arns=key))

    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"] == key
