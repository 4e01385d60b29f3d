"""Run ``warmkey re-encrypt``: say what will happen, do it, say what happened."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from warmkey.caches.local import LocalCMC
from warmkey.cli.re_encryption.attribute_paths import read_path
from warmkey.cli.re_encryption.objects import Objects
from warmkey.cli.re_encryption.outcomes import Outcome
from warmkey.cli.re_encryption.rewriting import Rewriter, Signing
from warmkey.cli.re_encryption.run import Pace, Stopped, go_through
from warmkey.cli.re_encryption.sources import AdvisingCMM, described, keyrings_of
from warmkey.cli.re_encryption.state import State
from warmkey.cli.re_encryption.stores import told
from warmkey.cli.re_encryption.table import Table
from warmkey.client_apis.client import Client
from warmkey.clock import SystemClock
from warmkey.cmms.caching import CachingCMM
from warmkey.events import KmsOutcome
from warmkey.keyrings.aws_kms import AwsKmsKeyring
from warmkey.keyrings.aws_kms_key_arn import region_of
from warmkey.keyrings.kms_failures import explain
from warmkey.keyrings.multi import MultiKeyring
from warmkey.lambda_runtime.settings import read_settings
from warmkey.structures import EncryptionContext

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from warmkey.cli.commands import KmsClients
    from warmkey.cli.re_encryption.outcomes import Result, Summary
    from warmkey.cli.re_encryption.stores import Estimate, Store
    from warmkey.keyrings.interface import Keyring
    from warmkey.lambda_runtime.settings import Settings

__all__ = ["on_objects", "on_table"]

# Data keys of as many contexts as a table may hold tenants; 50 MB at the most.
_CAPACITY = 10_000
# As the helpers' defaults.
_LIMITS: dict[str, Any] = {"max_age": 300, "max_messages_encrypted": 1000, "max_bytes_encrypted": 2**30}
_PROGRESS_STEP = 1000


def on_table(arguments: argparse.Namespace, kms_clients: KmsClients) -> int:
    """Re-encrypt attributes of a DynamoDB table."""
    attributes = list(dict.fromkeys(arguments.attribute or [read_path("_sealed")]))
    names = [attribute.text for attribute in attributes]
    place = {"table": arguments.table, "attributes": names, "segment": arguments.segment}
    state = State(arguments.state, _job(arguments, place))
    region = arguments.region or region_of(arguments.key_arn[0])
    with _errors_of_aws():
        rewriter = _rewriter(arguments, kms_clients, state.summary)
        client = arguments.dynamodb_clients(region)
        store = Table(client, arguments.table, attributes, rewriter, segment=arguments.segment)
        return _run(arguments, store, state)


def on_objects(arguments: argparse.Namespace, kms_clients: KmsClients) -> int:
    """Re-encrypt objects under an S3 prefix."""
    place = {"bucket": arguments.bucket, "prefix": arguments.prefix, "base64": arguments.base64}
    state = State(arguments.state, _job(arguments, place))
    with _errors_of_aws():
        client = arguments.s3_clients(arguments.region)
        _abort_upload(client, arguments.bucket, state)
        store = Objects(
            client,
            arguments.bucket,
            arguments.prefix,
            _rewriter(arguments, kms_clients, state.summary),
            clock=SystemClock(),
            is_base64=arguments.base64,
            on_upload=state.begin_upload,
        )
        return _run(arguments, store, state)


def _job(arguments: argparse.Namespace, place: dict[str, Any]) -> dict[str, Any]:
    """Return what tells one job from another; of the context a digest, because its values are nobody's business.

    Of the settings, too: the ID of a branch key may be such a value.
    """
    context = hashlib.sha256(EncryptionContext(dict(arguments.context)).serialized).hexdigest()
    settings = _settings(arguments)
    return {
        **place,
        "key_arns": arguments.key_arn,
        "from_key_arns": sorted(arguments.from_key_arn),
        "from_settings": None if settings is None else hashlib.sha256(described(settings).encode()).hexdigest(),
        "context": context if arguments.context else None,
        "signing": _signing(arguments).value,
        "write": arguments.write,
    }


def _settings(arguments: argparse.Namespace) -> Settings | None:
    return read_settings({}) if arguments.from_settings else None


def _signing(arguments: argparse.Namespace) -> Signing:
    if arguments.sign:
        return Signing.ALL
    return Signing.NONE if arguments.drop_signatures else Signing.AS_BEFORE


def _rewriter(arguments: argparse.Namespace, kms_clients: KmsClients, summary: Summary) -> Rewriter:
    keyrings = {
        arn: AwsKmsKeyring(arn, kms_client=kms_clients(region_of(arn)), emit=summary.on_event)
        for arn in [*arguments.key_arn, *arguments.from_key_arn]
    }
    generator, *others = [keyrings[arn] for arn in arguments.key_arn]
    readers: list[Keyring] = list(keyrings.values())
    settings = _settings(arguments)
    if settings is not None:
        readers += keyrings_of(settings, kms=kms_clients, dynamodb=arguments.dynamodb_clients, emit=summary.on_event)
    return Rewriter(
        source=AdvisingCMM(
            _caching(MultiKeyring(children=readers)),
            reads_branch_keys=settings is not None and settings.branch_key_store_table is not None,
        ),
        target=_caching(MultiKeyring(generator, others)),
        key_arns=frozenset(arguments.key_arn),
        signing=_signing(arguments),
        expected=dict(arguments.context),
        reading=Client(
            commitment_policy=arguments.commitment_policy, max_encrypted_data_keys=arguments.max_encrypted_data_keys
        ),
        max_body_length=getattr(arguments, "max_body_length", None),
    )


def _caching(keyring: Keyring) -> CachingCMM:
    return CachingCMM(cache=LocalCMC(_CAPACITY), keyring=keyring, **_LIMITS)


def _abort_upload(client: Any, bucket: str, state: State) -> None:  # noqa: ANN401 - boto3 has no types
    """Abort what a run that was killed has begun to upload."""
    if state.upload is not None:
        key, upload_id = state.upload
        with suppress(client.exceptions.NoSuchUpload):
            client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
        state.upload = None


@contextmanager
def _errors_of_aws() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - inspecting needs no boto3

    try:
        yield
    except ClientError as error:
        message = error.response.get("Error", {}).get("Message", "")
        raise Stopped(f"{told(error)}: {message}{_remedy(error)}") from error
    except BotoCoreError as error:
        raise Stopped(f"{error}{_remedy(error)}") from error


def _remedy(error: Exception) -> str:
    """Return what to do about credentials; other remedies are for KMS keys, and here it is a table or a bucket."""
    failure = explain(error)
    return f" ({failure.remedy})" if failure.remedy and failure.outcome is KmsOutcome.OTHER else ""


def _run(arguments: argparse.Namespace, store: Store, state: State) -> int:
    clock = SystemClock()
    report = _report_json if arguments.json else _report
    progress = _Progress(quiet=arguments.quiet)
    estimate = store.estimate(state.position)
    _announce(estimate, writes=arguments.write, resumed=state.summary.examined)
    progress.total = estimate.total + state.summary.examined
    try:
        go_through(
            store,
            state,
            writes=arguments.write,
            pace=Pace(arguments.rate, clock=clock, sleep=time.sleep),
            report=report,
            progress=progress,
        )
    except BaseException:
        state.save()
        progress.end()
        print("warmkey: not finished; start it again, and it passes over what is done", file=sys.stderr)  # noqa: T201 - as below
        _summarize(state.summary, arguments)
        raise
    progress.end()
    _summarize(state.summary, arguments)
    state.end()
    return 1 if state.summary.has_problems else 0


# --- what is said


def _announce(estimate: Estimate, *, writes: bool, resumed: int) -> None:
    lines = [f"items: about {estimate.total:,}" + (f", and {resumed:,} that were examined before" if resumed else "")]
    if not writes:
        lines.append("dry run: nothing is written. It reads, and asks KMS. With --write, the following applies:")
    lines += estimate.notices
    costs = [(name, count, count * price) for name, count, price in estimate.costs if count]
    lines += [f"cost: {name}: {count:,}, {_dollars(dollars)}" for name, count, dollars in costs]
    lines.append(f"cost: together {_dollars(sum(dollars for *_, dollars in costs))}, at list prices of us-east-1")
    for line in lines:
        print(f"warmkey: {line}", file=sys.stderr)  # noqa: T201 - what a command says


def _dollars(dollars: float) -> str:
    return f"${dollars:,.2f}" if dollars >= 0.01 else "less than $0.01"  # noqa: PLR2004 - a cent


def _report(result: Result) -> None:
    key = result.key if isinstance(result.key, str) and result.key.isprintable() else json.dumps(result.key)
    print(f"{result.outcome}  {key}  {result.problem}", flush=True)  # noqa: T201 - what the command is for


def _report_json(result: Result) -> None:
    line = {"outcome": result.outcome, "key": result.key, "problem": result.problem}
    print(json.dumps(line), flush=True)  # noqa: T201 - what the command is for


def _summarize(summary: Summary, arguments: argparse.Namespace) -> None:
    if arguments.json:
        print(json.dumps({"summary": summary.as_dict(), "write": arguments.write}), flush=True)  # noqa: T201 - as above
        return
    names = {Outcome.REWRITTEN: "rewritten" if arguments.write else "to rewrite"}
    print(f"{'examined':<12}{summary.examined:,}")  # noqa: T201 - as above
    for outcome in Outcome:
        if summary.outcomes[outcome] or outcome is Outcome.REWRITTEN:
            print(f"{names.get(outcome, outcome.value):<12}{summary.outcomes[outcome]:,}")  # noqa: T201 - as above
    requests = ", ".join(f"{count:,} {operation}" for operation, count in sorted(summary.kms_requests.items()))
    print(f"{'KMS':<12}{requests or 'no request'}", flush=True)  # noqa: T201 - as above


class _Progress:
    """Says on standard error how many items there were: in place on a terminal, else a line for every thousand."""

    total = 0

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._in_place = sys.stderr.isatty()
        self._told = False

    def __call__(self, count: int) -> None:
        step = 10 if self._in_place else _PROGRESS_STEP
        if self._quiet or count % step:
            return
        start, end = ("\r", "") if self._in_place else ("", "\n")
        text = f"{start}warmkey: {count:,} of about {max(self.total, count):,} items"
        print(text, end=end, file=sys.stderr, flush=True)  # noqa: T201 - what a command says
        self._told = True

    def end(self) -> None:
        """End the line that was written again and again."""
        if self._told and self._in_place:
            print(file=sys.stderr)  # noqa: T201 - as above
