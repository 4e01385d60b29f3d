"""Two environments restored from one image, under Lambda's own runtime client and with the layer as it was built."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.loopback_kms import loopback_kms
from examples.demo.emulator import EmulatorUnavailable, unpack_layer
from examples.demo.stages import host_layer
from layer.runtimes import RUNTIMES, interpreter
from tests.lambda_runtime.processes import writable_memory
from tests.lambda_runtime.runtime_api import RuntimeApi, runtime_api
from warmkey import AwsKmsKeyring, Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.loopback_kms import LoopbackKms
    from warmkey import DecryptResult

pytestmark = [pytest.mark.layer, pytest.mark.runtime]

TASK_ROOT = Path(__file__).parent / "restored_function"
WAYS = ["helpers", "caching CMM"]


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What there was to see.

    :ivar in_snapshot: data keys that were in the memory of the image
    :ivar environments: what the function answered in each environment to the same event
    :ivar more: and to a second one, with the messages of the other environment
    """

    kms: LoopbackKms
    in_snapshot: int
    environments: list[dict[str, Any]]
    more: list[dict[str, Any]]

    def read(self, message: str) -> DecryptResult:
        keyring = AwsKmsKeyring(self.kms.key_arn, kms_client=self.kms.kms)
        return Client().decrypt(base64.b64decode(message), keyring=keyring)

    def headers(self, environment: dict[str, Any], when: str, way: str) -> list[Any]:
        return [self.read(message).header for message in environment[when][way]]

    def data_keys(self, environment: dict[str, Any], when: str, way: str) -> set[bytes]:
        headers = self.headers(environment, when, way)
        return {key.ciphertext for header in headers for key in header.encrypted_data_keys}


@pytest.fixture(scope="module", params=RUNTIMES)
def restored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restored]:
    python = interpreter(request.param)
    if not python:
        pytest.skip(f"no Python {request.param} is here; `make runtimes` or `make every-runtime` makes it ready")
    opt = tmp_path_factory.mktemp("opt")
    try:
        unpack_layer(host_layer(), opt)
    except EmulatorUnavailable as reason:
        pytest.skip(f"{reason}; `make runtime` makes it")
    with ExitStack() as stack:
        kms = stack.enter_context(loopback_kms())
        apis = [stack.enter_context(runtime_api()) for _ in range(2)]
        in_snapshot = stack.enter_context(image(python, opt, kms, apis))
        environments = [api.invoke({"messages": []}) for api in apis]
        others = reversed(environments)
        more = [api.invoke({"messages": other["now"]["helpers"]}) for api, other in zip(apis, others, strict=True)]
        yield Restored(kms=kms, in_snapshot=in_snapshot, environments=environments, more=more)


@contextmanager
def image(python: Path, opt: Path, kms: LoopbackKms, apis: list[RuntimeApi]) -> Iterator[int]:
    """Initialize the function, look through its memory, and restore an environment for each of *apis*."""
    addresses = [api.address for api in apis]
    process = subprocess.Popen(
        [python, TASK_ROOT / "bootstrap.py", *addresses],
        env=variables(python, opt, kms, addresses[0]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if line == "ready\n":
                break
        assert said[-1:] == ["ready\n"], "".join(said)
        memory = b"".join(writable_memory(process.pid))
        process.stdin.close()
        yield sum(key in memory for key in kms.data_keys)
    finally:
        process.stdout.close()
        os.killpg(process.pid, signal.SIGKILL)  # with the environments that were restored from it
        process.wait()


def variables(python: Path, opt: Path, kms: LoopbackKms, address: str) -> dict[str, str]:
    version = python.parents[1].name.removeprefix(".venv-runtime-").partition("-")[0]
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": f"{opt}/python",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LAMBDA_TASK_ROOT": str(TASK_ROOT),
        "_HANDLER": "app.handler",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}",
        "AWS_LAMBDA_FUNCTION_NAME": "restored",
        "AWS_LAMBDA_RUNTIME_API": address,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
        **kms.environment(),
    }


def test_the_image_held_no_data_key(restored: Restored) -> None:
    assert restored.in_snapshot == 0


def test_every_message_can_be_read(restored: Restored) -> None:
    for environment in (*restored.environments, *restored.more):
        messages = [message for when in ("at init", "now") for way in WAYS for message in environment[when][way]]

        assert {restored.read(message).plaintext for message in messages} == {b"order"}


@pytest.mark.parametrize("way", WAYS)
def test_at_init_each_message_had_a_data_key_of_its_own(restored: Restored, way: str) -> None:
    environment = restored.environments[0]

    assert len(restored.data_keys(environment, "at init", way)) == len(environment["at init"][way])


@pytest.mark.parametrize("way", WAYS)
def test_each_environment_caches_a_data_key_of_its_own(restored: Restored, way: str) -> None:
    first, second = (restored.data_keys(environment, "now", way) for environment in restored.environments)

    assert (len(first), len(second)) == (1, 1)
    assert first != second
    assert not (first | second) & restored.data_keys(restored.environments[0], "at init", way)


@pytest.mark.parametrize("way", WAYS)
def test_it_goes_on_with_it(restored: Restored, way: str) -> None:
    for environment, later in zip(restored.environments, restored.more, strict=True):
        assert restored.data_keys(environment, "now", way) == restored.data_keys(later, "now", way)


def test_each_environment_has_a_partition_of_its_own(restored: Restored) -> None:
    partitions = {environment["now"]["partition"] for environment in restored.environments}
    at_init = {environment["at init"]["partition"] for environment in restored.environments}

    assert len(partitions) == 2
    assert len(at_init) == 1
    assert not partitions & at_init


def test_no_two_messages_have_a_message_id_or_a_signing_key_of_different_environments(restored: Restored) -> None:
    answers = [(environment, "now") for environment in (*restored.environments, *restored.more)]
    headers = [
        header
        for environment, when in [(restored.environments[0], "at init"), *answers]
        for way in WAYS
        for header in restored.headers(environment, when, way)
    ]
    public_keys = [
        {header.encryption_context["aws-crypto-public-key"] for header in restored.headers(environment, "now", way)}
        for environment in restored.environments
        for way in WAYS
    ]

    assert len({header.message_id for header in headers}) == len(headers)
    assert [len(keys) for keys in public_keys] == [1, 1, 1, 1]
    assert len(set.union(*public_keys)) == 4


def test_each_environment_reads_what_the_other_wrote(restored: Restored) -> None:
    assert [later["decrypted"] for later in restored.more] == [["order"] * 3] * 2
