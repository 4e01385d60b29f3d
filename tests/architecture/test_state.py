"""What the library remembers is registered for forks and snapshots, or is listed here with the reason why not.

The modules and every living object of ours are walked for what can hold something: dictionaries, lists, sets, queues,
caches of functions. The library is used before, so that what fills only then is seen.
"""

from __future__ import annotations

import asyncio
import collections
import contextvars
import functools
import gc
import importlib
import io
import logging
import sys
import weakref
from contextlib import contextmanager, suppress
from enum import Enum
from typing import TYPE_CHECKING, Any

import pytest

import warmkey
from tests.architecture.sources import modules, room_of
from tests.lambda_runtime.processes import in_child, in_new_process
from warmkey import CachingCMM, Client, DefaultCMM, LocalCMC, aio, fork_safety
from warmkey.branch_keys import AwsKmsHierarchicalKeyring, BranchKeyStore
from warmkey.keyrings import AwsKmsKeyring
from warmkey.observability import Subscriber
from warmkey.structures import (
    DecryptionMaterials,
    EncryptedDataKey,
    EncryptionContext,
    EncryptionMaterials,
    VerifiedKeys,
    encryption_context,
)
from warmkey.testing import FakeDynamoDb, FakeKms, fake_kms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONTAINERS = (
    bytearray,
    collections.deque,
    contextvars.ContextVar,
    dict,
    list,
    set,
    type(functools.lru_cache(len)),
    weakref.WeakKeyDictionary,
    weakref.WeakSet,
    weakref.WeakValueDictionary,
)

# Tables that are written once, when their module is loaded. A test looks that they stay as they are.
TABLES = {
    "warmkey.branch_keys.dynamodb_requests",
    "warmkey.branch_keys.table",
    "warmkey.client_apis.kinds",
    "warmkey.cli.doctor_options",
    "warmkey.cli.plan",
    "warmkey.cli.policy",
    "warmkey.cli.re_encryption.command",
    "warmkey.cli.re_encryption.costs",
    "warmkey.cli.re_encryption.properties",
    "warmkey.cli.setting_options",
    "warmkey.cli.wording",
    "warmkey.cmms.admission",
    "warmkey.crypto.ecdh",
    "warmkey.crypto.ecdsa_by_awscrt",
    "warmkey.crypto.ecdsa_by_cryptography",
    "warmkey.crypto.installation",
    "warmkey.crypto.key_derivation",
    "warmkey.crypto.rsa",
    "warmkey.data_format.header_cache",
    "warmkey.doctor.catalogue",
    "warmkey.doctor.installation",
    "warmkey.doctor.permissions",
    "warmkey.doctor.samples",
    "warmkey.doctor.self_check",
    "warmkey.keyrings.aws_kms_rsa",
    "warmkey.keyrings.kms_failures",
    "warmkey.keyrings.kms_requests",
    "warmkey.lambda_runtime.memory_scrubbing",
    "warmkey.lambda_runtime.settings",
    "warmkey.lambda_runtime.settings_faults",
    "warmkey.observability.logs",
    "warmkey.observability.metrics",
    "warmkey.observability.otel",
    "warmkey.observability.otel_points",
    "warmkey.observability.otel_spans",
    "warmkey.observability.powertools",
    "warmkey.observability.standard_logging",
    "warmkey.sealed.text",
    "warmkey.sealed.values",
    "warmkey.structures.materials",
    "warmkey.observability.subscriber",
    "warmkey.events",
    "warmkey.message_ends",
}

# State of modules that is neither registered nor a table, and why a copy of the process may have it.
MODULE_STATE = {
    "warmkey.aio.PENDING": "the same as the next",
    "warmkey.boundary.PENDING": "lines of the call that this thread makes: facts without a secret",
    "warmkey.client_apis.client.PENDING": "the same",
    "warmkey.client_apis.streams.PENDING": "the same",
    "warmkey.tracebacks.PENDING": "the same",
    "warmkey.boundary._boundaries": "code of public functions, filled when their modules are loaded",
    "warmkey.cmms.fetching._bypass": "facts without a secret, one for each reason",
    "warmkey.data_format.message_body._table": "frame numbers as bytes, the same in every process",
    "warmkey.fork_safety._generation": "what makes a copy different from its original",
    "warmkey.fork_safety._guards": "locks by process ID: a copy makes its own",
    "warmkey.fork_safety._holders": "the register itself",
    "warmkey.fork_safety._is_ahead": "what SnapStart was told; a child of such an environment is in the same one",
    "warmkey.keyrings.service_requests._under_way": "of the request that this thread makes",
    "warmkey.keyrings.log_redaction._under_way": "of the request that this thread makes",
    "warmkey.keyrings.refusals._watches": "of the request that this thread makes",
    "warmkey.locks._locks": "weak references; holders replace their locks in a child",
    "warmkey.observability.invocations._current": "a weak reference; who is under way is registered",
    "warmkey.observability.otel._instruments": "instruments of the meter provider, which the copy inherits as well",
    "warmkey.observability.powertools.is_installed": "whether a package is installed",
    "warmkey.waiting._callers": "code of the functions for event loops, filled when their module is loaded",
    "warmkey.structures.encryption_context._EMPTY": "the empty context, which cannot be changed",
}

# Parts of objects that are not registered themselves.
OBJECT_STATE = {
    "warmkey.client_apis.buffered_source.BufferedSource._buffer": "of one stream, which refuses to go on in a copy",
    "warmkey.client_apis.results": "belongs to the caller",
    "warmkey.client_apis.streams": "of one stream, which refuses to go on in a copy",
    "warmkey.data_format.message_header.MessageHeader": "belongs to the caller",
    "warmkey.durable.EncryptedSerDes": "settings",
    "warmkey.events": "subscribers",
    "warmkey.exceptions": "belongs to the caller",
    "warmkey.keyrings.kms_requests.KmsRequests._grant_tokens": "settings of the keyring",
    "warmkey.keyrings.refusals": "of the request that this thread makes",
    "warmkey.keyrings.service_requests.ServiceRequest": "of one request",
    "warmkey.lambda_runtime.settings.Settings": "settings",
    "warmkey.lambda_runtime.wiring.Overrides": "settings",
    "warmkey.lambda_runtime.wiring.Clients": "dropped with the default client that was made with them",
    "warmkey.observability.metrics.MetricsBuffer": "replaced when its subscriber is reset",
    "warmkey.observability.standard_logging._Handler": "of logging, which makes its locks anew itself",
    "warmkey.observability.powertools.MetricsWriter": "replaced when its subscriber is reset",
    "warmkey.powertools.streaming.DecryptTransform": "arguments of the caller",
    "warmkey.branch_keys.materials.BeaconKeyMaterials": "of one caller",
    "warmkey.branch_keys.materials.BranchKeyMaterials": "leaves with its entry",
    "warmkey.structures.materials.DecryptionMaterials": "leaves with its entry",
    "warmkey.structures.materials.EncryptionMaterials": "leaves with its entry",
    "warmkey.structures.requests": "of one request",
}


def use_everything() -> list[object]:
    """Encrypt and decrypt in every way; what is alive afterwards."""
    kms = FakeKms()
    emit = Subscriber(sink="otel", log_level="ERROR")
    cache = LocalCMC(5, emit=emit)
    keyring = AwsKmsKeyring(kms.create_key(), kms_client=kms)
    cmm, client = CachingCMM(cache=cache, keyring=keyring, max_age=60, emit=emit), Client()
    context = {"tenant": "one that must not survive"}
    message = client.encrypt(bytes(9_000), cmm=cmm, encryption_context=context).ciphertext
    for _ in range(3):
        client.decrypt(message, cmm=cmm, encryption_context=context)
    streams = [
        client.encrypt_stream(io.BytesIO(bytes(9_000)), cmm=cmm, encryption_context=context),
        client.decrypt_stream(io.BytesIO(message), cmm=cmm, unsigned_only=False),
    ]
    for stream in streams:
        stream.read(10)
    with warmkey.instrument(), suppress(warmkey.WarmkeyError):
        client.decrypt(message[:-1], cmm=cmm)
    cache.delete_cache_entry(b"anything")
    branch_key_cmm = use_branch_keys(kms, cache, emit)
    return [emit, cmm, client, branch_key_cmm, streams]


def use_branch_keys(kms: FakeKms, cache: LocalCMC, emit: Subscriber) -> DefaultCMM:
    """The same under a branch key of a key store."""
    store = BranchKeyStore(
        "table", kms_key_arn=kms.create_key(), kms_client=kms, dynamodb_client=FakeDynamoDb(), emit=emit
    )
    store.create_table()
    store.create_key("branch key", {"tenant": "one that must not survive"})
    keyring = AwsKmsHierarchicalKeyring(store, branch_key_id="branch key", ttl_seconds=60, cache=cache, emit=emit)
    cmm, client = DefaultCMM(keyring), Client()
    client.decrypt(client.encrypt(b"x", cmm=cmm, encryption_context={"tenant": "a"}).ciphertext, cmm=cmm)
    return cmm


@contextmanager
def everything_in_use() -> Iterator[object]:
    with fake_kms() as session:
        alive = use_everything()
        message = warmkey.encrypt(b"x", {"tenant": "helpers"})
        asyncio.run(aio.decrypt(message, {"tenant": "helpers"}))
        yield alive, session


@pytest.fixture
def used() -> Iterator[object]:
    with everything_in_use() as alive:
        yield alive
    logging.getLogger("warmkey").setLevel(logging.NOTSET)  # as it was before a subscriber gave it a level


def is_ours(module: object) -> bool:
    return (
        isinstance(module, str)
        and module.partition(".")[0] == "warmkey"
        and room_of(module) not in ("testing", "plan", "__main__")  # the planner never runs in a function
    )


def loaded() -> list[Any]:
    return [importlib.import_module(name) for name in modules() if is_ours(name)]


def is_registered(thing: object) -> bool:
    return fork_safety._holders.get(id(thing)) is thing


def module_state() -> dict[str, object]:
    """Every container in a module of ours or in a class there, by its name."""
    found: dict[str, object] = {}
    for module in loaded():
        places = [(module.__name__, module)]
        places += [
            (f"{module.__name__}.{name}", thing)
            for name, thing in vars(module).items()
            if isinstance(thing, type) and thing.__module__ == module.__name__ and not issubclass(thing, Enum)
        ]
        for place, owner in places:
            for name, thing in vars(owner).items():
                if isinstance(thing, CONTAINERS) and not name.startswith(("__", "_field_defaults")):
                    found[f"{place}.{name}"] = thing
    return found


def parts_of(thing: object) -> Iterator[tuple[str, object]]:
    yield from getattr(thing, "__dict__", {}).items()
    for kind in type(thing).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            with suppress(AttributeError):
                yield name, getattr(thing, name)


def objects_of_ours() -> list[object]:
    """Everything of a class of ours that the collector knows; it knows all that can hold something."""
    gc.collect()
    return [thing for thing in gc.get_objects() if is_ours(str(type(thing).__module__)) and not isinstance(thing, type)]


def is_listed(name: str, table: object) -> bool:
    places = [name.rsplit(".", cut)[0] for cut in range(4)]
    return any(place in table for place in places)  # type: ignore[operator]


@pytest.mark.usefixtures("used")
def test_what_a_module_remembers_is_registered_or_listed() -> None:
    unknown = [
        name
        for name, thing in module_state().items()
        if not is_registered(thing)
        and name not in MODULE_STATE
        and not (name.rpartition(".")[0] in TABLES and isinstance(thing, (dict, set)))
    ]

    assert unknown == []


def snapshot_of_globals() -> dict[str, tuple[int, str]]:
    """Each global and class attribute of ours: which object it is, and what it holds."""
    found = {}
    for module in loaded():
        for name, thing in vars(module).items():
            if not name.startswith("__") and not isinstance(thing, type(sys)):
                held = repr(thing) if isinstance(thing, (dict, list, set)) and not is_registered(thing) else ""
                found[f"{module.__name__}.{name}"] = (id(thing), held)
    return found


def in_fresh_process(function: Callable[[], list[str]]) -> list[str]:
    """What *function* returns where nothing has been used before, and where other tests have left nothing."""
    code = f"import sys; from {__name__} import {function.__name__}; print(*{function.__name__}(), file=sys.stderr)"
    done = in_new_process(code)
    assert done.returncode == 0, done.stderr
    return done.stderr.split()


def changed_globals() -> list[str]:
    """Those that are other ones, or hold something else, once the library has been used."""
    before = snapshot_of_globals()
    with fake_kms():
        alive = use_everything()
    after = snapshot_of_globals()
    del alive
    return [name for name, value in before.items() if after[name] != value]


def containers_of_objects() -> list[str]:
    """Return those that are alive while the library is used, and not registered."""
    with everything_in_use():
        return sorted(
            {
                f"{type(thing).__module__}.{type(thing).__qualname__}.{name}"
                for thing in objects_of_ours()
                if not is_registered(thing)
                for name, part in parts_of(thing)
                if isinstance(part, CONTAINERS) and not is_registered(part)
            }
        )


def test_what_an_object_remembers_is_registered_or_listed() -> None:
    unknown = in_fresh_process(containers_of_objects)

    assert unknown != [], "they are found"
    assert [name for name in unknown if not is_listed(name, OBJECT_STATE)] == []


def test_no_other_global_changes_while_the_library_is_used() -> None:
    changed = set(in_fresh_process(changed_globals))

    assert changed - set(MODULE_STATE) == set()
    assert "warmkey.data_format.message_body._table" in changed, "a change is noticed"


def test_the_lists_name_nothing_that_is_not_there() -> None:
    names = {f"{module.__name__}.{name}" for module in loaded() for name in vars(module)}

    assert set(MODULE_STATE) - names == set()
    assert TABLES - {name.rpartition(".")[0] for name in module_state()} == set()


SECRET = (
    EncryptionContext,
    EncryptedDataKey,
    EncryptionMaterials,
    DecryptionMaterials,
    warmkey.CacheEntry,
    VerifiedKeys,
)


def secrets_alive() -> list[str]:
    """What tells of a message, and is not empty."""
    return [
        type(thing).__name__
        for thing in objects_of_ours()
        if isinstance(thing, SECRET) and thing is not encryption_context._EMPTY and thing != ()
    ]


def without_streams(alive: list[object]) -> None:
    """A stream has its materials for as long as it lives; what it does in a copy is its own matter."""
    alive.pop()


def alive_here() -> list[str]:
    alive = use_everything()
    without_streams(alive)
    return secrets_alive()


def alive_in_a_child() -> list[str]:
    alive = use_everything()
    without_streams(alive)
    return list(in_child(secrets_alive))


def alive_in_a_snapshot() -> list[str]:
    alive = use_everything()
    without_streams(alive)
    fork_safety.reset_before_snapshot()
    return secrets_alive()


def alive_in_a_child_that_no_hook_has_told() -> list[str]:
    alive = use_everything()
    without_streams(alive)
    fork_safety.PROCESS_MARK[0] = 0
    alive[1].cache.get_cache_entry(b"anything")  # type: ignore[attr-defined]
    return secrets_alive()


def test_what_would_be_inherited_is_found() -> None:
    assert {"EncryptionContext", "EncryptedDataKey", "CacheEntry", "VerifiedKeys"} <= {*in_fresh_process(alive_here)}


@pytest.mark.parametrize(
    "copy",
    [alive_in_a_child, alive_in_a_snapshot, alive_in_a_child_that_no_hook_has_told],
    ids=lambda copy: copy.__name__,
)
def test_in_a_copy_nothing_of_a_message_is_alive(copy: Callable[[], list[str]]) -> None:
    assert in_fresh_process(copy) == []


def test_no_lock_would_wait_for_its_own_thread() -> None:
    """A signal handler or a finalizer may encrypt or purge while its thread holds any of them.

    Whoever waits for a flight makes a lock that nobody else waits for, and that another thread releases.
    """
    plain = [name for name, path in modules().items() if "threading.Lock(" in path.read_text(encoding="utf-8")]

    assert plain == ["warmkey.cmms.single_flight"]
