"""From settings to clients, cache and CMM; boto3 as it is, and KMS on loopback where a request is made."""

from __future__ import annotations

import contextlib
import gc
import socket
import sys
import tomllib
from pathlib import Path
from typing import Any

import boto3
import botocore
import pytest
from botocore.config import Config

import warmkey
from benchmarks.loopback_kms import loopback_kms
from tests.lambda_runtime.processes import in_new_process
from warmkey import ConfigurationError, LocalCMC
from warmkey.caches import NullCMC
from warmkey.events import CacheMiss, KmsRequest
from warmkey.lambda_runtime.settings import Settings, check_keywords
from warmkey.lambda_runtime.wiring import _OLDEST_BOTO3, Clients, Overrides, Runtime, _longest_call_seconds, wire
from warmkey.testing import FakeKms, SettableClock

KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def settings(**given: Any) -> Settings:
    return Settings(**check_keywords({"kms_key_arns": KEY, **given}))


def clients(given: Overrides | None = None, **more: Any) -> Clients:
    return Clients(settings(**more), given or Overrides())


def wired(given: Overrides | None = None, **more: Any) -> Runtime:
    return wire(settings(**more), given or Overrides(kms_client=FakeKms()), only_until_restored=False)


# --- clients


def test_there_is_one_client_for_each_region() -> None:
    made = clients()

    assert made("eu-central-1") is made("eu-central-1")
    assert [made(region).meta.region_name for region in ("eu-central-1", "us-east-1")] == ["eu-central-1", "us-east-1"]


def test_the_pool_of_connections_is_a_setting() -> None:
    assert clients(kms_max_pool_connections=40)("eu-central-1").meta.config.max_pool_connections == 40


def test_timeouts_and_attempts_are_those_of_the_settings() -> None:
    config = clients(kms_connect_timeout_seconds=0.5, kms_read_timeout_seconds=2, kms_max_attempts=2)(
        "eu-central-1"
    ).meta.config

    assert (config.connect_timeout, config.read_timeout) == (0.5, 2)
    assert config.max_pool_connections == 10
    assert (config.retries["mode"], config.retries["total_max_attempts"]) == ("standard", 2)


def test_a_botocore_config_of_the_callers_is_laid_over_ours() -> None:
    given = Overrides(botocore_config=Config(read_timeout=7, user_agent_extra="mine"))

    config = clients(given)("eu-central-1").meta.config

    assert (config.read_timeout, config.connect_timeout, config.user_agent_extra) == (7, 1, "mine")


def test_a_client_of_the_callers_is_used_for_every_region() -> None:
    mine = FakeKms()
    made = clients(Overrides(kms_client=mine))

    assert made("eu-central-1") is made("us-east-1") is made(None) is mine


def test_the_default_session_of_boto3_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        boto3, "DEFAULT_SESSION", boto3.Session(aws_access_key_id="AKIAMINE", aws_secret_access_key="s")
    )

    assert clients()("eu-central-1")._request_signer._credentials.access_key == "AKIAMINE"


def test_a_session_that_keeps_credentials_is_not_used_where_a_snapshot_would_hold_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    clients()("eu-central-1")

    assert boto3.DEFAULT_SESSION is None


def test_a_function_that_does_not_use_boto3_is_spared_its_import() -> None:
    done = in_new_process(
        """
        import sys, warmkey
        warmkey.warm_up()
        assert "botocore" in sys.modules and "boto3" not in sys.modules
        """,
        WARMKEY_KMS_KEY_ARNS=KEY,
        AWS_ENDPOINT_URL_KMS="http://127.0.0.1:9",
    )

    assert done.returncode == 0, done.stderr


def test_clients_of_all_regions_share_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    made = clients()
    credentials = [made(region)._request_signer._credentials for region in ("eu-central-1", "us-east-1")]

    assert credentials[0] is credentials[1]


def test_the_collector_runs_again_when_a_signal_comes_just_after_it_was_paused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disable = gc.disable

    def disable_and_be_interrupted() -> None:
        disable()
        raise TimeoutError

    monkeypatch.setattr(gc, "disable", disable_and_be_interrupted)

    with pytest.raises(TimeoutError):
        clients()("eu-central-1")

    assert gc.isenabled()


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("region", ["eu-central-1", ""])
def test_the_collector_is_left_as_it_was_found(*, enabled: bool, region: str) -> None:
    gc.disable()
    try:
        if enabled:
            gc.enable()
        with contextlib.suppress(ConfigurationError):
            clients()(region)
        found = gc.isenabled()
    finally:
        gc.enable()

    assert found is enabled


def test_without_a_region_the_error_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # another test's may remember a Region

    problem = r"boto3 can't make a KMS client: You must specify a region\. Name it by AWS_DEFAULT_REGION"
    with pytest.raises(ConfigurationError, match=problem):
        clients()(None)


def test_without_boto3_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)

    with pytest.raises(ConfigurationError, match="boto3 is not installed"):
        clients()(None)


def test_a_boto3_whose_parts_do_not_fit_is_told_from_a_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "boto3")
    monkeypatch.setitem(sys.modules, "warmkey.lambda_runtime.botocore_session", None)

    with pytest.raises(ConfigurationError, match=r"boto3 can.t be imported: .*Check which copies of boto3"):
        clients()("eu-central-1")


@pytest.mark.parametrize("with_boto3", [True, False])
def test_a_profile_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, *, with_boto3: bool) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nope")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    if not with_boto3:
        monkeypatch.delitem(sys.modules, "boto3")

    with pytest.raises(ConfigurationError, match=r"The config profile \(nope\) could not be found. Unset AWS_PROFILE"):
        clients()("eu-central-1")


@pytest.mark.parametrize("version", ["1.34.162", "0.109.0"])
def test_a_boto3_that_is_too_old_is_named_with_the_version_that_is_needed(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(botocore, "__version__", version)

    with pytest.raises(ConfigurationError, match=rf"warmkey needs 1\.35 or later\. Found botocore {version} in /"):
        clients()("eu-central-1")


@pytest.mark.parametrize("version", ["1.35.0", "1.100.1", "2.0.0", "1.40.0rc1"])
def test_a_boto3_that_is_new_enough_is_fine(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(botocore, "__version__", version)

    assert clients()("eu-central-1").meta.region_name == "eu-central-1"


def test_the_oldest_boto3_is_what_the_project_says() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]

    assert "boto3>={}.{}".format(*_OLDEST_BOTO3) in project["dependencies"]


def test_a_failing_request_is_tried_as_often_as_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    with loopback_kms() as loopback:
        loopback.kms.fail(error="internal", times=None)
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", loopback.url)
        made = wired(Overrides(emit=seen.append), kms_key_arns=loopback.key_arn, kms_max_attempts=2)

        with pytest.raises(warmkey.KeyUnavailable):
            made.client.encrypt(b"order", cmm=made.cmm)

        assert loopback.kms.count("GenerateDataKey") == 2
        assert [event.attempts for event in seen if isinstance(event, KmsRequest)] == [2]


def test_attempts_that_nothing_answered_are_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What botocore raises then does not say how often it tried."""
    seen: list[Any] = []
    nobody = socket.create_server(("127.0.0.1", 0))
    with nobody:
        port = nobody.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", f"http://127.0.0.1:{port}")
    made = wired(Overrides(emit=seen.append), kms_key_arns=KEY, kms_max_attempts=2)

    with pytest.raises(warmkey.KeyUnavailable):
        made.client.encrypt(b"order", cmm=made.cmm)

    assert [(event.attempts, event.outcome) for event in seen if isinstance(event, KmsRequest)] == [(2, "unreachable")]


# --- cache and CMM


def test_the_cmm_has_the_limits_of_the_settings() -> None:
    cmm = wired(cache_capacity=7, max_age_seconds=60, partition_id="orders").cmm

    assert isinstance(cmm.cache, LocalCMC)
    assert (cmm.cache.capacity, cmm.partition_id) == (7, "orders")
    assert "max_age=60" in repr(cmm)


def test_without_a_cache_every_message_asks_kms() -> None:
    kms = FakeKms()
    made = wired(Overrides(kms_client=kms), kms_key_arns=kms.create_key(), cache="off")

    for _ in range(3):
        made.client.encrypt(b"order", cmm=made.cmm)

    assert isinstance(made.cmm.cache, NullCMC)
    assert kms.counts() == {"GenerateDataKey": 3}


def test_the_clock_is_that_of_cache_and_cmm() -> None:
    kms, clock = FakeKms(), SettableClock()
    made = wired(Overrides(kms_client=kms, clock=clock), kms_key_arns=kms.create_key(), max_age_jitter=0)
    for _ in range(2):
        made.client.encrypt(b"order", cmm=made.cmm)
        clock.tick(301)

    assert kms.counts() == {"GenerateDataKey": 2}


def test_the_caller_hears_what_happens_and_the_counter_too() -> None:
    kms = FakeKms()
    seen: list[Any] = []
    made = wired(Overrides(kms_client=kms, emit=seen.append), kms_key_arns=kms.create_key())

    made.client.encrypt(b"order", cmm=made.cmm)

    assert [type(event) for event in seen] == [KmsRequest, CacheMiss]
    assert made.counter.kms_requests() == {"GenerateDataKey": {"ok": 1}}


def test_a_waiting_thread_outwaits_every_attempt_with_every_key() -> None:
    found = _longest_call_seconds(settings(kms_max_attempts=3, max_encrypted_data_keys=1))

    assert found == (1 + 1) * ((1 + 1) * 3 + 1 + 2) + 1
