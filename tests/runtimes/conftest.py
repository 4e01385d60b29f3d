from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.loopback_kms import loopback_kms
from tests.runtimes.unpacked import Parts, layer, neighbours, of

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def parts() -> Parts:
    full, older = layer("full"), neighbours()
    older_ones = of("cryptography cffi _cffi_backend aws_lambda_powertools jmespath typing_extensions", older)
    return Parts(
        {
            "full": full,
            "core": layer("core"),
            "older": older_ones,
            "newer": {name: content for name, content in full.items() if not name.startswith("python/warmkey")},
            "last year's": {**of("warmkey warmkey_layer", full), **older_ones},
            "boto3": of("boto3 botocore s3transfer urllib3 jmespath dateutil six", older),
        }
    )


@pytest.fixture(scope="session")
def environment() -> Iterator[dict[str, str]]:
    """The variables of a function that may use the key of a KMS server on this machine."""
    with loopback_kms() as kms:
        yield kms.environment()
