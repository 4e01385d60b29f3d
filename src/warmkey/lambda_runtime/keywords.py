"""Type the keywords of ``warmkey.configure``, so that a misspelt setting fails type checking.

Only type checkers load this. What a setting means is in :class:`warmkey.lambda_runtime.settings.Settings`; a test holds
the two to each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    from typing import TypeAlias

    from warmkey.algorithm_suites import AlgorithmSuite, CommitmentPolicy
    from warmkey.clock import Clock
    from warmkey.crypto.signature_library import SignatureChoice
    from warmkey.events import Emit
    from warmkey.lambda_runtime.settings import Init, KmsMode
    from warmkey.observability.metrics import MetricsMode, MetricsSink

    Items: TypeAlias = str | list[str] | tuple[str, ...]
    Unordered: TypeAlias = Items | set[str] | frozenset[str]
    Switch: TypeAlias = bool | Literal["on", "off"]

__all__ = ["Keywords", "SettingsKeywords"]


class SettingsKeywords(TypedDict, total=False):
    """Settings, as typed values or as the text of their variables."""

    kms_key_arns: Items
    decrypt_key_arns: Items
    kms_mode: KmsMode | Literal["strict", "mrk", "discovery", "mrk-discovery"]
    discovery_accounts: Unordered
    branch_key_store_table: str
    logical_key_store_name: str
    branch_key_id: str
    branch_key_context_key: str
    branch_key_ttl_seconds: float | str
    branch_key_encrypt: Switch
    kms_connect_timeout_seconds: float | str
    kms_read_timeout_seconds: float | str
    kms_max_attempts: int | str
    kms_max_pool_connections: int | str
    cache: Switch
    cache_capacity: int | str
    max_age_seconds: float | str
    max_age_jitter: float | str
    max_messages_encrypted: int | str
    max_bytes_encrypted: int | str
    refresh_ahead: Switch
    remember_failures_seconds: float | str
    partition_id: str
    algorithm_suite: AlgorithmSuite | int | str
    commitment_policy: (
        CommitmentPolicy
        | Literal["FORBID_ENCRYPT_ALLOW_DECRYPT", "REQUIRE_ENCRYPT_ALLOW_DECRYPT", "REQUIRE_ENCRYPT_REQUIRE_DECRYPT"]
    )
    max_encrypted_data_keys: int | str
    frame_length: int | str
    signatures: SignatureChoice | Literal["auto", "cryptography", "awscrt"]
    required_context_keys: Unordered
    tenant_context_key: str
    init: Init | Literal["lazy", "eager"]
    metrics: MetricsMode | Literal["off", "summary", "detailed"]
    metrics_sink: MetricsSink | Literal["emf", "otel", "both"]
    metrics_namespace: str
    service_name: str


class Keywords(SettingsKeywords, total=False):
    """Everything that ``warmkey.configure`` takes."""

    kms_client: Any
    dynamodb_client: Any
    botocore_config: Any
    emit: Emit
    clock: Clock | None
