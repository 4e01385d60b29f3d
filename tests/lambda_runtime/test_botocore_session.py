"""A session that starts sooner and finds what any other finds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import botocore.session
import pytest
from botocore.exceptions import BotoCoreError

from warmkey.lambda_runtime.botocore_session import new_session

if TYPE_CHECKING:
    from pathlib import Path


def test_it_makes_the_client_that_botocore_makes() -> None:
    ours = new_session().create_client("kms", region_name="eu-west-1")
    theirs = botocore.session.get_session().create_client("kms", region_name="eu-west-1")

    assert theirs.meta.endpoint_url == ours.meta.endpoint_url
    assert theirs.meta.partition == ours.meta.partition
    assert theirs.meta.method_to_api_mapping == ours.meta.method_to_api_mapping


@pytest.mark.parametrize("service", ["sts", "sso", "sso-oidc"])
def test_it_makes_the_clients_that_credentials_are_fetched_with(service: str) -> None:
    assert new_session().create_client(service, region_name="eu-west-1").meta.service_model.service_name == service


def test_it_reads_models_from_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_DATA_PATH", os.fspath(tmp_path))

    assert os.fspath(tmp_path) in new_session().get_component("data_loader").search_paths


def test_it_looks_for_models_where_botocore_looks_and_once() -> None:
    theirs = botocore.session.get_session().get_component("data_loader")

    assert new_session().get_component("data_loader").search_paths == theirs.search_paths


def test_a_service_without_models_is_an_error_of_botocores() -> None:
    with pytest.raises(BotoCoreError):
        new_session().create_client("no-such-service", region_name="eu-west-1")
