"""Run the demo: one function encrypts every record, another one decrypts every message."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from examples.demo.function_output import FunctionOutput, parse
from examples.demo.kms_server import REGION, create_key, request_counts
from warmkey.lambda_runtime.settings import PREFIX, ROWS

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from examples.demo.emulator import Invocation
    from examples.demo.records import Record

__all__ = ["WHY_SMALL", "Function", "Phase", "Play", "Stage", "small_limits"]

_FUNCTIONS = Path(__file__).resolve().parent.parent / "functions"
_PROGRESS_LINES = 8

# Limits so small that four hundred records reach them: the large records exceed the byte limit, the others use up their
# data keys, and there are more tenants than data keys fit into the cache for encrypting.
WHY_SMALL = "so that a few hundred records show what a day of traffic would"
_SETTINGS = {
    "encrypt": {
        "WARMKEY_CACHE_CAPACITY": "5",
        "WARMKEY_MAX_MESSAGES_ENCRYPTED": "38",
        "WARMKEY_MAX_BYTES_ENCRYPTED": "6100",
    },
    "decrypt": {"WARMKEY_CACHE_CAPACITY": "100"},
}


def small_limits() -> str:
    """List the limits of the two functions beside warmkey's defaults."""
    return "\n".join(
        f"  {function}: {variable}={value} (default {ROWS[variable.removeprefix(PREFIX).lower()].default})"
        for function, settings in _SETTINGS.items()
        for variable, value in settings.items()
    )


class Function(Protocol):
    """Can be invoked: an execution environment, or the handler in this process."""

    def invoke(self, event: object) -> Invocation:
        """Invoke the function once."""

    def output(self) -> str:
        """Return what the function has written so far."""


class Stage(Protocol):
    """Starts functions: under the emulator or in this process."""

    def start(self, task_root: Path, environment: Mapping[str, str]) -> AbstractContextManager[Function]:
        """Start the function in *task_root* with these variables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Hold what one function did with all its records.

    :ivar name: the name of its folder
    :ivar seconds: the duration of each invocation, as measured by its caller; the first one is a cold start
    :ivar cache: ``warmkey.cache_info()`` after the last invocation
    :ivar kms_requests: by operation, as the KMS server counted them
    """

    name: str
    records: list[dict[str, Any]]
    seconds: list[float]
    cache: dict[str, Any]
    kms_requests: Counter[str]
    output: FunctionOutput

    @property
    def hits(self) -> int:
        """Return the number of records that used a cached data key."""
        hits: int = self.cache[self.name]["hits"]
        return hits

    def by_reason(self, kind: str) -> dict[str, int]:
        """Return the counts of *kind* (``misses``, ``bypasses`` or ``evictions``) by reason."""
        counts: dict[str, int] = self.cache["evictions"] if kind == "evictions" else self.cache[self.name][kind]
        return counts


class Play:
    """Encrypt *records*, *batch* of them per invocation, decrypt them again, and report progress through *say*."""

    def __init__(
        self, *, records: Sequence[Record], batch: int, kms_url: str, say: Callable[[str], object] = print
    ) -> None:
        self._records = [asdict(record) for record in records]
        self._batch = batch
        self._kms_url = kms_url
        self._say = say

    def perform(self, stage: Stage) -> list[Phase]:
        """Run both functions on *stage*, with the same new KMS key, and return what each of them did."""
        key_arn = create_key(self._kms_url)
        encrypted = self._act("encrypt", stage, key_arn, self._records)
        return [encrypted, self._act("decrypt", stage, key_arn, encrypted.records)]

    def lost(self, phases: Sequence[Phase]) -> int:
        """Return the number of records that did not come back unchanged."""
        came_back = {record["id"]: record for record in phases[-1].records}
        return sum(came_back.get(record["id"]) != record for record in self._records)

    def _act(self, name: str, stage: Stage, key_arn: str, records: Sequence[dict[str, Any]]) -> Phase:
        self._say(f"\n{name}")
        before = request_counts(self._kms_url)
        with stage.start(_FUNCTIONS / name, self._environment(name, key_arn)) as function:
            invocations = list(self._invocations(function, records, before))
            output = parse(function.output())
        return Phase(
            name=name,
            records=[record for invocation in invocations for record in invocation.result["records"]],
            seconds=[invocation.seconds for invocation in invocations],
            cache=invocations[-1].result["cache"],
            kms_requests=request_counts(self._kms_url) - before,
            output=output,
        )

    def _invocations(
        self, function: Function, records: Sequence[dict[str, Any]], before: Counter[str]
    ) -> Iterator[Invocation]:
        starts = range(0, len(records), self._batch)
        for number, start in enumerate(starts, start=1):
            yield function.invoke({"records": records[start : start + self._batch]})
            if number % max(1, len(starts) // _PROGRESS_LINES) == 0:
                done = min(start + self._batch, len(records))
                requests = (request_counts(self._kms_url) - before).total()
                self._say(f"  {done:4} of {len(records)} records, {number:3} invocations, {requests:3} KMS requests")

    def _environment(self, name: str, key_arn: str) -> dict[str, str]:
        return {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_SESSION_TOKEN": "testing",
            "AWS_ENDPOINT_URL_KMS": self._kms_url,
            "POWERTOOLS_METRICS_NAMESPACE": "warmkey-demo",
            "POWERTOOLS_SERVICE_NAME": name,
            "WARMKEY_KMS_KEY_ARNS": key_arn,
            "WARMKEY_METRICS": "detailed",
        } | _SETTINGS[name]
