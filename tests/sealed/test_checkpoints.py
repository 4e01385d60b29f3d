"""What is inside a durable checkpoint: one text for each content, tied to the place that it was made for."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmkey.exceptions import InvalidRequest, MalformedMessage, PolicyRefused
from warmkey.sealed.checkpoints import Place, read, write

PLACE = Place("operation-1", "arn:aws:lambda:eu-west-1:111122223333:function:f:1/durable-execution/e/i")
TEXT = st.text(st.characters(codec="utf-8"))
PARTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=50)


@given(data=TEXT, operation_id=PARTS, arn=PARTS)
def test_what_is_written_for_a_place_is_read_there(data: str, operation_id: str, arn: str) -> None:
    place = Place(operation_id, arn)

    assert read(write(data, place), place) == data
    assert read(write(data, None), None) == data


@given(data=TEXT, there=st.tuples(PARTS, PARTS), here=st.tuples(PARTS, PARTS))
def test_it_is_read_nowhere_else(data: str, there: tuple[str, str], here: tuple[str, str]) -> None:
    if there == here:
        return
    with pytest.raises(PolicyRefused):
        read(write(data, Place(*there)), Place(*here))


@given(plaintext=st.binary(max_size=40))
def test_any_bytes_are_a_checkpoint_or_malformed_and_what_is_read_is_written_the_same(plaintext: bytes) -> None:
    for place in (None, Place("a", "b")):
        try:
            data = read(plaintext, place)
        except (MalformedMessage, PolicyRefused):
            continue
        assert write(data, place) == plaintext


@pytest.mark.parametrize(
    ("written", "wanted", "problem"),
    [
        (PLACE, None, "the checkpoint is bound to an operation, and bind=False reads only what is bound to none"),
        (None, PLACE, "the checkpoint is bound to nothing; whoever wrote it has bind=False"),
        (PLACE, PLACE._replace(operation_id="operation-2"), "the checkpoint is of another operation of this durable"),
        (PLACE, PLACE._replace(execution_arn="arn"), "the checkpoint is of another durable execution"),
        (PLACE, Place("operation-", "1" + PLACE.execution_arn), "the checkpoint is of another durable execution"),
    ],
    ids=["bound", "bound to nothing", "operation", "execution", "the same text divided elsewhere"],
)
def test_each_refusal_has_a_sentence_of_its_own_and_shows_nothing(
    written: Place | None, wanted: Place | None, problem: str
) -> None:
    with pytest.raises(PolicyRefused, match=re.escape(problem)) as caught:
        read(write("4929 1234", written), wanted)

    assert "4929" not in str(caught.value)
    assert PLACE.execution_arn not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        (Place("", "arn"), "the operation ID to bind to must be a str that is not empty, not str of length 0"),
        (Place("id", ""), "the durable execution ARN to bind to must be a str that is not empty, not str of length 0"),
        (Place(7, "arn"), "the operation ID to bind to must be a str that is not empty, not int"),
        (Place("id", None), "the durable execution ARN to bind to must be a str that is not empty, not NoneType"),
        (Place("é" * 40_000, "arn"), "the operation ID to bind to must have no more than 65535 bytes, not 80000"),
        (Place("\ud800", "arn"), "the operation ID holds a lone surrogate"),
    ],
    ids=["no ID", "no ARN", "an int", "None", "too long", "a lone surrogate"],
)
def test_a_place_that_says_nothing_is_refused_by_both_ends(place: Any, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        write("data", place)
    with pytest.raises(InvalidRequest, match=problem):
        read(write("data", PLACE), place)


def test_what_utf_8_cannot_encode_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="the value holds a lone surrogate") as caught:
        write("secret \ud800", PLACE)

    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None


def test_what_is_not_utf_8_is_malformed_and_not_shown() -> None:
    plaintext = write("secret", PLACE) + b"\xff"

    with pytest.raises(MalformedMessage, match=r"^checkpoint: is not a checkpoint of version 1") as caught:
        read(plaintext, PLACE)

    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
