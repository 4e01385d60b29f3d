"""SnapStart: what is in memory when a snapshot is taken, and what each restored environment makes of it."""

from __future__ import annotations

import gc
import sys
import types
from typing import TYPE_CHECKING, Any

import pytest

import warmkey
from benchmarks.loopback_kms import loopback_kms
from tests.lambda_runtime.processes import in_new_process, standing_process, writable_memory
from warmkey import AwsKmsKeyring, CachingCMM, Client, LocalCMC, fork_safety
from warmkey.crypto import signatures
from warmkey.data_format import header_cache
from warmkey.events import CacheEviction, EvictionReason, Operation
from warmkey.lambda_runtime import snapstart
from warmkey.lambda_runtime.default_client import DEFAULT
from warmkey.structures import EncryptionContext, encryption_context
from warmkey.testing import FakeKms, Recorder, fake_kms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from warmkey.testing import KmsSession

CONTEXT = {"tenant": "a"}


class Hooks(types.ModuleType):
    """Stands for ``snapshot_restore_py``; runs hooks as Lambda's runtime does."""

    def __init__(self) -> None:
        super().__init__("snapshot_restore_py")
        self.before: list[Callable[[], object]] = []
        self.after: list[Callable[[], object]] = []

    def register_before_snapshot(self, hook: Callable[[], object]) -> None:
        self.before.append(hook)

    def register_after_restore(self, hook: Callable[[], object]) -> None:
        self.after.append(hook)

    def snapshot(self) -> None:
        while self.before:
            self.before.pop()()

    def restore(self) -> None:
        for hook in self.after:
            hook()


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hooks]:
    """This process, as if warmkey had been imported while a snapshot is prepared."""
    hooks = Hooks()
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", hooks)
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    monkeypatch.setattr(snapstart._Restore, "done", False)
    snapstart.prepare()
    yield hooks
    signatures.use_deterministic_signatures(deterministic=False)
    fork_safety.expect_snapshot(lambda: False)


@pytest.fixture
def session() -> Iterator[KmsSession]:
    with fake_kms() as session:
        yield session


def own_cmm(**settings: Any) -> CachingCMM:
    kms = FakeKms()
    keyring = AwsKmsKeyring(kms.create_key(), kms_client=kms)
    return CachingCMM(keyring=keyring, **{"cache": LocalCMC(10), "max_age": 60, **settings})


# --- until the snapshot is taken


def test_while_a_snapshot_is_prepared_messages_are_made_and_data_keys_not_kept(
    hooks: Hooks, session: KmsSession
) -> None:
    messages = [warmkey.encrypt(b"order", CONTEXT) for _ in range(2)]

    assert [warmkey.decrypt(message, CONTEXT) for message in messages] == [b"order"] * 2
    assert warmkey.cache_info().entries == 0
    assert session.client.counts() == {"GenerateDataKey": 2, "Decrypt": 2}
    assert warmkey.cache_info().evictions == {"snapshot": 4}


def test_caches_of_ones_own_keep_nothing_either(hooks: Hooks) -> None:
    cmm = own_cmm()
    Client().encrypt(b"order", cmm=cmm)

    assert len(cmm.cache) == 0  # type: ignore[arg-type]


def test_nothing_is_requested_ahead(hooks: Hooks, session: KmsSession) -> None:
    warmkey.configure(kms_client=session.client, init="eager", refresh_ahead=True)
    warmkey.warm_up()
    hooks.snapshot()
    hooks.restore()

    session.assert_kms_calls(0)


# --- the snapshot


def test_before_the_snapshot_caches_are_emptied_and_say_why(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    # Entries from before warmkey knew: the hook must not rely on there being none.
    seen = Recorder()
    cmm = own_cmm(cache=LocalCMC(10, emit=seen))
    monkeypatch.setattr(snapstart._Restore, "done", True)
    for tenant in "abc":
        Client().encrypt(b"order", cmm=cmm, encryption_context={"tenant": tenant})
    assert len(cmm.cache) == 3  # type: ignore[arg-type]

    hooks.snapshot()

    assert len(cmm.cache) == 0  # type: ignore[arg-type]
    seen.assert_count(3, CacheEviction, reason=EvictionReason.SNAPSHOT)


def test_before_the_snapshot_books_are_closed_so_that_no_two_environments_report_the_same(hooks: Hooks) -> None:
    cmm = own_cmm()
    Client().encrypt(b"order", cmm=cmm)

    hooks.snapshot()

    assert cmm.statistics(Operation.ENCRYPT).requests == 0


def test_before_the_snapshot_the_default_client_is_dropped(hooks: Hooks, session: KmsSession) -> None:
    warmkey.encrypt(b"order", CONTEXT)

    hooks.snapshot()

    assert (DEFAULT._runtime, DEFAULT._ready) == (None, None)


def test_before_the_snapshot_clients_of_ours_leave_with_their_credentials(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIASNAPSHOT")
    monkeypatch.setenv("WARMKEY_KMS_KEY_ARNS", "arn:aws:kms:eu-west-1:111122223333:key/1")
    warmkey.warm_up()
    assert clients_with("AKIASNAPSHOT") > 0

    hooks.snapshot()

    assert clients_with("AKIASNAPSHOT") == 0


def clients_with(access_key: str) -> int:
    gc.collect()
    credentials = [thing for thing in gc.get_objects() if type(thing).__module__ == "botocore.credentials"]
    return sum(getattr(thing, "access_key", None) == access_key for thing in credentials)


def test_before_the_snapshot_connections_of_a_callers_client_are_closed(hooks: Hooks) -> None:
    kms = FakeKms()
    keyring = AwsKmsKeyring(kms.create_key(), kms_client=kms)

    hooks.snapshot()

    assert kms.closed
    assert repr(keyring)


def test_before_the_snapshot_no_function_of_ours_remembers_anything(hooks: Hooks) -> None:
    context = EncryptionContext.of({"tenant": "before the snapshot"})
    cmm = own_cmm(partition_id="p")
    message = Client().encrypt(b"order", cmm=cmm, encryption_context=context).ciphertext
    Client().decrypt(message, cmm=cmm)

    hooks.snapshot()

    assert not header_cache._sections
    assert header_cache._sections.latest is header_cache._Sections.latest
    assert not encryption_context._contexts
    assert not cmm._encryption._identifiers
    assert not cmm._decryption._identifiers


# --- after the restore


def test_after_the_restore_data_keys_are_cached_in_a_new_partition(hooks: Hooks, session: KmsSession) -> None:
    before = warmkey.cache_info().partition_id
    hooks.snapshot()
    hooks.restore()

    messages = [warmkey.encrypt(b"order", CONTEXT) for _ in range(3)]

    assert [warmkey.decrypt(message, CONTEXT) for message in messages] == [b"order"] * 3
    assert session.client.counts() == {"GenerateDataKey": 1, "Decrypt": 1}
    assert warmkey.cache_info().partition_id != before


def test_what_was_configured_survives_the_snapshot(hooks: Hooks, session: KmsSession) -> None:
    warmkey.configure(kms_client=session.client, partition_id="mine", max_age_seconds=60)
    warmkey.encrypt(b"order", CONTEXT)
    hooks.snapshot()
    hooks.restore()

    assert (warmkey.cache_info().partition_id, warmkey.cache_info().max_age_seconds) == ("mine", 60)


def test_what_a_later_hook_built_before_the_snapshot_is_dropped_after_the_restore(
    hooks: Hooks, session: KmsSession
) -> None:
    hooks.before.insert(0, lambda: warmkey.encrypt(b"order", CONTEXT))  # the first registered runs last
    hooks.snapshot()
    built = DEFAULT._runtime
    assert built is not None

    hooks.restore()
    warmkey.encrypt(b"order", CONTEXT)

    assert DEFAULT._runtime is not built


def test_caches_of_ones_own_lose_what_a_later_hook_left_in_them(hooks: Hooks) -> None:
    cmm = own_cmm(cache=LocalCMC(10))
    hooks.snapshot()
    snapstart._Restore.done = True  # as if warmkey had not known: the hook must not rely on it
    Client().encrypt(b"order", cmm=cmm)
    assert len(cmm.cache) == 1  # type: ignore[arg-type]

    hooks.restore()

    assert len(cmm.cache) == 0  # type: ignore[arg-type]


def test_caches_of_ones_own_keep_data_keys_again(hooks: Hooks) -> None:
    cmm = own_cmm()
    hooks.snapshot()
    hooks.restore()

    Client().encrypt(b"order", cmm=cmm)

    assert len(cmm.cache) == 1  # type: ignore[arg-type]


# --- without hooks


def test_without_hooks_the_first_invocation_tells_that_the_restore_is_over(
    hooks: Hooks, session: KmsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    warmkey.encrypt(b"order", CONTEXT)
    before = warmkey.default_cmm()
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793")
    session.clear()

    for _ in range(3):
        warmkey.encrypt(b"order", CONTEXT)

    session.assert_kms_calls(1)
    assert warmkey.default_cmm() is not before
    assert warmkey.default_cmm().partition_id != before.partition_id


def test_one_invocation_is_enough(hooks: Hooks, session: KmsSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793")
    warmkey.encrypt(b"order", CONTEXT)
    monkeypatch.delenv("_X_AMZN_TRACE_ID")

    warmkey.encrypt(b"order", CONTEXT)

    session.assert_kms_calls(1)


def test_it_works_where_snapshot_restore_py_is_not_installed(
    session: KmsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", None)
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    monkeypatch.setattr(snapstart._Restore, "done", False)
    try:
        snapstart.prepare()
        assert warmkey.decrypt(warmkey.encrypt(b"order", CONTEXT), CONTEXT) == b"order"
        assert warmkey.cache_info().entries == 0
    finally:
        signatures.use_deterministic_signatures(deterministic=False)
        fork_safety.expect_snapshot(lambda: False)


# --- elsewhere


@pytest.mark.parametrize("kind", [None, "on-demand", "provisioned-concurrency", "lambda-managed-instances"])
def test_elsewhere_nothing_is_different(kind: str | None) -> None:
    done = in_new_process(
        """
        import sys
        import warmkey

        print("warmkey.lambda_runtime.snapstart" in sys.modules)
        """,
        **({"AWS_LAMBDA_INITIALIZATION_TYPE": kind} if kind else {}),
    )

    assert done.stdout.split() == ["False"], done.stderr


def test_importing_warmkey_prepares_for_the_snapshot() -> None:
    done = in_new_process(
        """
        import sys, types
        hooks = sys.modules["snapshot_restore_py"] = types.ModuleType("snapshot_restore_py")
        registered = []
        hooks.register_before_snapshot = hooks.register_after_restore = registered.append
        import warmkey
        from warmkey import fork_safety
        from warmkey.crypto import signatures
        assert [hook.__name__ for hook in registered] == ["before_snapshot", "after_restore"]
        assert fork_safety.snapshot_is_ahead() and signatures._deterministic
        """,
        AWS_LAMBDA_INITIALIZATION_TYPE="snap-start",
    )

    assert done.returncode == 0, done.stderr


def test_signatures_of_the_same_bytes_are_the_same_in_a_snap_start_environment(hooks: Hooks) -> None:
    key = signatures.EcdsaSigningKey(warmkey.AlgorithmSuite(0x0578).signature)  # type: ignore[arg-type]

    assert len({key.sign(b"d" * 48) for _ in range(3)}) == 1


@pytest.mark.parametrize(("choice", "said"), [("awscrt", "awscrt (cryptography to sign)"), ("auto", "cryptography")])
def test_whatever_library_was_chosen(choice: str, said: str, hooks: Hooks, session: KmsSession) -> None:
    warmkey.configure(kms_client=session.client, signatures=choice)
    key = signatures.EcdsaSigningKey(warmkey.AlgorithmSuite(0x0578).signature)  # type: ignore[arg-type]
    hooks.snapshot()
    hooks.restore()
    message = warmkey.encrypt(b"order", CONTEXT)

    assert len({key.sign(b"d" * 48) for _ in range(3)}) == 1
    assert warmkey.decrypt(message, CONTEXT) == b"order"
    assert warmkey.cache_info().signatures == said


# --- the memory

HOOKS = """
import sys, types
before = []
hooks = sys.modules["snapshot_restore_py"] = types.ModuleType("snapshot_restore_py")
hooks.register_before_snapshot, hooks.register_after_restore = before.append, lambda hook: None
"""
HELPERS = """
import warmkey
messages = [warmkey.encrypt(b"order", {"number": str(number)}) for number in range(8)]
assert warmkey.decrypt(messages[0]) == b"order"
"""
CACHING_CMM = """
import os, boto3, warmkey
keyring = warmkey.AwsKmsKeyring(os.environ["WARMKEY_KMS_KEY_ARNS"], kms_client=boto3.client("kms"))
cmm = warmkey.CachingCMM(cache=warmkey.LocalCMC(100), max_age=60, keyring=keyring)
client = warmkey.Client()
messages = [client.encrypt(b"order", cmm=cmm, encryption_context={"number": str(n)}).ciphertext for n in range(8)]
assert client.decrypt(messages[0], cmm=cmm).plaintext == b"order"
"""
SNAPSHOT = """
for hook in reversed(before):
    hook()
"""
WAIT = """
print("ready", flush=True)
sys.stdin.read()
"""


def data_keys_in_memory(code: str, **variables: str) -> tuple[int, int]:
    """How many of the data keys that a process had are still in its memory, and how many it had."""
    with loopback_kms() as kms, standing_process(code, **kms.environment(), **variables) as process:
        memory = b"".join(writable_memory(process))
        return sum(key in memory for key in kms.data_keys), len(kms.data_keys)


@pytest.mark.parametrize("use", [HELPERS, CACHING_CMM], ids=["helpers", "caching CMM"])
def test_no_data_key_is_in_the_memory_that_a_snapshot_keeps(use: str) -> None:
    found = data_keys_in_memory(HOOKS + use + SNAPSHOT + WAIT, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start")

    assert found == (0, 8)


def test_no_data_key_of_a_cache_from_before_is_in_the_memory_that_a_snapshot_keeps() -> None:
    """Entries that were there all the same, and that only the hook can have removed."""
    code = HOOKS + CACHING_CMM + "assert len(cmm.cache) == 9\n"
    found = data_keys_in_memory(
        code + "from warmkey.lambda_runtime.snapstart import before_snapshot\nbefore_snapshot()\n" + WAIT
    )

    assert found == (0, 8)


@pytest.mark.parametrize("use", [HELPERS, CACHING_CMM], ids=["helpers", "caching CMM"])
def test_the_search_finds_data_keys_where_nobody_removed_them(use: str) -> None:
    assert data_keys_in_memory(HOOKS + use + WAIT) == (8, 8)
