"""Data Masking over warmkey: as Powertools' own provider, with a cache for decrypting, and with fields."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools.utilities.data_masking import DataMasking
from aws_lambda_powertools.utilities.data_masking.exceptions import (
    DataMaskingContextMismatchError,
    DataMaskingDecryptKeyError,
    DataMaskingDecryptValueError,
    DataMaskingEncryptKeyError,
    DataMaskingError,
    DataMaskingFieldNotFoundError,
    DataMaskingUnsupportedTypeError,
)
from aws_lambda_powertools.utilities.data_masking.provider import BaseProvider
from boto3.dynamodb.types import Binary
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

import warmkey
from tests.client_apis.test_secrets import chain, our_locals, shown
from tests.powertools.providers import Both, both
from warmkey.powertools import DataMaskingWithFields, WarmkeyProvider
from warmkey.testing import fake_kms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from warmkey.testing import KmsSession

TENANT = {"tenant": "acme"}
PAYLOADS: list[Any] = [
    {"card": "4929", "lines": [{"note": "Köln"}], "total": 12.5, "none": None, "paid": True},
    [1, "two", [3.0]],
    "text",
    7,
    2**70,
    None,
    {},
    "",
]
RECORD: dict[str, Any] = {
    "id": "order-1",
    "card": "4929",
    "customer": {"name": "Erika", "ssn": "123-45", "a.b": 1},
    "lines": [{"note": "ring", "sku": "a"}, {"note": "knock", "sku": "b"}],
    "total": Decimal("12.50"),
}


@dataclass
class Order:
    id: str
    card: str
    customer: dict[str, str]


class Model(BaseModel):
    id: str
    card: str
    customer: dict[str, str]


@pytest.fixture
def kms() -> Iterator[KmsSession]:
    with fake_kms(metrics="off") as session:
        yield session


@pytest.fixture
def masking(kms: KmsSession) -> DataMasking:
    return DataMasking(provider=WarmkeyProvider())


@pytest.fixture
def with_fields(kms: KmsSession) -> DataMaskingWithFields:
    return DataMaskingWithFields()


two = pytest.fixture(both)


# -------------------------------------------------------------------------------------- beside Powertools' own provider


@pytest.mark.parametrize("payload", PAYLOADS, ids=repr)
def test_each_reads_what_the_other_has_written(two: Both, payload: Any) -> None:
    ours, theirs = two.ours.encrypt(payload, **TENANT), two.built_in.encrypt(payload, **TENANT)

    assert two.built_in.decrypt(ours, **TENANT) == payload
    assert two.ours.decrypt(theirs, **TENANT) == payload


def test_a_hundred_decrypts_of_a_tenant_are_one_request_where_the_built_in_provider_makes_a_hundred(two: Both) -> None:
    data = two.built_in.encrypt({"card": "4929"}, **TENANT)

    assert two.requests_for(100, two.built_in, data, **TENANT) == 100
    assert two.requests_for(100, two.ours, data, **TENANT) == 1


@pytest.mark.parametrize("context", [{}, {"tenant": "other"}, {**TENANT, "shop": "books"}, {"shop": "books"}], ids=repr)
def test_both_demand_exactly_the_context(two: Both, context: dict[str, str]) -> None:
    data = two.built_in.encrypt({"card": "4929"}, **TENANT)
    before = two.kms.count()

    with pytest.raises(DataMaskingContextMismatchError, match="must be exactly that of the message"):
        two.ours.decrypt(data, **context)
    assert two.kms.count() == before  # refused before a key is asked for
    with pytest.raises(DataMaskingContextMismatchError):
        two.built_in.decrypt(data, **context)


def test_a_message_without_context_is_not_taken_for_one_with_it(two: Both) -> None:
    data = two.built_in.encrypt("text")

    assert two.ours.decrypt(data) == "text"
    with pytest.raises(DataMaskingContextMismatchError, match="another value, or none, for 'tenant'"):
        two.ours.decrypt(data, **TENANT)


@pytest.mark.parametrize("which", ["ours", "built_in"])
def test_erasing_is_powertools_own(two: Both, which: str) -> None:
    masking = getattr(two, which)

    assert masking.erase({"card": "4929", "id": 1}, fields=["card"]) == {"card": "*****", "id": 1}
    assert masking.erase("4929 1234", dynamic_mask=True) == "**** ****"
    assert masking.provider.erase is not None
    assert WarmkeyProvider.erase is BaseProvider.erase


def test_the_algorithm_of_the_other_sdk_is_an_option(two: Both) -> None:
    from aws_encryption_sdk.identifiers import Algorithm  # noqa: PLC0415 - slow

    unsigned = Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
    data = two.ours.encrypt("text", provider_options={"algorithm": unsigned, "frame_length": 100})

    assert two.built_in.decrypt(data) == "text"
    message = warmkey.default_client().decrypt(base64.b64decode(data), cmm=warmkey.default_cmm())
    assert (message.algorithm_suite.value, message.header.frame_length) == (0x0478, 100)


# ------------------------------------------------------------------------------------------------------ whole payloads


@pytest.mark.parametrize("kind", [Order, Model])
def test_a_dataclass_or_a_model_comes_back_as_a_dict(masking: DataMasking, kind: Callable[..., Any]) -> None:
    fields: dict[str, Any] = {"id": "order-1", "card": "4929", "customer": {"name": "Erika"}}
    order = kind(**fields)

    assert masking.decrypt(masking.encrypt(order, **TENANT), **TENANT) == fields
    assert masking.decrypt(masking.encrypt([order, order])) == [fields, fields]  # of which Data Masking unpacks one
    provider = WarmkeyProvider()
    assert provider.decrypt(provider.encrypt({"orders": [order]})) == {"orders": [fields]}


def test_a_serializer_of_your_own_writes_what_json_lacks(kms: KmsSession) -> None:
    provider = WarmkeyProvider(
        json_serializer=lambda data: json.dumps(data, default=str).encode(),  # type: ignore[arg-type, return-value]
        json_deserializer=lambda text: json.loads(text, parse_float=Decimal),
    )
    masking = DataMasking(provider=provider)

    assert masking.decrypt(masking.encrypt({"total": Decimal("12.50"), "part": 0.5})) == {
        "total": "12.50",
        "part": Decimal("0.5"),
    }


@pytest.mark.parametrize("argument", ["json_serializer", "json_deserializer"])
def test_what_is_not_a_serializer_is_refused_at_once(argument: str) -> None:
    with pytest.raises(warmkey.ConfigurationError, match=f"{argument} must be callable, not str"):
        WarmkeyProvider(**{argument: "json"})  # type: ignore[arg-type]


def test_a_megabyte_goes_through(masking: DataMasking) -> None:
    payload = {"text": "x" * 3_000_000}

    assert masking.decrypt(masking.encrypt(payload, **TENANT), **TENANT) == payload


def test_a_hundred_messages_of_a_tenant_are_one_request_each_way(masking: DataMasking, kms: KmsSession) -> None:
    for number in range(100):
        assert masking.decrypt(masking.encrypt(number, **TENANT), **TENANT) == number

    kms.assert_kms_calls(1, "GenerateDataKey")
    kms.assert_kms_calls(1, "Decrypt")


def test_text_as_bytes_is_read_too(masking: DataMasking) -> None:
    assert masking.decrypt(masking.encrypt("text").encode()) == "text"


class Loop:
    """Says that it is made of itself."""

    def dict(self) -> list[Loop]:
        return [self]


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"total": Decimal("12.50")}, "the data holds a Decimal, which JSON does not have"),
        ({"card": b"4929"}, "the data holds a bytes"),
        ({"cards": {"4929"}}, "the data holds a set"),
        ({"model": Model}, "the data holds a ModelMetaclass"),
        ({"card": "\ud800 4929"}, r"the data can't be written as JSON \(UnicodeEncodeError\)"),
        ({(1, 2): "4929"}, r"the data can't be written as JSON \(TypeError\)"),
        ([Loop()], r"the data can't be written as JSON \(\w+Error\)"),
        (nested(100_000), r"the data can't be written as JSON \(RecursionError\)"),
    ],
    ids=["Decimal", "bytes", "set", "class", "surrogate", "key", "loop", "nested"],
)
def test_what_json_lacks_is_refused_without_showing_it(kms: KmsSession, data: Any, problem: str) -> None:
    with pytest.raises(DataMaskingUnsupportedTypeError, match=problem) as caught:
        WarmkeyProvider().encrypt(data, **TENANT)

    assert_shows_nothing(caught.value, "4929", "12.50")
    kms.assert_kms_calls(0)
    assert warmkey.cache_info().encrypt.failures == 1


def assert_shows_nothing(error: BaseException, *secrets: str) -> None:
    """Neither the error nor what it came from, with their notes and the variables of our frames."""
    told = "".join(shown(link) + repr(getattr(link, "__notes__", "")) for link in chain(error))
    for secret in secrets:
        assert secret not in told
        assert secret not in our_locals(error)


# ------------------------------------------------------------------------------------------------------------- junk


def message(**context: str) -> str:
    return base64.b64encode(warmkey.encrypt(b'"text"', context)).decode()


JUNK: dict[str, Callable[[], Any]] = {
    "empty": lambda: "",
    "text": lambda: "no message",
    "no ASCII": lambda: "Köln",
    "base64 of something else": lambda: base64.b64encode(b"junk").decode(),
    "bytes": lambda: b"\xff\x00",
    "truncated text": lambda: message(**TENANT)[:-3],
    "truncated message": lambda: message(**TENANT)[:40],
    "a newline": lambda: message(**TENANT) + "\n",
    "other base64": lambda: warmkey.seal_token("text", TENANT),
    "a token": lambda: base64.b64encode(base64.urlsafe_b64decode(warmkey.seal_token("text", TENANT) + "==")).decode(),
    "what is not JSON": lambda: warmkey.encrypt_text("4929", TENANT) and warmkey.encrypt_text("{4929", TENANT),
    "what is not text": lambda: base64.b64encode(warmkey.encrypt(b"\xff4929", TENANT)).decode(),
    "deep JSON": lambda: warmkey.encrypt_text("[" * 200_000, TENANT),
    "a record that was not sealed": lambda: {"card": "4929"},
    "an empty record": dict,
    "a record with junk": lambda: {"_sealed": "junk"},
    "a record with a dict": lambda: {"_sealed": {"value": None}},
    "a record with a plain message": lambda: {"_sealed": warmkey.encrypt(b"4929", TENANT)},
    "a changed message": lambda: message(**TENANT)[:-8] + "AAAAAAA=",
}


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("kind", [DataMasking, DataMaskingWithFields])
def test_junk_is_an_error_of_data_masking(kms: KmsSession, kind: Any, junk: str) -> None:
    data = JUNK[junk]()

    with pytest.raises(DataMaskingDecryptValueError) as caught:
        kind(provider=WarmkeyProvider()).decrypt(data, **TENANT)
    assert_shows_nothing(caught.value, "4929")


@pytest.mark.parametrize("data", [None, 5, 5.0, [], Loop(), ("text",)], ids=range(6))
def test_what_is_neither_text_nor_a_record_is_not_decrypted(masking: DataMasking, data: Any) -> None:
    with pytest.raises((DataMaskingUnsupportedTypeError, DataMaskingDecryptValueError)):
        masking.decrypt(data)


@given(junk=st.one_of(st.text(), st.binary(), st.binary().map(lambda data: base64.b64encode(b"\x02\x04\x78" + data))))
def test_any_text_is_an_error_of_data_masking(junk: str | bytes) -> None:
    with fake_kms(metrics="off"), pytest.raises(DataMaskingError):
        WarmkeyProvider().decrypt(junk)


def test_a_bit_that_was_changed_anywhere_is_an_error_of_data_masking(masking: DataMasking) -> None:
    data = base64.b64decode(masking.encrypt("4929", **TENANT))
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1

        with pytest.raises(DataMaskingError):
            masking.decrypt(base64.b64encode(changed).decode(), **TENANT)


@pytest.mark.parametrize("context", [{"tenant": 5}, {"tenant": None}, {"tenant": b"4929"}], ids=repr)
@pytest.mark.parametrize("operation", ["encrypt", "decrypt"])
def test_a_context_of_other_types_is_refused(masking: DataMasking, operation: str, context: Any) -> None:
    with pytest.raises(DataMaskingUnsupportedTypeError, match="an encryption context value must be str") as caught:
        getattr(masking, operation)(message(), **context)
    assert_shows_nothing(caught.value, "4929")


def test_nobody_encrypts_or_decrypts_a_kind_of_our_own(
    masking: DataMasking, with_fields: DataMaskingWithFields
) -> None:
    kind = {"warmkey-kind": "record"}
    sealed = with_fields.encrypt(RECORD, fields=["card"])

    with pytest.raises(DataMaskingUnsupportedTypeError, match="warmkey-kind"):
        masking.encrypt("text", **kind)
    plain = base64.b64encode(base64.urlsafe_b64decode(sealed["_sealed"] + "==")).decode()
    with pytest.raises(DataMaskingContextMismatchError):
        masking.decrypt(plain, **kind)
    with pytest.raises(DataMaskingDecryptValueError, match="is a sealed record"):
        masking.decrypt(plain)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"algoritm": 5}, "an option that is not known; here they are algorithm, frame_length"),
        ({"algorithm": "0478"}, "algorithm_suite must be a member of AlgorithmSuite"),
        ({"frame_length": 0}, "frame_length"),
        ({"fields": ["card"], "algorithm": 0x0478}, "here they are bound_to, fields, raise_on_missing_field, text, un"),
        ([("fields", ["card"])], "provider_options must be a dict, not list of length 1"),
    ],
    ids=str,
)
def test_an_option_that_is_not_known_is_refused(masking: DataMasking, options: Any, problem: str) -> None:
    with pytest.raises(DataMaskingUnsupportedTypeError, match=problem):
        masking.encrypt({"card": "4929"}, provider_options=options)
    assert warmkey.cache_info().encrypt.failures == 1


def test_decrypting_text_has_no_options(masking: DataMasking) -> None:
    with pytest.raises(DataMaskingUnsupportedTypeError, match="there are none for this"):
        masking.decrypt(message(), provider_options={"fields": ["card"]})


# --------------------------------------------------------------------------------------------------- keys and settings


def test_kms_trouble_is_an_error_of_data_masking_with_every_attempt(masking: DataMasking, kms: KmsSession) -> None:
    data = masking.encrypt("text")
    warmkey.purge()
    kms.client.fail(error="denied", times=2)

    with pytest.raises(DataMaskingDecryptKeyError, match="AccessDeniedException") as decrypting:
        masking.decrypt(data)
    with pytest.raises(DataMaskingEncryptKeyError, match="AccessDeniedException"):
        masking.encrypt("text")
    cause = decrypting.value.__cause__
    assert isinstance(cause, warmkey.KeyUnavailable)
    assert [attempt.error_code for attempt in cause.attempts] == ["AccessDeniedException"]


def test_a_key_of_somebody_else_is_an_error_of_data_masking(masking: DataMasking, kms: KmsSession) -> None:
    keyring = warmkey.AwsKmsKeyring(kms.client.create_key(), kms_client=kms.client)
    data = base64.b64encode(warmkey.Client().encrypt(b"1", keyring=keyring).ciphertext).decode()

    with pytest.raises(DataMaskingDecryptKeyError, match="none of the configured keys"):
        masking.decrypt(data)


def test_required_context_keys_hold_here_too(masking: DataMasking, kms: KmsSession) -> None:
    data = masking.encrypt("text")
    kms.configure(required_context_keys="tenant", metrics="off")

    with pytest.raises(DataMaskingError, match="lacks 'tenant'"):
        masking.encrypt("text")
    with pytest.raises(DataMaskingDecryptValueError, match="lacks 'tenant'"):
        masking.decrypt(data)
    assert masking.decrypt(masking.encrypt("text", **TENANT), **TENANT) == "text"


def test_outside_an_invocation_of_a_tenant_nothing_is_encrypted_or_decrypted(
    masking: DataMasking, kms: KmsSession
) -> None:
    data = masking.encrypt("text", **TENANT)
    kms.configure(tenant_context_key="tenant", metrics="off")

    with pytest.raises(DataMaskingError, match="tenant"):
        masking.encrypt("text", **TENANT)
    with pytest.raises(DataMaskingDecryptValueError, match="tenant"):
        masking.decrypt(data, **TENANT)


def test_too_many_encrypted_data_keys_are_refused(masking: DataMasking, kms: KmsSession) -> None:
    keys = [warmkey.AwsKmsKeyring(kms.key_arn, kms_client=kms.client)] * 3
    data = warmkey.Client().encrypt(b"1", keyring=warmkey.MultiKeyring(keys[0], keys)).ciphertext
    kms.configure(max_encrypted_data_keys=1, metrics="off")

    with pytest.raises(DataMaskingDecryptValueError, match="encrypted data keys"):
        masking.decrypt(base64.b64encode(data).decode())


@pytest.mark.parametrize("operation", ["encrypt", "decrypt"])
def test_a_setting_that_is_wrong_is_told_as_such(masking: DataMasking, kms: KmsSession, operation: str) -> None:
    data = message()
    os.environ["WARMKEY_KMS_KEY_ARNS"] = "alias/orders"  # the session puts back what there was
    kms.configure()

    with pytest.raises(warmkey.ConfigurationError, match="alias/orders"):
        getattr(masking, operation)(data)


def test_every_message_is_counted_once(masking: DataMasking, with_fields: DataMaskingWithFields) -> None:
    data = masking.encrypt("text", **TENANT)
    sealed = with_fields.encrypt(RECORD, fields=["card"], **TENANT)
    masking.decrypt(data, **TENANT)
    with_fields.decrypt(sealed, **TENANT)
    for wrong in (data, sealed):
        with pytest.raises(DataMaskingContextMismatchError):
            masking.decrypt(wrong)
    for junk in ("junk", {"_sealed": "junk"}):
        with pytest.raises(DataMaskingDecryptValueError):
            masking.decrypt(junk)
    with pytest.raises(DataMaskingFieldNotFoundError):
        with_fields.encrypt(RECORD, fields=["no"], **TENANT)

    info = warmkey.cache_info()
    assert (sum(info.encrypt.misses.values()), info.encrypt.hits, info.encrypt.failures) == (2, 0, 1)
    assert (sum(info.decrypt.misses.values()), info.decrypt.hits, info.decrypt.failures) == (2, 0, 0)
    assert (info.decrypt.policy_refusals, info.decrypt.malformed) == (2, 2)


# -------------------------------------------------------------------------------------------------------------- fields

FIELDS = ["card", "customer.ssn", "$.lines[*].note"]
STORED = {
    "id": "order-1",
    "customer": {"name": "Erika", "a.b": 1},
    "lines": [{"sku": "a"}, {"sku": "b"}],
    "total": Decimal("12.50"),
}


def test_fields_travel_together_and_the_rest_stays_readable(with_fields: DataMaskingWithFields) -> None:
    before = json.dumps(RECORD, default=str)
    sealed = with_fields.encrypt(RECORD, fields=FIELDS, **TENANT)

    assert isinstance(sealed.pop("_sealed"), str)
    assert sealed == STORED
    assert json.dumps(RECORD, default=str) == before


@pytest.mark.parametrize("encrypting", ["today", "issue 7963"])
@pytest.mark.parametrize("decrypting", ["today", "issue 7963"])
def test_powertools_seam_of_today_and_the_one_that_its_issue_asks_for_are_the_same(
    masking: DataMasking, with_fields: DataMaskingWithFields, encrypting: str, decrypting: str
) -> None:
    sealed = (
        masking.encrypt(RECORD, provider_options={"fields": FIELDS}, **TENANT)
        if encrypting == "today"
        else with_fields.encrypt(RECORD, fields=FIELDS, **TENANT)
    )
    whole = (masking if decrypting == "today" else with_fields).decrypt(sealed, **TENANT)

    assert whole == RECORD


def test_it_is_a_record_that_warmkey_seals(with_fields: DataMaskingWithFields) -> None:
    sealed = with_fields.encrypt(RECORD, {"bound_to": ["id"]}, fields=["card"], **TENANT)
    ours = warmkey.seal_record(RECORD, ["card"], TENANT, bound_to=["id"])

    assert warmkey.unseal_record(sealed, TENANT, bound_to={"id": "order-1"}) == RECORD
    assert with_fields.decrypt(ours, {"bound_to": {"id": "order-1"}}, **TENANT) == RECORD


def test_an_item_that_dynamodb_returned_is_read_by_both(
    masking: DataMasking, with_fields: DataMaskingWithFields
) -> None:
    """Data Masking makes a dict of boto3's ``Binary`` before the provider sees it."""
    item = {**STORED, "_sealed": Binary(warmkey.seal_record(RECORD, ["card"], TENANT)["_sealed"])}
    item["customer"], item["lines"] = RECORD["customer"], RECORD["lines"]

    assert with_fields.decrypt(item, **TENANT) == RECORD
    assert masking.decrypt(item, **TENANT) == RECORD


def test_bytes_beside_the_fields_stay_as_they_are(with_fields: DataMaskingWithFields) -> None:
    record = {"card": "4929", "photo": Binary(b"\x00"), "tags": {"a"}}
    sealed = with_fields.encrypt(record, fields=["card"])

    assert sealed["photo"] is record["photo"]
    assert with_fields.decrypt(sealed) == record


@pytest.mark.parametrize(
    "kind", [Order, Model, lambda **fields: json.dumps(fields)], ids=["dataclass", "model", "JSON"]
)
def test_a_dataclass_a_model_or_json_has_fields(
    masking: DataMasking, with_fields: DataMaskingWithFields, kind: Callable[..., Any]
) -> None:
    fields: dict[str, Any] = {"id": "order-1", "card": "4929", "customer": {"ssn": "123-45"}}
    order = kind(**fields)

    for sealed in (
        with_fields.encrypt(order, fields=["card", "customer.ssn"]),
        masking.encrypt(order, provider_options={"fields": ["card", "customer.ssn"]}),
    ):
        assert sealed.keys() == {"id", "customer", "_sealed"}
        assert with_fields.decrypt(sealed) == fields


def test_a_model_inside_a_record_has_fields(with_fields: DataMaskingWithFields) -> None:
    fields: dict[str, Any] = {"id": "order-1", "card": "4929", "customer": {"ssn": "123-45"}}
    sealed = with_fields.encrypt({"orders": [Model(**fields)]}, fields=["orders[0].card"])

    assert with_fields.decrypt(sealed) == {"orders": [fields]}


def test_a_dataclass_that_holds_itself_is_refused_like_anything_too_deep(with_fields: DataMaskingWithFields) -> None:
    customer: Any = {}
    order = customer["order"] = Order("order-1", "4929", customer)

    with pytest.raises(DataMaskingUnsupportedTypeError, match="is of type Order"):
        with_fields.encrypt(order, fields=["customer"])


@pytest.mark.parametrize("data", [[1], "[1]", "4929", "{", 5, None, Model, nested(2_000)], ids=range(8))
def test_only_a_record_has_fields(kms: KmsSession, data: Any) -> None:
    with pytest.raises(DataMaskingUnsupportedTypeError) as caught:
        WarmkeyProvider().encrypt(data, {"fields": ["card"]})
    assert_shows_nothing(caught.value, "4929")


@pytest.mark.parametrize(
    "change",
    [
        {"card": "4930"},
        {"id": "order-2"},
        {"lines": [{"sku": "b"}, {"sku": "a"}]},
        {"lines": [{"sku": "a"}]},
        {"customer": None},
        {"customer": {"ssn": "x"}},
    ],
    ids=str,
)
def test_a_record_that_was_changed_is_refused(with_fields: DataMaskingWithFields, change: dict[str, Any]) -> None:
    sealed = with_fields.encrypt(RECORD, {"bound_to": ["id"]}, fields=FIELDS, **TENANT)

    with pytest.raises(DataMaskingDecryptValueError) as caught:
        with_fields.decrypt({**sealed, **change}, **TENANT)
    assert_shows_nothing(caught.value, "4929", "123-45")


def test_messages_of_two_records_cant_be_swapped(with_fields: DataMaskingWithFields) -> None:
    first, second = (
        with_fields.encrypt({"id": name, "card": name}, {"bound_to": ["id"]}, fields=["card"]) for name in "ab"
    )

    with pytest.raises(DataMaskingDecryptValueError, match="the record's id is not the one"):
        with_fields.decrypt({**first, "_sealed": second["_sealed"]})
    with pytest.raises(DataMaskingDecryptValueError, match="are bound to another id than bound_to expects"):
        with_fields.decrypt(second, {"bound_to": {"id": "a"}})


@pytest.mark.parametrize("context", [{}, {"tenant": "other"}, {**TENANT, "shop": "books"}], ids=repr)
def test_fields_demand_exactly_the_context_too(
    with_fields: DataMaskingWithFields, kms: KmsSession, context: dict[str, str]
) -> None:
    sealed = with_fields.encrypt(RECORD, fields=["card"], **TENANT)

    with pytest.raises(DataMaskingContextMismatchError):
        with_fields.decrypt(sealed, **context)
    kms.assert_kms_calls(0, "Decrypt")


def test_another_field_may_have_the_message_as_bytes(with_fields: DataMaskingWithFields) -> None:
    sealed = with_fields.encrypt(RECORD, {"under": "secret", "text": False}, fields=["card"])

    assert isinstance(sealed["secret"], bytes)
    assert with_fields.decrypt(sealed, {"under": "secret"}) == RECORD
    with pytest.raises(DataMaskingUnsupportedTypeError, match="under must be a str"):
        with_fields.decrypt(sealed, {"under": 5})


def test_fields_named_for_decrypting_must_have_been_encrypted(with_fields: DataMaskingWithFields) -> None:
    sealed = with_fields.encrypt(RECORD, fields=FIELDS, **TENANT)

    assert with_fields.decrypt(sealed, fields=["customer.ssn", "lines[*].note"], **TENANT) == RECORD
    for field, problem in (
        ("id", "id was not encrypted"),
        ("no", "no not found"),
        ("lines[0].sku", "was not encrypted"),
    ):
        with pytest.raises(DataMaskingFieldNotFoundError, match=problem):
            with_fields.decrypt(sealed, fields=["card", field], **TENANT)


def test_a_field_that_is_not_there_is_an_error_or_a_warning(kms: KmsSession) -> None:
    strict, lenient = DataMaskingWithFields(), DataMaskingWithFields(raise_on_missing_field=False)

    with pytest.raises(DataMaskingFieldNotFoundError, match="Field or expression nickname not found"):
        strict.encrypt(RECORD, fields=["card", "nickname"])
    with pytest.warns(UserWarning, match="Field or expression nickname not found"):
        sealed = lenient.encrypt(RECORD, fields=["card", "nickname"])
    assert strict.decrypt(sealed) == RECORD
    with pytest.raises(DataMaskingFieldNotFoundError, match="nickname"):  # nothing would be encrypted
        lenient.encrypt(RECORD, fields=["nickname"])


def test_without_fields_it_is_data_masking(with_fields: DataMaskingWithFields, masking: DataMasking) -> None:
    assert masking.decrypt(with_fields.encrypt(RECORD["customer"], **TENANT), **TENANT) == RECORD["customer"]
    assert with_fields.decrypt(masking.encrypt([1], **TENANT), **TENANT) == [1]
    assert with_fields.erase({"card": "4929"}, fields=["card"]) == {"card": "*****"}


def test_fields_need_our_provider() -> None:
    with pytest.raises(warmkey.ConfigurationError, match="provider must be a WarmkeyProvider, not BaseProvider"):
        DataMaskingWithFields(BaseProvider())  # type: ignore[arg-type]


def test_a_hundred_records_of_a_tenant_are_one_request_each_way(
    with_fields: DataMaskingWithFields, kms: KmsSession
) -> None:
    for number in range(100):
        record = {**RECORD, "id": f"order-{number}"}
        sealed = with_fields.encrypt(record, {"bound_to": ["id"]}, fields=FIELDS, **TENANT)
        assert with_fields.decrypt(sealed, {"bound_to": {"id": record["id"]}}, **TENANT) == record

    kms.assert_kms_calls(1, "GenerateDataKey")
    kms.assert_kms_calls(1, "Decrypt")
