"""Why an endpoint is not reached, with real clients on this machine and with what botocore raises."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
    SSLError,
)

from tests.policy.printed import REGION
from warmkey.doctor import routes
from warmkey.doctor.routes import is_unreachable, why_unreachable
from warmkey.keyrings.kms_failures import explain

if TYPE_CHECKING:
    from tests.doctor.patient import Patient

URL = f"https://kms.{REGION}.amazonaws.com"


def client(url: str | None = None) -> Any:
    config = Config(connect_timeout=0.3, read_timeout=0.3, retries={"total_max_attempts": 1, "mode": "standard"})
    return boto3.client(
        "kms", region_name=REGION, endpoint_url=url, config=config, aws_access_key_id="a", aws_secret_access_key="b"
    )


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def test_nobody_listens(patient: Patient) -> None:
    patient.client = client(f"http://127.0.0.1:{free_port()}")

    assert patient.codes() == {"connection-refused"}
    assert "not reached" in patient.json["endpoints"].values()
    assert patient.json["requests"]["kms"] == 1


def test_somebody_listens_and_says_nothing(patient: Patient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        patient.client = client(f"http://127.0.0.1:{silent.getsockname()[1]}")

        assert patient.codes() == {"no-answer-in-time"}


def test_a_password_in_a_url_is_not_shown(patient: Patient) -> None:
    patient.client = client(f"http://user:secret@127.0.0.1:{free_port()}")

    assert patient.codes() == {"connection-refused"}
    assert "secret" not in patient.out
    assert "http://127.0.0.1:" in patient.finding("connection-refused")["found"]


def test_an_unknown_name(patient: Patient) -> None:
    patient.client = client("http://kms.nowhere.invalid")

    assert patient.codes() == {"name-not-resolved"}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EndpointConnectionError(endpoint_url=URL, error="[Errno 111] Connection refused"), "connection-refused"),
        (EndpointConnectionError(endpoint_url=URL, error="[Errno -2] Name or service not known"), "name-not-resolved"),
        (EndpointConnectionError(endpoint_url=URL, error="Network is unreachable"), "no-network-path"),
        (ConnectTimeoutError(endpoint_url=URL), "no-network-path"),
        (SSLError(endpoint_url=URL, error="certificate verify failed"), "tls-failed"),
        (ProxyConnectionError(proxy_url="http://proxy"), "connection-refused"),
    ],
)
def test_what_botocore_raises(patient: Patient, error: Exception, code: str) -> None:
    assert is_unreachable(explain(error))
    assert why_unreachable(error, patient.kms)[0] == code
    assert URL in why_unreachable(error, patient.kms)[1]


@pytest.mark.parametrize(
    ("addresses", "said"),
    [
        ([], "no address here"),
        (["10.0.0.7", "10.0.1.7"], "there is a VPC endpoint: look at its security group"),
        (["52.94.1.1", "10.0.0.7"], "no VPC endpoint with private DNS"),
    ],
)
def test_the_kind_of_address_tells_whether_there_is_an_endpoint(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str], said: str
) -> None:
    def resolve(*_: object, **__: object) -> list[Any]:
        if not addresses:
            raise OSError
        return [(0, 0, 0, "", (address, 443)) for address in addresses]

    monkeypatch.setattr(routes.socket, "getaddrinfo", resolve)

    code, found = why_unreachable(ConnectTimeoutError(endpoint_url=URL), client())
    assert code == "no-network-path"
    assert said in found


def test_other_errors_are_not_about_the_way() -> None:
    assert not is_unreachable(explain(ValueError()))
    assert why_unreachable(ConnectTimeoutError(endpoint_url=URL), object())[1].startswith("the endpoint")
