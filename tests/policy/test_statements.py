"""Conditions and what a policy document can hold."""

from __future__ import annotations

import pytest

from warmkey.exceptions import ConfigurationError
from warmkey.policy.statements import equals, escaped, is_absent, is_present, joined, like, only
from warmkey.testing.policy_conditions import conditions_of


def test_what_begins_a_variable_is_escaped_and_means_itself() -> None:
    assert escaped("a${b}$*?") == "a${$}{b}$*?"
    (condition,) = conditions_of({"StringEquals": {"kms:EncryptionContext:id": escaped("a${b}$*?")}})

    assert condition.holds({"kms:encryptioncontext:id": ("a${b}$*?",)})


@pytest.mark.parametrize("text", ["日本", "a\n", "\x00", "\u0100"])
def test_a_text_that_no_policy_can_hold_is_refused(text: str) -> None:
    for build in (escaped, lambda value: is_present([value]), is_absent, lambda value: equals(value, ["a"])):
        with pytest.raises(ConfigurationError, match="U\\+0020 to U\\+00FF"):
            build(text)
    with pytest.raises(ConfigurationError, match="U\\+0020"):
        equals("kms:EncryptionContext:tenant", [text])


def test_conditions_join_and_must_not_contradict_each_other() -> None:
    whole = joined(is_present(["a"]), is_absent("b"), like("c", ["d*"]), only("e", ["f"]))

    assert whole == {
        "Null": {"a": "false", "b": "true", "e": "false"},
        "StringLike": {"c": ("d*",)},
        "ForAllValues:StringEquals": {"e": ("f",)},
    }
    with pytest.raises(ConfigurationError, match="two things of b"):
        joined(is_present(["b"]), is_absent("b"))


def test_no_key_is_no_condition() -> None:
    assert is_present([]) == {}
