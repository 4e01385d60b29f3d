"""With ``WARMKEY_TENANT_CONTEXT_KEY``, every way through the default CMM serves the tenant of the invocation only."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Any

import pytest

import warmkey
from tests.lambda_runtime import default_cmm
from tests.lambda_runtime.test_branch_keys import A as TENANT_A
from tests.lambda_runtime.test_branch_keys import Function, function
from warmkey import AuthenticationFailed, ConfigurationError, PolicyRefused, aio
from warmkey.events import MessageRefused, Operation, RefusalReason, UnsealedRecordPassed
from warmkey.testing import fake_kms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from warmkey.testing import KmsSession

    Use = Callable[[Any], Any]

__all__ = ["function"]

A, B = {"tenant": "a"}, {"tenant": "b"}
RECORD = {"id": "order-1", "card": "4929"}
ANOTHER = "must have 'tenant' with the tenant ID of the current invocation.* it has another value"
NONE = "must have 'tenant' with the tenant ID of the current invocation.* it lacks the key"
UNKNOWN = "WARMKEY_TENANT_CONTEXT_KEY is set, and the current tenant is not known: "


class Context:
    """Lambda's, in a function with tenant isolation mode."""

    def __init__(self, tenant_id: object) -> None:
        self.aws_request_id = "request-1"
        self.tenant_id = tenant_id


def invocation(tenant_id: object) -> Any:
    return warmkey.instrument(Context(tenant_id))


@pytest.fixture(params=["on", "off"])
def session(request: pytest.FixtureRequest) -> Iterator[KmsSession]:
    with fake_kms() as kms:
        kms.configure(tenant_context_key="tenant", cache=request.param)
        yield kms


def encrypt_stream(context: Any) -> bytes:
    client, cmm = warmkey.default_client(), warmkey.default_cmm()
    source = io.BytesIO(b"x")
    return client.encrypt_stream(source, cmm=cmm, encryption_context=context, plaintext_length=1).read()


ENCRYPTING: dict[str, Use] = {
    "encrypt": lambda context: warmkey.encrypt(b"x", context),
    "encrypt_text": lambda context: warmkey.encrypt_text("x", context),
    "seal_record": lambda context: warmkey.seal_record(RECORD, ["card"], context),
    "seal_token": lambda context: warmkey.seal_token(b"x", context),
    "Client.encrypt": default_cmm.encrypt,
    "Client.encrypt_stream": encrypt_stream,
    "aio.encrypt": lambda context: asyncio.run(aio.encrypt(b"x", context)),
    "aio.encrypt_text": lambda context: asyncio.run(aio.encrypt_text("x", context)),
    "aio.seal_record": lambda context: asyncio.run(aio.seal_record(RECORD, ["card"], context)),
    "aio.seal_token": lambda context: asyncio.run(aio.seal_token(b"x", context)),
}


DECRYPTING: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "decrypt": ("encrypt", warmkey.decrypt),
    "decrypt_text": ("encrypt_text", warmkey.decrypt_text),
    "unseal_record": ("seal_record", warmkey.unseal_record),
    "open_token": ("seal_token", warmkey.open_token),
    "Client.decrypt": ("Client.encrypt", default_cmm.decrypt),
    "Client.decrypt_stream": ("Client.encrypt_stream", default_cmm.decrypt_stream),
    "aio.decrypt": ("encrypt", lambda message, context: asyncio.run(aio.decrypt(message, context))),
    "aio.decrypt_text": ("encrypt_text", lambda message, context: asyncio.run(aio.decrypt_text(message, context))),
    "aio.unseal_record": ("seal_record", lambda sealed, context: asyncio.run(aio.unseal_record(sealed, context))),
    "aio.open_token": ("seal_token", lambda token, context: asyncio.run(aio.open_token(token, context))),
}
encrypting = pytest.mark.parametrize("use", ENCRYPTING.values(), ids=ENCRYPTING)
decrypting = pytest.mark.parametrize(("encrypted_by", "use"), DECRYPTING.values(), ids=DECRYPTING)


@encrypting
def test_every_way_to_encrypt_serves_the_tenant_of_the_invocation_only_warm_or_not(
    session: KmsSession, use: Use
) -> None:
    for _ in range(2):
        with invocation("a"):
            use(A)
            use({**A, "purpose": "test"})
            for context in (B, {"tenant": "A"}, {"tenant": "a "}):
                with pytest.raises(PolicyRefused, match=ANOTHER):
                    use(context)
            for without in (None, {}, {"purpose": "a"}):
                with pytest.raises(PolicyRefused, match=NONE):
                    use(without)
        with invocation("b"), pytest.raises(PolicyRefused, match=ANOTHER):
            use(A)  # whose data key is warm
        session.assert_kms_calls(0, "Decrypt")


@decrypting
def test_every_way_to_decrypt_serves_the_tenant_of_the_invocation_only_warm_or_not(
    session: KmsSession, encrypted_by: str, use: Callable[[Any, Any], Any]
) -> None:
    with invocation("a"):
        message = ENCRYPTING[encrypted_by](A)
    for _ in range(2):
        session.clear()
        with invocation("b"):
            with pytest.raises(PolicyRefused, match=ANOTHER):
                use(message, A)
            with pytest.raises(PolicyRefused, match="the message's encryption context has another value for 'tenant'"):
                use(message, B)
            with pytest.raises(PolicyRefused, match=NONE):
                use(message, None)
        with invocation("a"):
            session.assert_kms_calls(0)
            assert use(message, A) in (b"x", "x", RECORD)
            with pytest.raises(PolicyRefused, match=ANOTHER):
                use(message, B)


@encrypting
def test_where_the_tenant_is_not_known_nothing_is_encrypted(session: KmsSession, use: Use) -> None:
    with pytest.raises(PolicyRefused, match=UNKNOWN + "this code runs outside of an invocation"):
        use(A)
    for tenant_id in (None, "", 7):
        with invocation(tenant_id), pytest.raises(PolicyRefused, match=UNKNOWN + ".*no Lambda context with"):
            use(A)
    with warmkey.instrument(), pytest.raises(PolicyRefused, match=UNKNOWN + "warmkey.instrument was given no Lambda"):
        use(A)
    session.assert_kms_calls(0)


@decrypting
def test_where_the_tenant_is_not_known_nothing_is_decrypted(
    session: KmsSession, encrypted_by: str, use: Callable[[Any, Any], Any]
) -> None:
    with invocation("a"):
        message = ENCRYPTING[encrypted_by](A)
        use(message, A)
    session.clear()

    with pytest.raises(PolicyRefused, match=UNKNOWN):
        use(message, A)
    session.assert_kms_calls(0)


def test_a_record_that_was_never_sealed_is_passed_on_to_the_tenant_of_the_invocation_only(session: KmsSession) -> None:
    with invocation("a"):
        assert warmkey.unseal_record(RECORD, A, missing="pass") == RECORD
        for context in (B, None):
            with pytest.raises(PolicyRefused, match="with the tenant ID of the current invocation"):
                warmkey.unseal_record(RECORD, context, missing="pass")
    with pytest.raises(PolicyRefused, match=UNKNOWN):
        warmkey.unseal_record(RECORD, A, missing="pass")
    assert session.facts.count(UnsealedRecordPassed) == 1


def test_errors_and_repr_show_no_tenant(session: KmsSession) -> None:
    with invocation("tenant-of-lambda"), pytest.raises(PolicyRefused) as raised:
        warmkey.encrypt(b"x", {"tenant": "tenant-of-the-caller"})

    shown = str(raised.value) + repr(warmkey.default_cmm())
    assert "of-lambda" not in shown
    assert "of-the-caller" not in shown
    assert session.facts.count(MessageRefused, operation=Operation.ENCRYPT, reason=RefusalReason.POLICY) == 1


def test_the_cmm_has_what_the_one_below_has() -> None:
    with fake_kms() as kms, invocation("a"):
        kms.configure(tenant_context_key="tenant")
        cmm = warmkey.default_cmm()
        for _ in range(3):
            warmkey.encrypt(b"x", A)

        assert repr(cmm).startswith("TenantGuardCMM(CachingCMM(")
        assert cmm.statistics(Operation.ENCRYPT).hits == 2
        assert cmm.partition_id == warmkey.cache_info().partition_id
        assert len(cmm.cache) == warmkey.cache_info().entries == 1
        assert cmm.purge() == 1


def test_a_forged_message_leaves_nothing_in_the_cache() -> None:
    with fake_kms() as kms, invocation("a"):
        kms.configure(tenant_context_key="tenant")
        message = bytearray(warmkey.encrypt(b"x", A))
        entries = warmkey.cache_info().entries
        message[6] ^= 1  # of the message ID

        with pytest.raises(AuthenticationFailed):
            warmkey.decrypt(message, A)
        assert warmkey.cache_info().entries == entries


def test_together_with_required_context_keys_both_are_wanted(session: KmsSession) -> None:
    session.configure(tenant_context_key="tenant", required_context_keys="purpose")

    with invocation("a"):
        warmkey.encrypt(b"x", {**A, "purpose": "test"})
        with pytest.raises(PolicyRefused, match="lacks 'purpose'"):
            warmkey.encrypt(b"x", A)
        with pytest.raises(PolicyRefused, match=NONE):
            warmkey.encrypt(b"x", {"purpose": "test"})


@pytest.mark.parametrize("settings", [{}, {"branch_key_encrypt": "off"}, {"cache": "on"}], ids=str)
def test_branch_keys_meet_the_rule_too(function: Function, settings: dict[str, Any]) -> None:
    function.start_with_branch_keys(tenant_context_key="tenant", **settings)
    with invocation("tenant-a"):
        message = warmkey.encrypt(b"data", TENANT_A)
        assert warmkey.decrypt(message, TENANT_A) == b"data"

    with invocation("tenant-b"):
        for use in (lambda: warmkey.encrypt(b"data", TENANT_A), lambda: warmkey.decrypt(message, TENANT_A)):
            with pytest.raises(PolicyRefused, match=ANOTHER):
                use()


def test_a_cmm_of_ones_own_is_not_protected(session: KmsSession) -> None:
    """So docs/multi-tenancy.md says."""
    cmm = warmkey.CachingCMM(
        cache=warmkey.default_cmm().cache,
        keyring=warmkey.AwsKmsKeyring(session.key_arn, kms_client=session.client),
        max_age=60,
    )

    assert warmkey.default_client().encrypt(b"x", cmm=cmm, encryption_context=A).ciphertext


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "must be an encryption context key, not empty"),
        ("aws-crypto-public-key", "must be an encryption context key; 'aws-crypto-public-key' is reserved"),
        ("warmkey-kind", "must be an encryption context key; 'warmkey-kind' is reserved"),
        (["tenant"], "must be an encryption context key, not list of length 1"),
    ],
)
def test_a_key_that_nobody_can_supply_is_refused_at_the_start(session: KmsSession, value: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=f"tenant_context_key {problem}"):
        session.configure(tenant_context_key=value)
