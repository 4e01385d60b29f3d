"""An encryption context can't be changed, and is what it serializes to."""

# Source: framework/structures.md#encryption-context

from __future__ import annotations

import copy
import json
import pickle
from collections import OrderedDict, UserDict
from enum import Enum, StrEnum
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest

from tests.vectors.forge import serialized_pairs
from warmkey import EncryptionContext, InvalidRequest
from warmkey.structures import encryption_context


class OldEnum(str, Enum):  # noqa: UP042 - what people wrote before StrEnum
    ACME = "acme"


class NewEnum(StrEnum):
    ACME = "acme"


class Shouting(str):
    __slots__ = ()

    def __str__(self) -> str:
        return self.upper()


class Repeating(dict[str, str]):
    def items(self) -> Any:
        return [("k", "1"), ("k", "2")]


# spec: framework/structures.md#serialization 70d8
# spec: framework/structures.md#key-value-pair-entries 1b36
@pytest.mark.parametrize(
    "pairs",
    [
        {"a": "1", "b": "2"},
        OrderedDict(b="2", a="1"),
        MappingProxyType({"a": "1", "b": "2"}),
        UserDict({"a": "1", "b": "2"}),
        EncryptionContext({"a": "1", "b": "2"}),
        EncryptionContext([("b", "2"), ("a", "1")]),
    ],
)
def test_any_mapping_of_strings_is_a_context(pairs: Any) -> None:
    context = EncryptionContext.of(pairs)

    assert context == {"a": "1", "b": "2"}
    assert context.serialized == serialized_pairs([(b"a", b"1"), (b"b", b"2")])


# spec: framework/structures.md#serialization a895
# spec: framework/structures.md#key-value-pair-count c38b
@pytest.mark.parametrize("nothing", [None, {}, MappingProxyType({}), EncryptionContext(), EncryptionContext({})])
def test_no_pairs_serialize_to_nothing(nothing: Any) -> None:
    assert EncryptionContext.of(nothing) == {}
    assert EncryptionContext.of(nothing).serialized == b""


def test_it_is_a_copy_of_what_was_given() -> None:
    pairs = {"k": "before"}
    context = EncryptionContext.of(pairs)
    pairs["k"] = "after"
    pairs["new"] = "too"

    assert context == {"k": "before"}


@pytest.mark.parametrize("value", [OldEnum.ACME, NewEnum.ACME, Shouting("acme")], ids=["Enum", "StrEnum", "subclass"])
def test_strings_of_other_classes_are_told_as_they_are_serialized(value: str) -> None:
    """KMS binds a data key to the one and the message stores the other: were they to differ, nobody could decrypt."""
    for pairs in ({"tenant": value}, {value: "tenant"}):
        context = EncryptionContext(pairs)
        (pair,) = context.items()

        assert context.serialized == serialized_pairs([tuple(text.encode() for text in pair)])  # type: ignore[list-item]
        assert {type(text) for text in pair} == {str}
        assert "acme" in pair


@pytest.mark.parametrize(
    "change",
    [
        lambda context: context.__setitem__("a", "2"),
        lambda context: context.__delitem__("a"),
        lambda context: context.clear(),
        lambda context: context.pop("a"),
        lambda context: context.popitem(),
        lambda context: context.setdefault("b", "2"),
        lambda context: context.update({"b": "2"}),
        lambda context: context.__ior__({"b": "2"}),
    ],
    ids=range(8),
)
def test_nobody_changes_it(change: Any) -> None:
    context = EncryptionContext({"a": "1"})

    with pytest.raises(TypeError, match=r"dict\(context\)"):
        change(context)
    assert context == {"a": "1"}


@pytest.mark.parametrize("make", [dict, dict.copy, lambda context: context | {}], ids=range(3))
def test_a_copy_can_be_changed(make: Any) -> None:
    changed = make(EncryptionContext({"a": "1"}))
    changed["b"] = "2"

    assert type(changed) is dict
    assert changed == {"a": "1", "b": "2"}


def test_equal_contexts_are_equal_and_hash_alike_whatever_their_order() -> None:
    one, other = EncryptionContext({"a": "1", "b": "2"}), EncryptionContext({"b": "2", "a": "1"})

    assert one == other
    assert hash(one) == hash(other)
    assert one == {"b": "2", "a": "1"}
    assert one != {"a": "1"}
    assert one != EncryptionContext({"a": "1", "b": "3"})


def test_pairs_cannot_be_shifted_between_key_and_value() -> None:
    contexts = [EncryptionContext(pairs) for pairs in ({"ab": "c"}, {"a": "bc"}, {"a": "b", "c": ""}, {"abc": ""})]

    assert len({context.serialized for context in contexts}) == len(contexts)


def test_some_keys_alone_are_serialized_alone() -> None:
    context = EncryptionContext({"b": "2", "a": "1", "c": "3"})

    assert context.serialize_only({"c", "a"}) == serialized_pairs([(b"a", b"1"), (b"c", b"3")])
    assert context.serialize_only(()) == b""
    assert context.without({"a", "c"}) == {"b": "2"}
    assert context.without({"a", "b", "c"}) == {}


# spec: framework/structures.md#key-value-pair-entries 8947
@pytest.mark.parametrize(
    ("pairs", "problem"),
    [
        ("text", "must be a mapping of str to str, not str"),
        (b"bytes", "must be a mapping of str to str, not bytes"),
        ([("a", "1")], "must be a mapping of str to str, not list"),
        (0, "must be a mapping of str to str, not int"),
        (False, "must be a mapping of str to str, not bool"),
        ({"k": 1}, "value must be str, not int"),
        ({"k": None}, "value must be str, not NoneType"),
        ({"k": b"v"}, "value must be str, not bytes"),
        ({"k": ["v"]}, "value must be str, not list"),
        ({1: "v"}, "key must be str, not int"),
        ({b"k": "v"}, "key must be str, not bytes"),
        ({"k": "\ud800"}, "value holds a lone surrogate"),
        ({"\udfff": "v"}, "key holds a lone surrogate"),
        ({"k": "v" * 65_536}, "value takes 65536 bytes of UTF-8; 65535 are allowed"),
        ({"é" * 32_768: "v"}, "key takes 65536 bytes of UTF-8; 65535 are allowed"),
        ({str(number): "" for number in range(65_536)}, "has 65536 pairs; 65535 are allowed"),
        (Repeating(k=""), "has a key more than once"),
    ],
    ids=range(17),
)
def test_what_is_no_context_is_refused_with_what_is_wrong(pairs: Any, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        EncryptionContext.of(pairs)


def test_a_lambda_context_in_its_place_gets_an_error_that_says_so() -> None:
    class LambdaContext:
        aws_request_id = "id"

        def get_remaining_time_in_millis(self) -> int:
            return 1

    with pytest.raises(InvalidRequest, match="is the LambdaContext of your handler"):
        EncryptionContext.of(LambdaContext())  # type: ignore[arg-type]


@pytest.mark.parametrize("attribute", ["aws_request_id", "get_remaining_time_in_millis"])
def test_what_only_resembles_a_lambda_context_is_named_by_its_type(attribute: str) -> None:
    event = SimpleNamespace(**{attribute: "id"})

    with pytest.raises(InvalidRequest, match="must be a mapping of str to str, not SimpleNamespace"):
        EncryptionContext.of(event)  # type: ignore[arg-type]


def test_the_longest_key_and_value_are_allowed() -> None:
    longest = "v" * 65_535

    assert EncryptionContext({longest: longest})[longest] == longest


@pytest.mark.parametrize("key", ["warmkey-kind", "Warmkey-Kind", "WARMKEY-KIND", "warm\u212aey-kind"])
def test_the_key_of_the_kind_is_reserved_however_it_is_written(key: str) -> None:
    """Names of condition keys ignore case, so KMS's policies can't tell them apart."""
    assert EncryptionContext({"a": "1", key: "token"}).reserved_key == key


def test_a_reserved_key_is_noticed() -> None:
    assert EncryptionContext({"a": "1", "aws-crypto-public-key": "2"}).reserved_key == "aws-crypto-public-key"
    assert EncryptionContext({"a": "1", "aws-crypto-": "2"}).reserved_key == "aws-crypto-"
    others = {"aws-crypt": "1", "AWS-CRYPTO-": "2", "x-aws-crypto-": "3", "warmkey-kinds": "4"}
    assert EncryptionContext(others).reserved_key is None


def test_repr_shows_keys_and_no_values() -> None:
    assert repr(EncryptionContext({"tenant": "blue-whale", "a": "b"})) == "<EncryptionContext keys=['a', 'tenant']>"


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda context: pickle.loads(pickle.dumps(context))], ids=range(3)
)
def test_it_may_be_copied_and_pickled(again: Any) -> None:
    context = EncryptionContext({"b": "2", "a": "1"})

    assert again(context) == context
    assert again(context).serialized == context.serialized


def test_json_takes_it() -> None:
    assert json.loads(json.dumps(EncryptionContext({"a": "1"}))) == {"a": "1"}


BASES: list[dict[str, str]] = [
    {},
    {"a": "1"},
    {"aws-crypto": "", "b": "2"},
    {"tenant": "a", "purpose": "b"},
    {"": "", "aws-crypto-public-ke": "x", "aws-crypto-public-key2": "y", "ключ": "значение"},
    {f"key {number:03}": "v" * number for number in range(100)},
]


@pytest.mark.parametrize("base", BASES, ids=range(len(BASES)))
@pytest.mark.parametrize("key", ["aws-crypto-public-key", "\x00", "m", "zz", "🔑"])
def test_one_more_pair_makes_the_context_that_all_pairs_together_make(base: dict[str, str], key: str) -> None:
    added, together = (
        EncryptionContext.of(base).with_fresh_pair(key, "valüe"),
        EncryptionContext({**base, key: "valüe"}),
    )

    assert added == together
    assert added.serialized == together.serialized
    assert added.reserved_key == together.reserved_key
    assert type(added) is EncryptionContext
    assert hash(added) == hash(together)


def test_one_more_pair_is_not_remembered_and_leaves_the_context_as_it_was() -> None:
    base = EncryptionContext.of({"tenant": "a"})
    before, remembered = base.serialized, len(encryption_context._contexts)
    base.with_fresh_pair("k", "v")

    assert (base, base.serialized) == ({"tenant": "a"}, before)
    assert len(encryption_context._contexts) == remembered


@pytest.mark.parametrize(
    ("key", "value"), [("k", 1), ("\ud800", "v"), ("k" * 65_536, "v")], ids=["int", "text", "long"]
)
def test_one_more_pair_is_checked(key: str, value: Any) -> None:
    with pytest.raises(InvalidRequest):
        EncryptionContext.of({"tenant": "a"}).with_fresh_pair(key, value)


def test_one_more_pair_than_may_be_is_refused() -> None:
    full = EncryptionContext({str(number): "" for number in range(65_535)})
    with pytest.raises(InvalidRequest, match="has 65536 pairs; 65535 are allowed"):
        full.with_fresh_pair("k", "v")
