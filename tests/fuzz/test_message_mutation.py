"""What an adversary with a data key writes is accepted; what one without it puts together is not."""

from __future__ import annotations

from random import Random

import pytest

from fuzz.message_mutation import authenticated, changed_message, parts_of
from fuzz.message_reader import read, verified_start
from fuzz.targets.messages import seeds
from tests.vectors.readers import COMMITTING, KEYRING

EACH = pytest.mark.parametrize("number", range(len(seeds())))


@EACH
def test_the_parts_of_a_message_are_the_message(number: int) -> None:
    message = seeds()[number]

    assert b"".join(part.data for part in parts_of(message)) == message
    assert "rest" not in [part.name for part in parts_of(message)]
    assert [part.data for part in parts_of(message + b"more")][-1] == b"more"


@EACH
def test_a_message_with_its_tags_made_again_is_authentic_and_says_what_its_ciphertext_was(number: int) -> None:
    message = seeds()[number]
    content = b"".join(part.data for part in parts_of(message) if part.name.endswith(" content"))

    forged = authenticated(message)

    found = read(forged)
    assert found is not None
    assert b"".join(found.frames) == content == COMMITTING.decrypt(forged, keyring=KEYRING).plaintext


@EACH
def test_the_reader_takes_what_the_forge_wrote_and_nothing_cut_short(number: int) -> None:
    message = seeds()[number]
    found = read(message)

    assert found is not None
    assert b"".join(found.frames) == COMMITTING.decrypt(message, keyring=KEYRING).plaintext
    assert verified_start(message) == b"".join(found.frames)
    for cut in range(0, len(message), 29):
        assert read(message[:cut]) is None
        assert verified_start(message).startswith(verified_start(message[:cut]))


def test_changes_reach_both_sides_of_the_line() -> None:
    """Or the fuzzer would look at one kind of message only."""
    source, originals = Random(3), seeds()
    changed = [changed_message(source.choice(originals), source, originals) for _ in range(300)]
    accepted = [data for data in changed if data not in originals and read(data) is not None]

    assert 10 < len(accepted) < 200
