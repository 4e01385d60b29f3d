"""A call reads downwards through the rooms and never climbs back; each room knows the third parties that it must."""

from __future__ import annotations

import pytest

from tests.architecture.sources import imports, modules, room_of, third_party

# Floor by floor from the ground up; rooms of one floor don't know each other.
FLOORS = [
    {"safe_repr"},
    {
        "boundary",
        "bytes_like",
        "exceptions",
        "lazy_names",
        "locks",
        "records",
        "supported_python",
        "unpicklable",
        "waiting",
    },
    {"hit_counter", "validation"},
    {"choices"},
    {"reasons"},
    {"facts"},
    {"tracing"},
    {"events", "clock"},
    {"algorithm_suites", "fork_safety", "message_ends", "tracebacks"},
    {"memo"},
    {"structures"},
    {"crypto", "data_format"},
    {"caches", "keyrings", "sealed"},
    {"cmms"},
    {"client_apis", "branch_keys"},
    {"observability"},  # of the others it knows facts alone, see below
    {"lambda_runtime"},
    {"policy"},
    {"doctor"},
    {"api", "cli", "sealing"},
    {"aio"},
    {"", "__main__"},  # the table of contents, and the door of the command line
    {"powertools", "durable"},
    {"testing"},
    {"plan"},  # replays traces on the fake KMS; the command line loads it by name
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
THIRD_PARTIES = {
    "branch_keys": {"boto3", "botocore"},  # for clients that were not given
    "cli": {"botocore"},  # what re-encrypting S3 objects may meet
    "crypto": {"_awscrt", "awscrt", "cryptography"},
    "lambda_runtime": {"boto3", "botocore", "snapshot_restore_py"},
    "durable": {"aws_durable_execution_sdk_python"},
    "observability": {"aws_lambda_powertools", "opentelemetry"},
    "plan": {"matplotlib", "numpy"},
    "powertools": {"aws_lambda_powertools", "jsonpath_ng"},
    "testing": {"boto3", "botocore", "cryptography", "moto", "pytest"},
}


def test_every_room_is_on_a_floor() -> None:
    assert {room_of(module) for module in modules()} == set(FLOOR_OF)


def test_imports_lead_downwards() -> None:
    climbing = [
        (importer, imported)
        for importer, imported in imports()
        if imported.partition(".")[0] == "warmkey"
        and room_of(importer) != room_of(imported)
        and FLOOR_OF[room_of(imported)] >= FLOOR_OF[room_of(importer)]
    ]

    assert climbing == []


def test_observability_knows_events_and_what_they_are_made_of_and_nothing_else_of_ours() -> None:
    known = {room_of(imported) for importer, imported in imports() if room_of(importer) == "observability"
             and imported.startswith("warmkey")}  # fmt: skip

    assert known <= {
        "observability",
        "boundary",
        "choices",
        "events",
        "facts",
        "fork_safety",
        "hit_counter",
        "locks",
        "reasons",
        "records",
        "safe_repr",
        "tracebacks",
        "tracing",
    }


@pytest.mark.parametrize("room", sorted(FLOOR_OF))
def test_a_room_knows_its_third_parties_only(room: str) -> None:
    known = {third_party(imported) for importer, imported in imports() if room_of(importer) == room} - {None}

    assert known <= THIRD_PARTIES.get(room, set())


@pytest.mark.parametrize("room", ["powertools", "durable"])
def test_nothing_imports_what_is_for_some_users_only(room: str) -> None:
    assert [pair for pair in imports() if room_of(pair.imported) == room != room_of(pair.importer)] == []


def test_nothing_imports_the_test_kit_but_the_planner_which_replays_on_its_fakes() -> None:
    importers = {room_of(pair.importer) for pair in imports() if room_of(pair.imported) == "testing"}

    assert importers == {"testing", "plan"}


def test_the_format_and_what_stands_below_it_use_no_third_party() -> None:
    """Redundant with the table above, and so it stays: it is what the room is for."""
    for room in ("data_format", "structures", "algorithm_suites", "caches", "events", "exceptions", "clock", "records"):
        assert room not in THIRD_PARTIES
