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

from benchmarks.loopback_kms import loopback_kms

ROOT = Path(__file__).parents[2]

# What we ask for ourselves, a line of names each.
STANDARD_LIBRARY = (
    "__future__ atexit base64 binascii collections collections.abc contextlib contextvars copy dataclasses enum "
    "functools gc hashlib hmac importlib importlib.util io itertools json logging math mmap os re struct sys threading "
    "time traceback typing types weakref"
)
CRYPTOGRAPHY = (
    "cryptography.exceptions cryptography.hazmat.primitives.ciphers.aead cryptography.hazmat.primitives.hashes "
    "cryptography.hazmat.primitives.hmac"
)

# Ours, by room.
AT_IMPORT = {
    "": (
        "algorithm_suites api boundary choices clock events exceptions facts fork_safety hit_counter lazy_names locks "
        "memo message_ends reasons records safe_repr sealing supported_python tracebacks tracing unpicklable "
        "validation waiting"
    ),
    "caches": ("entry_content interface lifetimes local"),
    "client_apis": "client decrypt encrypt frames results",
    "cmms": (
        "admission cache_entry_identifier cached_operations caching context_churn default failure_memory fetching "
        "interface limits single_flight statistics"
    ),
    "crypto": "aes_gcm installation key_derivation signature_library signatures",
    "data_format": (
        "encrypted_data_keys encryption_context header_cache message_body message_body_aad message_footer "
        "message_header reader"
    ),
    "keyrings": (
        "aws_kms aws_kms_key_arn interface kms_decryption kms_requests log_redaction multi refusals "
        "service_requests split"
    ),
    "lambda_runtime": "default_client kms_keys parsers settings signature_report wiring",
    "observability": "counters current_invocation invocations logs metrics powertools standard_logging subscriber",
    "structures": "encrypted_data_key encryption_context materials requests",
}
# A suite that does not sign needs nothing of elliptic curves.
ELLIPTIC_CURVES = {"crypto": "ecdsa_by_cryptography elliptic_curves"}
AT_FIRST_MESSAGE = {"lambda_runtime": "botocore_session"} | ELLIPTIC_CURVES

# botocore, and what it takes; no boto3 among it. certifi where it is installed.
PACKAGES_AT_FIRST_MESSAGE = {"botocore", "certifi", "cryptography", "dateutil", "jmespath", "six", "urllib3"}

# Tests have awscrt, which botocore loads wherever it is installed; most functions don't.
SNAPSHOT = """
import json, sys
sys.modules["awscrt"] = None
for name in {known}:
    __import__(name)
before = set(sys.modules)
{code}
after = {{name for name, module in sys.modules.items() if module is not None}}
print(json.dumps(sorted(after - before)))
"""


def loaded_by(code: str, *, known: str, **variables: str) -> set[str]:
    """The modules that *code* loads in a fresh interpreter that has loaded those *known*."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("WARMKEY_", "AWS_"))}
    done = subprocess.run(
        [sys.executable, "-c", SNAPSHOT.format(known=known.split(), code=code)],
        env=clean | {"PYTHONPATH": str(ROOT / "src")} | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def modules_of(rooms: dict[str, str]) -> set[str]:
    packages = {f"warmkey.{room}" for room in rooms if room} | {"warmkey"}
    return packages | {
        ".".join(filter(None, ["warmkey", room, name])) for room, names in rooms.items() for name in names.split()
    }


def ours(modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] == "warmkey"}


@pytest.fixture(scope="module")
def at_import() -> set[str]:
    return loaded_by("import warmkey", known=f"{STANDARD_LIBRARY} {CRYPTOGRAPHY}")


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
    assert ours(at_import) == modules_of(AT_IMPORT)


def test_importing_warmkey_loads_nothing_else_than_it_asks_for(at_import: set[str]) -> None:
    assert at_import - ours(at_import) == set()


def test_the_first_message_loads_these_modules_of_ours(at_first_message: set[str]) -> None:
    assert ours(at_first_message) == modules_of(AT_IMPORT) | modules_of(AT_FIRST_MESSAGE)


def test_a_function_that_signs_loads_elliptic_curves_at_import() -> None:
    found = loaded_by("import warmkey", known=STANDARD_LIBRARY, AWS_LAMBDA_FUNCTION_NAME="orders")

    assert ours(found) == modules_of(AT_IMPORT) | modules_of(ELLIPTIC_CURVES)


def test_a_function_that_does_not_sign_never_loads_elliptic_curves() -> None:
    with loopback_kms() as kms:
        found = loaded_by(
            "import warmkey; warmkey.decrypt(warmkey.encrypt(b'first'))",
            known=STANDARD_LIBRARY,
            AWS_LAMBDA_FUNCTION_NAME="orders",
            WARMKEY_ALGORITHM_SUITE="0x0478",
            **kms.environment(),
        )

    assert not {name for name in found if "elliptic_curves" in name or "asymmetric" in name}


def test_a_suite_that_is_not_one_is_told_at_the_first_use() -> None:
    found = loaded_by(
        "import warmkey", known=STANDARD_LIBRARY, AWS_LAMBDA_FUNCTION_NAME="orders", WARMKEY_ALGORITHM_SUITE="nonsense"
    )

    assert ours(found) == modules_of(AT_IMPORT)


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
def test_these_are_not_loaded(at_first_message: set[str], module: str) -> None:
    assert module not in at_first_message
