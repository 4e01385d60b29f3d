"""docs/places.md: its tables are computed from ``warmkey.message_length``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from warmkey import AlgorithmSuite, message_length

PAGE = Path(__file__).parents[1] / "docs/places.md"
UNSIGNED = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
SIGNED = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384
TENANT = {"tenant": "5f0c7a52-6f0f-4b44-8f0c-0f2ad1a7a2f1"}
KIB, MIB = 2**10, 2**20


class Place(NamedTuple):
    """What a place takes, in bytes, and whether it takes text only."""

    name: str
    limit: int
    is_text: bool
    kind: str = ""


PLACES = (
    Place("DynamoDB item, sealed record", 400 * KIB, is_text=False, kind="record"),
    Place("SQS message (1 MiB)", MIB, is_text=True),
    Place("SQS message (queue of 256 KiB)", 256 * KIB, is_text=True),
    Place("SNS message", 256 * KIB, is_text=True),
    Place("Kinesis record", MIB, is_text=False),
    Place("Kinesis record, stream of 10 MiB", 10 * MIB, is_text=False),
    Place("EventBridge event", MIB, is_text=True),
    Place("Step Functions state", 256 * KIB, is_text=True),
    Place("Lambda payload, synchronous", 6 * MIB, is_text=True),
    Place("Lambda payload, asynchronous", MIB, is_text=True),
    Place("durable function checkpoint", 256 * KIB, is_text=True, kind="checkpoint"),
    Place("SSM parameter, standard", 4 * KIB, is_text=True),
    Place("SSM parameter, advanced", 8 * KIB, is_text=True),
    Place("cookie, token", 4 * KIB, is_text=True, kind="token"),
    Place("URL of 2,000 characters, token", 2_000, is_text=True, kind="token"),
)
# Beside the data, a token has a version and an expiry.
INSIDE_A_TOKEN = 9
# A checkpoint has a version, two lengths, an operation ID and an execution ARN, here of 150 characters; and quotes.
INSIDE_A_CHECKPOINT = 5 + 64 + 150
INSIDE = {"token": INSIDE_A_TOKEN, "checkpoint": INSIDE_A_CHECKPOINT}
QUOTES = {"checkpoint": 2}


def stored_length(plaintext: int, suite: AlgorithmSuite, place: Place) -> int:
    """Bytes or characters; tokens are base64url without padding, other text is base64."""
    context = TENANT | ({"warmkey-kind": place.kind} if place.kind else {})
    inside = plaintext + INSIDE.get(place.kind, 0)
    length = message_length(inside, algorithm_suite=suite, encryption_context=context)
    if not place.is_text:
        return length
    return -(-length * 4 // 3) + QUOTES.get(place.kind, 0) if place.kind in INSIDE else -(-length // 3) * 4


def room(suite: AlgorithmSuite, place: Place) -> int:
    """The longest plaintext that fits."""
    low, high = 0, place.limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if stored_length(middle, suite, place) <= place.limit else (low, middle - 1)
    return low


def table_of_places() -> str:
    lines = ["| place | limit | as | room, unsigned | room, signed |", "|---|---:|---|---:|---:|"]
    for place in PLACES:
        form = "bytes" if not place.is_text else "base64url" if place.kind in INSIDE else "base64"
        rooms = " | ".join(f"{room(suite, place):,}" for suite in (UNSIGNED, SIGNED))
        lines.append(f"| {place.name} | {place.limit:,} | {form} | {rooms} |")
    return "\n".join(lines)


def table_of_lengths() -> str:
    lines = ["| what | unsigned | signed |", "|---|---:|---:|"]
    for what, arguments in {
        "no context": {},
        "`tenant` with a UUID": {"encryption_context": TENANT},
        "`tenant` with a UUID, a sealed record": {"encryption_context": TENANT | {"warmkey-kind": "record"}},
        "`tenant` with a UUID, a token": {"encryption_context": TENANT | {"warmkey-kind": "token"}},
        "`tenant` with a UUID, a checkpoint": {"encryption_context": TENANT | {"warmkey-kind": "checkpoint"}},
        "`tenant` with a UUID, two KMS keys": {
            "encryption_context": TENANT,
            "encrypted_data_key_lengths": [255, 255],
        },
    }.items():
        lengths = (message_length(0, algorithm_suite=suite, **arguments) for suite in (UNSIGNED, SIGNED))  # type: ignore[arg-type]
        lines.append(f"| {what} | {' | '.join(f'{length:,}' for length in lengths)} |")
    return "\n".join(lines)


@pytest.mark.parametrize("table", [table_of_places, table_of_lengths])
def test_the_page_has_the_table_as_computed(table: object) -> None:
    assert table() in PAGE.read_text(encoding="utf-8")  # type: ignore[operator]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
@pytest.mark.parametrize("suite", [UNSIGNED, SIGNED], ids=["unsigned", "signed"])
def test_one_byte_more_does_not_fit(place: Place, suite: AlgorithmSuite) -> None:
    fits = room(suite, place)

    assert stored_length(fits, suite, place) <= place.limit < stored_length(fits + 1, suite, place)


def test_a_mebibyte_and_a_kibibyte_are_what_the_page_says() -> None:
    assert re.search(r"1 MiB is 1,048,576 bytes and 1 KiB is 1,024", PAGE.read_text(encoding="utf-8"))
