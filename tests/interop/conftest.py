"""The peers, and a KMS that all of them can reach."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.interop.peers import Kms, MaterialProvidersPeer, PythonPeer, node_peer, why_no_node
from tests.moto_server import moto_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.interop.peers import Peer


@pytest.fixture(scope="session", params=["python", "python-mpl", "node"])
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    """Each of the other clients that can be had here."""
    if request.param == "python":
        yield PythonPeer()
    elif request.param == "python-mpl":
        pytest.importorskip(
            "aws_cryptographic_material_providers",
            reason="the material providers library is not installed; `make interop` has it",
        )
        yield MaterialProvidersPeer()
    else:
        reason = why_no_node()
        if reason:
            pytest.skip(reason)
        with node_peer() as peer:
            yield peer


@pytest.fixture(scope="module")
def kms() -> Iterator[Kms]:
    """A key of moto's KMS, on a server of this machine; the environment leads there as long as a module lasts."""
    with pytest.MonkeyPatch.context() as environment, contextlib.ExitStack() as stack:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "AWS_PROFILE"):
            environment.delenv(name, raising=False)
        endpoint = stack.enter_context(moto_server())
        for name, value in (
            ("AWS_ENDPOINT_URL_KMS", endpoint),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ):
            environment.setenv(name, value)
        yield Kms(arn=kms_client().create_key()["KeyMetadata"]["Arn"], endpoint=endpoint)


def kms_client() -> Any:
    return boto3.client("kms", region_name="us-east-1")
