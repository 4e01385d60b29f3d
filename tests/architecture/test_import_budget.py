"""What is loaded when a function starts, as lists: every module on them is paid for at each cold start.

Ours are on two lists, what `import warmkey` loads and what the first message adds. Of others' modules the list has what
we ask for ourselves; what these load in turn is theirs. A module that is missing here was either added to the start by
accident, and belongs into the function that needs it, or on purpose, and belongs on the list.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lambda_runtime.loopback_kms import loopback_kms

ROOT = Path(__file__).parents[2]

STANDARD_LIBRARY = """
    __future__ atexit base64 binascii collections collections.abc contextlib contextvars copy dataclasses enum functools
    gc hashlib hmac importlib importlib.util io itertools json logging math os re struct sys threading time traceback
    typing types weakref
""".split()

CRYPTOGRAPHY = """
    cryptography.exceptions cryptography.hazmat.primitives.asymmetric.ec
    cryptography.hazmat.primitives.asymmetric.utils cryptography.hazmat.primitives.ciphers.aead
    cryptography.hazmat.primitives.hashes cryptography.hazmat.primitives.hmac
""".split()

AT_IMPORT = """
    warmkey warmkey.algorithm_suites warmkey.caches warmkey.caches.interface warmkey.caches.local
    warmkey.caches.null warmkey.checks warmkey.client_apis warmkey.client_apis.bodies warmkey.client_apis.client
    warmkey.client_apis.decrypt warmkey.client_apis.encrypt warmkey.client_apis.results warmkey.clock
    warmkey.cmms warmkey.cmms.cache_entry_identifier warmkey.cmms.caching warmkey.cmms.context_churn
    warmkey.cmms.default warmkey.cmms.fetching warmkey.cmms.flights warmkey.cmms.interface warmkey.cmms.limits
    warmkey.cmms.statistics warmkey.crypto warmkey.crypto.aes_gcm warmkey.crypto.elliptic_curves
    warmkey.crypto.key_derivation warmkey.crypto.native_parts warmkey.crypto.signatures warmkey.data_format
    warmkey.data_format.encrypted_data_keys warmkey.data_format.encryption_context
    warmkey.data_format.familiar_header warmkey.data_format.message_body warmkey.data_format.message_body_aad
    warmkey.data_format.message_footer warmkey.data_format.message_header warmkey.data_format.reader
    warmkey.events warmkey.exceptions warmkey.helpers warmkey.keyrings warmkey.keyrings.aws_kms
    warmkey.keyrings.aws_kms_key_arn warmkey.keyrings.aws_kms_mrk warmkey.keyrings.aws_kms_mrk_are_unique
    warmkey.keyrings.aws_kms_mrk_match_for_decrypt warmkey.keyrings.discretion warmkey.keyrings.interface
    warmkey.keyrings.kms_decryption warmkey.keyrings.kms_requests warmkey.keyrings.multi
    warmkey.keyrings.raw_aes warmkey.keyrings.split warmkey.lambda_runtime warmkey.lambda_runtime.default_client
    warmkey.lambda_runtime.freed_memory warmkey.lambda_runtime.kms_keys warmkey.lambda_runtime.settings
    warmkey.lambda_runtime.snapstart warmkey.lambda_runtime.tally warmkey.lambda_runtime.wiring
    warmkey.observability warmkey.observability.current_invocation warmkey.observability.invocations
    warmkey.observability.logs warmkey.observability.metrics warmkey.observability.powertools
    warmkey.observability.standard_logging warmkey.observability.subscriber warmkey.process_copies
    warmkey.structures warmkey.structures.encrypted_data_key warmkey.structures.encryption_context
    warmkey.structures.materials warmkey.structures.requests
""".split()

AT_FIRST_MESSAGE = """
    warmkey.lambda_runtime.botocore_session
""".split()

# botocore, and what it takes; no boto3 among it. certifi where it is installed.
PACKAGES_AT_FIRST_MESSAGE = {"botocore", "certifi", "cryptography", "dateutil", "jmespath", "six", "urllib3"}

SNAPSHOT = """
import json, sys
for name in {known}:
    __import__(name)
before = set(sys.modules)
{code}
after = {{name for name, module in sys.modules.items() if module is not None}}
print(json.dumps(sorted(after - before)))
"""


def loaded_by(code: str, *, known: list[str], **variables: str) -> set[str]:
    """The modules that *code* loads in a fresh interpreter that has loaded those *known*."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("WARMKEY_", "AWS_"))}
    done = subprocess.run(
        [sys.executable, "-c", SNAPSHOT.format(known=known, code=code)],
        env=clean | {"PYTHONPATH": str(ROOT / "src")} | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def ours(modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] == "warmkey"}


@pytest.fixture(scope="module")
def at_import() -> set[str]:
    return loaded_by("import warmkey", known=[*STANDARD_LIBRARY, *CRYPTOGRAPHY])


@pytest.fixture(scope="module")
def at_first_message() -> set[str]:
    with loopback_kms() as kms:
        return loaded_by(
            "import warmkey; warmkey.encrypt(b'first')",
            known=STANDARD_LIBRARY,
            WARMKEY_METRICS="off",
            AWS_LAMBDA_LOG_LEVEL="ERROR",
            **kms.environment(),
        )


def test_importing_warmkey_loads_these_modules_of_ours(at_import: set[str]) -> None:
    assert ours(at_import) == set(AT_IMPORT)


def test_importing_warmkey_loads_nothing_else_than_it_asks_for(at_import: set[str]) -> None:
    assert at_import - ours(at_import) == set()


def test_the_first_message_loads_these_modules_of_ours(at_first_message: set[str]) -> None:
    assert ours(at_first_message) == {*AT_IMPORT, *AT_FIRST_MESSAGE}


def test_the_first_message_loads_no_package_but_these(at_first_message: set[str]) -> None:
    packages = {name.partition(".")[0] for name in at_first_message} - sys.stdlib_module_names - {"warmkey"}

    assert {name for name in packages if not name.startswith("_")} <= PACKAGES_AT_FIRST_MESSAGE


@pytest.mark.parametrize(
    "module",
    [
        "aws_lambda_powertools",  # nothing is logged or measured in the fixture
        "boto3",  # 12 ms more than botocore
        "cryptography.hazmat.primitives.serialization",  # 8 ms, for keys in PEM
        "cryptography.x509",
        "multiprocessing.managers",  # 8 ms, by way of boto3
    ],
)
def test_neither_is_ever_loaded(at_first_message: set[str], module: str) -> None:
    assert module not in at_first_message
