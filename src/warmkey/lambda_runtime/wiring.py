"""Build what the helpers use from their settings, and make the clients that they and the command line need."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import contextmanager
from dataclasses import field
from typing import TYPE_CHECKING, Any, NamedTuple

from warmkey.caches.local import LocalCMC
from warmkey.client_apis.client import Client
from warmkey.clock import SystemClock
from warmkey.cmms.caching import CachingCMM
from warmkey.cmms.default import DefaultCMM
from warmkey.crypto.signature_library import choose
from warmkey.events import fan_out, ignore
from warmkey.exceptions import ConfigurationError
from warmkey.fork_safety import generation
from warmkey.keyrings.multi import MultiKeyring
from warmkey.keyrings.split import SplitKeyring
from warmkey.lambda_runtime.kms_keys import keyring_of
from warmkey.lambda_runtime.settings import function_name, is_snap_start
from warmkey.lambda_runtime.signature_report import SignatureReport
from warmkey.observability import Subscriber
from warmkey.observability.counters import KmsAndEvictionCounter, MessageCounter
from warmkey.records import Record
from warmkey.structures import EncryptionContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TypeAlias

    from warmkey.algorithm_suites import AlgorithmSuite
    from warmkey.branch_keys import AwsKmsHierarchicalKeyring
    from warmkey.branch_keys.cmm import BranchKeyCMM
    from warmkey.caches.interface import CryptographicMaterialsCache
    from warmkey.client_apis.encrypt import FrameLength
    from warmkey.clock import Clock
    from warmkey.cmms.interface import CryptographicMaterialsManager
    from warmkey.events import Emit
    from warmkey.keyrings.interface import Keyring
    from warmkey.lambda_runtime.settings import Settings
    from warmkey.lambda_runtime.tenants import TenantGuardCMM, TenantRule

    ClientMaker: TypeAlias = Callable[..., Any]
    HelpersCMM: TypeAlias = CachingCMM | BranchKeyCMM | TenantGuardCMM

__all__ = ["Clients", "Overrides", "Runtime", "aws_client", "botocore_config", "client_maker", "kms_client", "wire"]

# What pyproject.toml wants. botocore has had boto3's numbers since 1.33.
_OLDEST_BOTO3 = (1, 35)


# What botocore's standard mode waits at most before each further attempt.
_BACKOFF_SECONDS = (1, 2, 4, 8, 16, 20, 20, 20, 20)


class Overrides(Record):
    """Hold what ``configure`` was given.

    :raises ConfigurationError: one of them is of another type
    :ivar generation: when it was given; a client that a copy of the process inherits shares connections
    """

    kms_client: Any = None
    dynamodb_client: Any = None
    botocore_config: Any = None
    emit: Emit = ignore
    clock: Clock | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    generation: int = field(default_factory=generation)

    def __post_init__(self) -> None:
        if not callable(self.emit):
            raise ConfigurationError(f"emit must be a function that takes an event, not {type(self.emit).__name__}")
        if self.clock is not None and not hasattr(self.clock, "now"):
            raise ConfigurationError(f"clock must be something with a method now(), not {type(self.clock).__name__}")
        if self.botocore_config is not None and not hasattr(self.botocore_config, "merge"):
            kind = type(self.botocore_config).__name__
            raise ConfigurationError(f"botocore_config must be a botocore.config.Config, not {kind}")


class Runtime(NamedTuple):
    """Hold what the helpers use, built for one process.

    :ivar only_until_restored: built while a snapshot is ahead, so each use checks whether the restore is over
    :ivar cmm: a caching CMM, or one for branch keys over it, or one above these that insists on the current tenant
    :ivar branch_keys: the hierarchical keyring, if the settings name a table of branch keys
    :ivar required: the encryption context keys that every call must supply
    :ivar tenant: what the encryption context must say about the tenant, if it must
    :ivar clock: whose wall reading says whether a token has expired
    :ivar emit: told what happens
    """

    only_until_restored: bool
    settings: Settings
    client: Client
    cmm: HelpersCMM
    branch_keys: AwsKmsHierarchicalKeyring | None
    counter: KmsAndEvictionCounter
    messages: MessageCounter
    required: frozenset[str]
    tenant: TenantRule | None
    algorithm_suite: AlgorithmSuite | None
    frame_length: FrameLength
    clock: Clock
    emit: Emit

    def check_required(self, context: Mapping[str, str] | None) -> None:
        """Check that *context* has every required key, ahead of everything else.

        The default CMM insists too, for whoever uses it without the helpers.

        :raises PolicyRefused: it lacks one
        """
        missing = self.required - EncryptionContext.of(context).keys()
        if missing:
            from warmkey.cmms.context_keys_guard import refusal  # noqa: PLC0415 - for failures only

            raise refusal(missing)


def wire(settings: Settings, overrides: Overrides, *, only_until_restored: bool) -> Runtime:
    """Build everything; no request is made.

    :raises ConfigurationError: boto3 can't make a KMS client, or awscrt was chosen and can't be used
    """
    choose(settings.signatures)
    counter, messages = KmsAndEvictionCounter(), MessageCounter()
    clients = Clients(settings, overrides)
    emit = fan_out(counter, messages, _observer(settings), overrides.emit)
    keyring = keyring_of(settings, clients, only_region=clients.only_region, emit=emit)
    branch_keys: AwsKmsHierarchicalKeyring | None = None
    cmm: HelpersCMM
    if settings.branch_key_store_table is None:
        cmm = _caching_cmm(settings, overrides, keyring, _cache(settings, overrides.clock, emit), emit)
    else:
        cmm, branch_keys = _with_branch_keys(settings, overrides, clients, keyring, emit)
    tenant: TenantRule | None = None
    if settings.tenant_context_key is not None:
        from warmkey.lambda_runtime.tenants import TenantGuardCMM, TenantRule  # noqa: PLC0415 - few functions need them

        tenant = TenantRule(settings.tenant_context_key)
        cmm = TenantGuardCMM(cmm, tenant)
    return Runtime(
        only_until_restored=only_until_restored,
        settings=settings,
        client=Client(
            commitment_policy=settings.commitment_policy, max_encrypted_data_keys=settings.max_encrypted_data_keys
        ),
        cmm=cmm,
        branch_keys=branch_keys,
        counter=counter,
        messages=messages,
        required=frozenset(settings.required_context_keys),
        tenant=tenant,
        algorithm_suite=settings.algorithm_suite,
        frame_length=settings.frame_length,
        clock=overrides.clock or SystemClock(),
        emit=emit,
    )


def _caching_cmm(
    settings: Settings,
    overrides: Overrides,
    keyring: Keyring,
    cache: CryptographicMaterialsCache,
    emit: Emit,
    partition_id: str | None = None,
) -> CachingCMM:
    return CachingCMM(
        cache=cache,
        cmm=_guarded(DefaultCMM(keyring), settings),
        max_age=settings.max_age_seconds,
        partition_id=partition_id or settings.partition_id,
        max_messages_encrypted=settings.max_messages_encrypted,
        max_bytes_encrypted=settings.max_bytes_encrypted,
        max_age_jitter=settings.max_age_jitter,
        refresh_ahead=settings.refresh_ahead,
        remember_failures_seconds=settings.remember_failures_seconds,
        wait_seconds=_longest_call_seconds(settings),
        clock=overrides.clock,
        emit=emit,
    )


def _with_branch_keys(
    settings: Settings, overrides: Overrides, clients: Clients, older: Keyring, emit: Emit
) -> tuple[CachingCMM | BranchKeyCMM, AwsKmsHierarchicalKeyring]:
    """Build what encrypts under branch keys, and decrypts with *older* what was written before."""
    from warmkey.branch_keys.cmm import BranchKeyCMM  # noqa: PLC0415 - only who has branch keys needs it
    from warmkey.lambda_runtime import branch_keys  # noqa: PLC0415 - as above

    for warning in branch_keys.without_effect(settings):
        emit(warning)
    emit = fan_out(emit, branch_keys.CapacityWatch(settings.cache_capacity, emit))
    # One cache for both, and one partition, so that a purge of it forgets both.
    cache = LocalCMC(settings.cache_capacity, clock=overrides.clock, emit=emit)
    partition_id = settings.partition_id or os.urandom(16).hex()
    store = branch_keys.key_store(settings, kms=clients, dynamodb=clients.dynamodb, emit=emit)
    keyring = branch_keys.hierarchical_keyring(
        settings, store, cache=cache, partition_id=partition_id, clock=overrides.clock, emit=emit
    )
    # Which key is tried first matters for a message that has both.
    encrypting = keyring if settings.branch_key_encrypt else older
    split = SplitKeyring(encrypting=encrypting, decrypting=MultiKeyring(children=[keyring, older]))
    if settings.cache and "cache" in settings.given:
        return _caching_cmm(settings, overrides, split, cache, emit, partition_id), keyring
    data_keys = cache if settings.cache else _cache(settings, overrides.clock, emit)
    cmm = BranchKeyCMM(
        branch_keys=_guarded(DefaultCMM(split), settings),
        older=_caching_cmm(settings, overrides, older, data_keys, emit, partition_id),
        encrypts=settings.branch_key_encrypt,
    )
    return cmm, keyring


def _cache(settings: Settings, clock: Clock | None, emit: Emit) -> CryptographicMaterialsCache:
    if settings.cache:
        return LocalCMC(settings.cache_capacity, clock=clock, emit=emit)
    from warmkey.caches.null import NullCMC  # noqa: PLC0415 - few turn the cache off

    return NullCMC()


def _guarded(cmm: DefaultCMM, settings: Settings) -> CryptographicMaterialsManager:
    if not settings.required_context_keys:
        return cmm
    from warmkey.cmms.context_keys_guard import ContextKeysGuardCMM  # noqa: PLC0415 - few require keys

    return ContextKeysGuardCMM(cmm, settings.required_context_keys)


def _observer(settings: Settings) -> Emit:
    try:
        return Subscriber(
            metrics=settings.metrics,
            sink=settings.metrics_sink,
            namespace=settings.metrics_namespace,
            service=settings.service_name,
            function_name=function_name(),
            summary_fields=SignatureReport(settings),
        )
    except ImportError as error:
        sink = settings.metrics_sink.value
        raise ConfigurationError(f"WARMKEY_METRICS_SINK is {sink}, but {error}") from error


def _longest_call_seconds(settings: Settings) -> float:
    """Return how long a data key can take in the worst case: every attempt with every key times out."""
    attempts = settings.kms_max_attempts
    timeouts = attempts * (settings.kms_connect_timeout_seconds + settings.kms_read_timeout_seconds)
    requests = len(settings.kms_key_arns) + len(settings.decrypt_key_arns) + settings.max_encrypted_data_keys
    return requests * (timeouts + sum(_BACKOFF_SECONDS[: attempts - 1])) + 1


# --- clients


def kms_client(region: str | None, *, config: Any = None, make: ClientMaker | None = None) -> Any:  # noqa: ANN401 - boto3 has no types
    """Make a KMS client; without *region* in the Region that boto3 is configured for.

    :param make: as :func:`client_maker` returns it
    :raises ConfigurationError: boto3 is missing, or can't make one
    """
    return aws_client("kms", region, config=config, make=make)


def aws_client(service: str, region: str | None, *, config: Any = None, make: ClientMaker | None = None) -> Any:  # noqa: ANN401 - boto3 has no types
    """Make a client of *service*, as :func:`kms_client` does."""
    # botocore parses a megabyte of JSON and keeps it. To look for garbage in it a hundred times takes 12 of 125 ms.
    was_enabled = gc.isenabled()
    try:
        gc.disable()
        make = make or client_maker()
        with _explaining_errors(service):
            return make(service, region_name=region, config=config)
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def _explaining_errors(service: str, profile: str | None = None) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, NoRegionError, ProfileNotFound  # noqa: PLC0415 - see client_maker

    name = {"kms": "KMS", "dynamodb": "DynamoDB", "s3": "S3"}[service]
    try:
        yield
    except ProfileNotFound as error:
        remedy = "Name" if profile else "Unset AWS_PROFILE, or name"
        problem = f"{error}. {remedy} a profile of the AWS configuration files"
        raise ConfigurationError(f"boto3 can't make a {name} client: {problem}") from error
    except NoRegionError as error:
        raise ConfigurationError(f"boto3 can't make a {name} client: {error} Name it by AWS_DEFAULT_REGION") from error
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(f"boto3 can't make a {name} client: {error}") from error


def client_maker(profile: str | None = None) -> ClientMaker:
    """Return a function that makes clients of one session.

    It is boto3's default session if the function has loaded boto3: that session has what other clients have loaded and
    what the function's author has set up. It keeps credentials, though, which a snapshot must not hold.

    :param profile: of the AWS configuration files, instead of boto3's default
    :raises ConfigurationError: boto3 is missing, damaged or too old, or its configuration can't be used
    """
    try:
        _check_boto3()
        # A tenth of a second that a function with a client of its own does not need.
        if "boto3" in sys.modules and profile is None and not is_snap_start():
            import boto3  # noqa: PLC0415

            return boto3.client  # type: ignore[no-any-return]
        from warmkey.lambda_runtime.botocore_session import new_session  # noqa: PLC0415
    except ImportError as error:
        if error.name in {"boto3", "botocore"}:
            raise ConfigurationError("boto3 is not installed; Lambda's runtimes include it") from error
        raise ConfigurationError(
            f"boto3 can't be imported: {error}. Check which copies of boto3 and urllib3 the function and its layers "
            "bring; those in Lambda's runtimes work with each other"
        ) from error
    with _explaining_errors("kms", profile):
        return new_session(profile).create_client  # type: ignore[no-any-return]


def _check_boto3() -> None:
    import botocore  # noqa: PLC0415 - see client_maker

    if tuple(map(int, botocore.__version__.split(".")[:2])) < _OLDEST_BOTO3:
        needed = "{}.{}".format(*_OLDEST_BOTO3)
        raise ConfigurationError(
            f"boto3 is too old: warmkey needs {needed} or later. Found botocore {botocore.__version__} in "
            f"{botocore.__path__[0]}. Update it, or remove it from the function and its layers: Lambda's runtimes "
            "include a newer one"
        )


def botocore_config(settings: Settings, merged: Any = None) -> Any:  # noqa: ANN401 - botocore has no types
    """Return the configuration of clients that *settings* ask for, with *merged* over it."""
    from botocore.config import Config  # noqa: PLC0415 - see client_maker

    config = Config(
        connect_timeout=settings.kms_connect_timeout_seconds,
        read_timeout=settings.kms_read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": settings.kms_max_attempts},
        tcp_keepalive=True,
        max_pool_connections=settings.kms_max_pool_connections,
    )
    return config if merged is None else config.merge(merged)


class Clients:
    """Give clients for each Region, made when first asked for; or the caller's own, for all of them.

    :ivar only_region: the Region of the caller's client, where it has one
    """

    def __init__(self, settings: Settings, overrides: Overrides) -> None:
        self._settings = settings
        self._overrides = overrides
        self._make: ClientMaker | None = None
        self._made: dict[tuple[str, str | None], Any] = {}
        self.only_region = getattr(getattr(overrides.kms_client, "meta", None), "region_name", None)
        if overrides.generation != generation():
            for client in (overrides.kms_client, overrides.dynamodb_client):
                if hasattr(client, "close"):
                    # A forked child shares the parent's sockets; closing drops this process's copies only.
                    client.close()

    def __call__(self, region: str | None) -> Any:  # noqa: ANN401 - boto3 has no types
        """Give a KMS client for *region*, or the caller's own."""
        if self._overrides.kms_client is not None:
            return self._overrides.kms_client
        return self._made_for("kms", region)

    def dynamodb(self, region: str | None) -> Any:  # noqa: ANN401 - boto3 has no types
        """Give a DynamoDB client for *region*, or the caller's own."""
        if self._overrides.dynamodb_client is not None:
            return self._overrides.dynamodb_client
        return self._made_for("dynamodb", region)

    def _made_for(self, service: str, region: str | None) -> Any:  # noqa: ANN401 - boto3 has no types
        if (service, region) not in self._made:
            self._make = self._make or client_maker()
            config = botocore_config(self._settings, self._overrides.botocore_config)
            self._made[service, region] = aws_client(service, region, config=config, make=self._make)
        return self._made[service, region]
