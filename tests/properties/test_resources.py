"""Work and memory are in proportion to the bytes that were sent, whatever they say: as counts, for every hostile shape.

The bounds are those of docs/security.md. Four times as many bytes may take about four times as much of everything.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.properties.hostile import MESSAGES, PAYLOADS, RECORDS, TEXTS
from tests.properties.hostile_branch_keys import ITEM_KEY_ARN, ITEMS, WRAPPED_KEYS
from tests.properties.hostile_files import LOGS, TRACES
from tests.properties.resources import Cost, cost
from tests.vectors.branch_key_forge import PROVIDER, key_store
from tests.vectors.forge import Forgery
from tests.vectors.readers import KEYRING
from warmkey import CachingCMM, Client, CommitmentPolicy, DefaultCMM, KeyUnavailable, LocalCMC, PolicyRefused
from warmkey.branch_keys import AwsKmsHierarchicalKeyring, BranchKeyStore
from warmkey.plan import csv_traces
from warmkey.plan.containers import WarmContainers
from warmkey.plan.limits import Limits
from warmkey.plan.logs import read_logs
from warmkey.plan.progress import Progress
from warmkey.plan.trace import make_trace
from warmkey.plan.trace_model import model
from warmkey.testing import fake_kms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.properties.hostile import Opener
    from warmkey.testing.branch_keys import FakeBranchKeyStore

PAGE = Path(__file__).parents[2] / "docs/security.md"
CLIENT = Client(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT)
# What grows with the square grows by 16. A stream tries again to read a header when it has twice as much of it, so its
# costs go up in steps.
GROWTH, SLACK = 4, 1.75
# What every call takes, however short.
ALLOWED = Cost(peak_bytes=30_000, calls=700, operations=40, outcome="")


class Bound(NamedTuple):
    """The most that a byte may cost: bytes of memory, calls of functions, cryptographic operations."""

    peak_bytes: float
    calls: float
    operations: float


WHOLE, CACHED, STREAM = Bound(60, 8, 0.1), Bound(60, 20, 2.5), Bound(60, 15, 0.1)
BY_BYTES = Bound(60, 40, 0.3)
RECORD, TEXT, PAYLOAD = Bound(180, 8, 0.01), Bound(5, 0.1, 0.01), Bound(60, 8, 0.01)
WRAPPED, WRAPPED_CACHED, ITEM = Bound(40, 4, 0.1), Bound(60, 6, 0.5), Bound(40, 2, 0.01)
TRACE, LOG = Bound(100, 12, 0), Bound(30, 20, 0)
BOUNDS = {
    "a message": WHOLE,
    "a message, through a cache": CACHED,
    "a message as a stream": STREAM,
    "the same from a source that gives a byte at a time": BY_BYTES,
    "a message with data keys wrapped under branch keys": WRAPPED,
    "the same, through a cache": WRAPPED_CACHED,
    "an item of a branch key": ITEM,
    "what is inside of a sealed record": RECORD,
    "the text of a token": TEXT,
    "what is inside of a payload of Data Masking": PAYLOAD,
    "a trace for `warmkey plan --method model`": TRACE,
    "logs for `warmkey plan`": LOG,
}


class ByteByByte(io.BytesIO):
    """A source as slow as can be."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(1 if size else 0)


def check(smaller: tuple[int, Cost], larger: tuple[int, Cost], bound: Bound, allowed: Cost = ALLOWED) -> None:
    """Check both against *bound*, and the growth from one to the other."""
    for length, found in (smaller, larger):
        for name, most in bound._asdict().items():
            assert getattr(found, name) <= getattr(allowed, name) + most * length, (name, length, found)
    ratio = larger[0] / smaller[0]
    for name in bound._fields:
        assert getattr(larger[1], name) <= SLACK * ratio * getattr(smaller[1], name) + getattr(allowed, name), name


def whole(message: bytes) -> Callable[[], object]:
    cmm = DefaultCMM(KEYRING)
    return lambda: CLIENT.decrypt(message, cmm=cmm)


def cached(message: bytes) -> Callable[[], object]:
    """Each time with an empty cache, as for a message that nobody has sent before."""
    return lambda: CLIENT.decrypt(message, cmm=CachingCMM(cache=LocalCMC(10), max_age=60, keyring=KEYRING))


def stream(message: bytes, source: type[io.BytesIO] = io.BytesIO) -> Callable[[], object]:
    cmm = DefaultCMM(KEYRING)

    def read() -> None:
        with CLIENT.decrypt_stream(source(message), cmm=cmm) as plaintext:
            while plaintext.read(4_096):
                pass

    return read


WAYS = {whole: WHOLE, cached: CACHED, stream: STREAM}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("shape", MESSAGES)
def test_what_a_message_costs_is_in_proportion_to_its_length(
    shape: str, way: Callable[[bytes], Callable[[], object]]
) -> None:
    make, length = MESSAGES[shape]
    smaller, larger = make(length), make(GROWTH * length)

    check((len(smaller), cost(way(smaller))), (len(larger), cost(way(larger))), WAYS[way])


@pytest.mark.parametrize("shape", MESSAGES)
def test_what_a_stream_costs_whose_source_gives_a_byte_at_a_time(shape: str) -> None:
    make, length = MESSAGES[shape]
    smaller, larger = make(min(length, 1_000)), make(GROWTH * min(length, 1_000))
    found = [cost(stream(message, ByteByByte)) for message in (smaller, larger)]

    check((len(smaller), found[0]), (len(larger), found[1]), BY_BYTES)


def test_a_stream_of_frames_takes_the_memory_of_a_batch_however_long_it_is() -> None:
    message = Forgery(frame_length=4_096).message(bytes(2_000_000))

    assert cost(stream(message)).peak_bytes < 700_000


def test_a_limit_on_encrypted_data_keys_makes_them_free() -> None:
    client = Client(max_encrypted_data_keys=5)
    messages = [Forgery(keys=[bytes(6)] * count).message() for count in (6_000, 60_000)]
    costs = [cost(lambda message=message: client.decrypt(message, keyring=KEYRING)) for message in messages]

    assert [found.outcome for found in costs] == [PolicyRefused.__name__] * 2
    # The look for a header that was seen before takes no more than the 4 KB that such a header has.
    assert costs[0].calls == costs[1].calls < 3_000
    assert costs[0].operations == costs[1].operations == 0
    assert costs[1].peak_bytes < 10_000


# --- branch keys


def keyring_of(store: FakeBranchKeyStore) -> AwsKmsHierarchicalKeyring:
    return AwsKmsHierarchicalKeyring(store, branch_key_id="tenant-a", ttl_seconds=60)


def unwrapped(message: bytes) -> Callable[[], object]:
    return lambda: CLIENT.decrypt(message, keyring=keyring_of(key_store()))


def unwrapped_and_cached(message: bytes) -> Callable[[], object]:
    return lambda: CLIENT.decrypt(
        message, cmm=CachingCMM(cache=LocalCMC(10), max_age=60, keyring=keyring_of(key_store()))
    )


@pytest.mark.parametrize(
    ("way", "bound"), [(unwrapped, WRAPPED), (unwrapped_and_cached, WRAPPED_CACHED)], ids=["cold", "through a cache"]
)
@pytest.mark.parametrize("shape", WRAPPED_KEYS)
def test_what_wrapped_keys_cost_is_in_proportion_to_the_message(
    shape: str, way: Callable[[bytes], Callable[[], object]], bound: Bound
) -> None:
    make, length = WRAPPED_KEYS[shape]
    smaller, larger = make(length), make(GROWTH * length)

    check((len(smaller), cost(way(smaller))), (len(larger), cost(way(larger))), bound)


@pytest.mark.parametrize("shape", WRAPPED_KEYS)
def test_a_wrapped_key_takes_one_request_to_the_key_store_and_none_where_its_version_is_known(shape: str) -> None:
    make, length = WRAPPED_KEYS[shape]
    message, store = make(length), key_store()
    with pytest.raises(KeyUnavailable):
        CLIENT.decrypt(message, keyring=keyring_of(store))

    requests = {
        "each under a version that is not there": message.count(PROVIDER),
        "each for another context": 1,
        "each under another version than it says": 1,
    }
    assert len(store.requests) == requests.get(shape, 0)


class Answering:
    """DynamoDB and KMS with answers that cost nothing."""

    def __init__(self, item: dict[str, Any]) -> None:
        self.item = item

    def get_item(self, **_: object) -> dict[str, Any]:
        return {"Item": self.item}

    def decrypt(self, **_: object) -> dict[str, Any]:
        return {"KeyId": ITEM_KEY_ARN, "Plaintext": bytes(32)}

    generate_data_key = decrypt


@pytest.mark.parametrize("shape", ITEMS)
def test_what_an_item_of_a_branch_key_costs_is_in_proportion_to_its_length(shape: str) -> None:
    _check_opening(lambda length: _reading(ITEMS[shape](length)), ITEM, 4_000)


def _reading(item: dict[str, Any]) -> Opener:
    client: Any = Answering(item)
    store = BranchKeyStore("branch-keys", kms_client=client, dynamodb_client=client, kms_key_arn=ITEM_KEY_ARN)
    return lambda: store.get_active_branch_key("tenant-a")


# --- records, tokens and payloads


@pytest.fixture
def _helpers() -> Iterator[None]:
    with fake_kms(algorithm_suite=0x0478, metrics="off"):
        yield


@pytest.mark.usefixtures("_helpers")
@pytest.mark.parametrize("shape", RECORDS)
def test_what_a_sealed_record_costs_is_in_proportion_to_what_is_inside(shape: str) -> None:
    _check_opening(RECORDS[shape], RECORD, 4_000)


@pytest.mark.usefixtures("_helpers")
@pytest.mark.parametrize("shape", TEXTS)
def test_what_text_costs_is_in_proportion_to_its_length(shape: str) -> None:
    _check_opening(TEXTS[shape], TEXT, 30_000)


@pytest.mark.usefixtures("_helpers")
@pytest.mark.parametrize("shape", PAYLOADS)
def test_what_a_masked_payload_costs_is_in_proportion_to_what_is_inside(shape: str) -> None:
    _check_opening(PAYLOADS[shape], PAYLOAD, 4_000)


def _check_opening(make: Callable[[int], Opener], bound: Bound, length: int) -> None:
    smaller, larger = cost(make(length)), cost(make(GROWTH * length))

    assert smaller.outcome == larger.outcome
    check((length, smaller), (GROWTH * length, larger), bound)


# --- files for `warmkey plan`

# NumPy's functions make calls of their own, and rows are read many at a time.
ALLOWED_FOR_FILES = Cost(peak_bytes=250_000, calls=6_000, operations=0, outcome="")


def planning(path: Path) -> None:
    rows = csv_traces.read_trace(str(path), length=1_024, progress=lambda _: None)
    trace = make_trace(rows, WarmContainers())
    for strategy in ("caching", "hierarchical"):
        model(strategy, trace, Limits())


def reading_logs(path: Path) -> None:
    read_logs([str(path)], Progress(io.StringIO(), quiet=True))


@pytest.mark.parametrize("shape", TRACES)
def test_what_a_trace_costs_is_in_proportion_to_its_length(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shape: str
) -> None:
    monkeypatch.setattr(csv_traces, "_ROWS_AT_A_TIME", 500)
    _check_file(TRACES[shape], planning, tmp_path / "trace.csv", TRACE)


@pytest.mark.parametrize("shape", LOGS)
def test_what_logs_cost_is_in_proportion_to_their_length(tmp_path: Path, shape: str) -> None:
    _check_file(LOGS[shape], reading_logs, tmp_path / "logs.json", LOG)


def _check_file(make: Callable[[int], str], work: Callable[[Path], None], path: Path, bound: Bound) -> None:
    found = []
    for length in (5_000, GROWTH * 5_000):
        path.write_text(make(length), encoding="utf-8")
        found.append((path.stat().st_size, cost(lambda: work(path))))

    assert found[0][1].outcome == found[1][1].outcome
    check(found[0], found[1], bound, ALLOWED_FOR_FILES)


# --- the measurement itself


def test_each_kind_of_cost_is_seen() -> None:
    found = cost(whole(Forgery().message(bytes(100_000))))

    assert found.outcome == "accepted"
    assert found.peak_bytes > 100_000
    assert found.calls > 50
    # A frame is 16 bytes: one operation each, beside the header's.
    assert 100_000 / 16 <= found.operations < 100_000 / 16 + 20


@pytest.mark.parametrize("grown", [Cost(5_000_000, 0, 0, ""), Cost(0, 50_000, 0, ""), Cost(0, 0, 5_000, "")])
def test_what_grows_faster_is_noticed(grown: Cost) -> None:
    smaller = Cost(*[number // 10 for number in grown[:3]], "")
    check((1_000, smaller), (10_000, grown), Bound(1e9, 1e9, 1e9))
    with pytest.raises(AssertionError):
        check((1_000, smaller), (3_000, grown), Bound(1e9, 1e9, 1e9))
    with pytest.raises(AssertionError):
        check((1_000, smaller), (10_000, grown), Bound(0.1, 0.1, 0.1))


def test_the_page_states_the_bounds() -> None:
    table = dict(re.findall(r"^\| ([^|]+) \| ([^|]+ \| [^|]+ \| [^|]+) \|$", PAGE.read_text(), re.MULTILINE))

    for what, bound in BOUNDS.items():
        assert table[what] == " | ".join(f"{most:g}" for most in bound)
