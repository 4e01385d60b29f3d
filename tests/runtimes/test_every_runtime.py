"""The built layer on every runtime and architecture: each reads another interpreter's messages, and is read by it.

A pair that this machine has no Python for is skipped, except under ``make every-runtime``, which fetches those that can
be had. Processors other than this machine's are emulated, which takes a minute each, on request only.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import warmkey
from benchmarks.loopback_kms import loopback_kms
from examples.demo.emulator import Emulator, Runtime, unpack_layer
from layer.build import MANIFEST
from layer.project import ROOT
from layer.runtimes import ARCHITECTURES, DEBIAN_SUITES, HOST, PREVIEWS, RUNTIMES, interpreter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.loopback_kms import LoopbackKms

pytestmark = [pytest.mark.layer, pytest.mark.runtime]

EVERY_RUNTIME = "EVERY_RUNTIME" in os.environ
FUNCTION = ROOT / "tests" / "runtimes" / "exchanging_function"
CONTEXT = {"purpose": "every runtime", "language": "ελληνικά"}
# Nothing, a part of a frame, a whole frame, and whole ones with a part after them.
LENGTHS = (0, 10, 4096, 10_000)
CASES = [(suite, length) for suite in warmkey.AlgorithmSuite for length in LENGTHS]


class Pair(NamedTuple):
    """A Python and what it runs on."""

    runtime: str
    architecture: str

    def id(self) -> str:
        return f"{self.runtime}-{self.architecture}"

    def layer(self) -> Path:
        folder = "build/preview" if self.runtime in PREVIEWS else "layer"
        return ROOT / folder / f"warmkey-full-{self.architecture}.zip"

    def python(self) -> Path:
        """The Python, or a skipped test; a failed one where all that can be had has been asked for."""
        python = interpreter(self.runtime, self.architecture)
        can_be_had = self.runtime in DEBIAN_SUITES or self.architecture == HOST
        if not python and EVERY_RUNTIME and can_be_had:
            pytest.fail(f"no Python {self.id()} is here, and `make every-runtime` should have made one ready")
        if not python:
            pytest.skip(f"no Python {self.id()} is here; `make every-runtime` fetches what Debian has")
        return python


PAIRS = [Pair(runtime, architecture) for architecture in ARCHITECTURES for runtime in (*RUNTIMES, *PREVIEWS)]


def marks(pair: Pair) -> list[pytest.MarkDecorator]:
    return [] if pair.architecture == HOST and pair.runtime not in PREVIEWS else [pytest.mark.full]


@pytest.fixture(scope="module")
def kms() -> Iterator[LoopbackKms]:
    with loopback_kms() as kms:
        yield kms


def plaintext(length: int) -> bytes:
    return hashlib.shake_256(b"every runtime").digest(length)


def client(suite: warmkey.AlgorithmSuite) -> warmkey.Client:
    if suite.commits:
        return warmkey.Client()
    return warmkey.Client(commitment_policy=warmkey.CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT)


def write(suite: warmkey.AlgorithmSuite, length: int, keyring: warmkey.AwsKmsKeyring) -> str:
    message = client(suite).encrypt(
        plaintext(length), keyring=keyring, encryption_context=CONTEXT, algorithm_suite=suite
    )
    return base64.b64encode(message.ciphertext).decode()


def read(suite: warmkey.AlgorithmSuite, message: str, keyring: warmkey.AwsKmsKeyring) -> bytes:
    decrypted = client(suite).decrypt(base64.b64decode(message), keyring=keyring, encryption_context=CONTEXT)
    return decrypted.plaintext


def invoke(pair: Pair, kms: LoopbackKms, opt: Path, event: object) -> tuple[dict[str, Any], str]:
    """What the function answered with the layer unpacked in *opt*, and what it wrote."""
    python = pair.python()
    if not pair.layer().exists():
        pytest.skip(f"there is no {pair.layer()}; `make every-runtime` makes it")
    unpack_layer(pair.layer(), opt)
    runtime = Runtime(emulator=ROOT / "build" / "aws-lambda-rie", python=python, opt=opt)
    environment = {"WARMKEY_METRICS": "summary", "POWERTOOLS_METRICS_NAMESPACE": "test", **kms.environment()}
    with Emulator(runtime, task_root=FUNCTION, handler="app.handler", environment=environment) as function:
        return function.invoke(event).result, function.output()


@pytest.mark.parametrize("pair", [pytest.param(pair, id=pair.id(), marks=marks(pair)) for pair in PAIRS])
def test_messages_of_all_suites_go_both_ways(pair: Pair, kms: LoopbackKms, tmp_path: Path) -> None:
    keyring = warmkey.AwsKmsKeyring(kms.key_arn, kms_client=kms.kms)
    suites = [{"suite": suite.value, "context": CONTEXT, "length": length} for suite, length in CASES]
    messages = [write(suite, length, keyring) for suite, length in CASES]
    event = {
        "messages": [{**row, "message": message} for row, message in zip(suites, messages, strict=True)],
        "wanted": suites,
    }
    result, output = invoke(pair, kms, tmp_path / "opt", event)

    machine = ARCHITECTURES[pair.architecture].machine
    assert (result["python"], result["machine"]) == (pair.runtime, machine)
    assert result["read"] == [hashlib.sha256(plaintext(length)).hexdigest() for _, length in CASES]
    written = [read(suite, message, keyring) for (suite, _), message in zip(CASES, result["written"], strict=True)]
    assert written == [plaintext(length) for _, length in CASES]
    assert '"CloudWatchMetrics"' in output


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair.layer().exists()], ids=Pair.id)
def test_a_runtime_that_the_manifest_names_finds_its_bytecode(pair: Pair) -> None:
    with zipfile.ZipFile(pair.layer()) as layer:
        manifest, files = json.loads(layer.read(MANIFEST)), set(layer.namelist())
    compiled = f"python/warmkey/__pycache__/__init__.cpython-{pair.runtime.replace('.', '')}.pyc"

    assert (compiled in files) == (pair.runtime in manifest["bytecode"])
    if EVERY_RUNTIME and pair.runtime in DEBIAN_SUITES:
        assert compiled in files
