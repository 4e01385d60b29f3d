"""A sealed record beside what people write themselves: a message for each secret field."""

from __future__ import annotations

import json
from statistics import median
from typing import TYPE_CHECKING, Any

import warmkey
from benchmarks import promises
from benchmarks.rows import Figure, Row
from benchmarks.timing import interleaved, median_ratio
from warmkey.testing import fake_kms

if TYPE_CHECKING:
    from benchmarks.rows import Effort

__all__ = ["FIELDS", "RECORD", "measure_sealed_records"]

CONTEXT = {"tenant": "5f0c7a52-6f0f-4b44-8f0c-0f2ad1a7a2f1"}
# 200 bytes as JSON, five secret fields.
RECORD: dict[str, Any] = {
    "id": "order-000417",
    "status": "paid",
    "name": "Erika Mustermann",
    "street": "Heidestrasse 17",
    "city": "51147 Koeln",
    "phone": "+49 221 5550417",
    "note": "Ring twice, then leave it with the neighbour",
}
FIELDS = ("name", "street", "city", "phone", "note")
_SUITES = (
    warmkey.AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
    warmkey.AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384,
)


def measure_sealed_records(effort: Effort) -> list[Row]:
    """A row per suite: bytes of what is stored, and microseconds of sealing and unsealing together."""
    return [_measure(suite, effort) for suite in _SUITES]


def _measure(suite: warmkey.AlgorithmSuite, effort: Effort) -> Row:
    # So many messages that nobody waits for a key, as with a limit that fits the traffic.
    with fake_kms() as kms:
        kms.configure(algorithm_suite=suite, metrics="off", max_messages_encrypted=2**32)
        if _there_and_back() != RECORD or _field_by_field_and_back() != RECORD:
            raise AssertionError("a record did not come back")
        sizes = len(_stored(_seal())), len(_stored(_field_by_field()))
        times = interleaved(
            {"record": _there_and_back, "fields": _field_by_field_and_back},
            rounds=effort.rounds,
            seconds=effort.seconds,
        )
    return Row(
        group="sealed records",
        name=f"0x{suite.value:04x} {len(FIELDS)} fields of {len(json.dumps(RECORD))} bytes",
        figures=(
            Figure(label="by field", value=sizes[1], unit="B"),
            Figure(label="sealed", value=sizes[0], unit="B"),
            Figure(label="of the size", value=sizes[0] / sizes[1], unit="×", bound=promises.SEALED_RECORD_SIZE),
            Figure(label="by field", value=median(times["fields"]), unit="µs"),
            Figure(label="sealed", value=median(times["record"]), unit="µs"),
            Figure(
                label="of the time",
                value=median_ratio(times["record"], times["fields"]),
                unit="×",
                bound=promises.SEALED_RECORD_TIME,
            ),
        ),
    )


def _seal() -> dict[str, Any]:
    return warmkey.seal_record(RECORD, FIELDS, CONTEXT, bound_to=["id"])


def _there_and_back() -> dict[str, Any]:
    return warmkey.unseal_record(_seal(), CONTEXT, bound_to={"id": RECORD["id"]})


def _field_by_field() -> dict[str, Any]:
    return RECORD | {name: warmkey.encrypt(RECORD[name].encode(), CONTEXT) for name in FIELDS}


def _field_by_field_and_back() -> dict[str, Any]:
    record = _field_by_field()
    return record | {name: warmkey.decrypt(record[name], CONTEXT).decode() for name in FIELDS}


def _stored(record: dict[str, Any]) -> bytes:
    """What a store of bytes takes for it: names, and values as they are."""
    return b"".join(
        name.encode() + (value if isinstance(value, bytes) else value.encode()) for name, value in record.items()
    )
