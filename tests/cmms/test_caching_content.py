"""An entry is compared with what a request asks for, and never trusted because an identifier fits."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.cmms.stage import (
    PATIENCE_SECONDS,
    STRICT,
    UNSIGNED,
    Crowd,
    Dictionary,
    Stage,
    data_key,
    decrypt_request,
    encrypt_request,
    outcomes,
)
from warmkey import EncryptedDataKey, KeyUnavailable
from warmkey.caches.entry_content import MAX_ENTRY_BYTES, MAX_ENTRY_KEYS, EntryContent
from warmkey.cmms import cache_entry_identifier
from warmkey.cmms.cache_entry_identifier import decrypt_identifier
from warmkey.events import Operation
from warmkey.structures import DecryptionMaterials, DecryptMaterialsRequest, decoded_provider_id

if TYPE_CHECKING:
    from collections.abc import Sequence

ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT
CACHES = pytest.mark.parametrize("own_cache", [False, True], ids=["local cache", "a cache of three methods"])
TWINS = pytest.mark.parametrize("longest_value", [320, 5_000], ids=["kept as it is", "kept as a digest"])


def edk(ciphertext: bytes, provider: str = "k", info: bytes = b"i") -> EncryptedDataKey:
    return EncryptedDataKey(key_provider_id=provider, key_provider_info=info, ciphertext=ciphertext)


def request_of(keys: Sequence[EncryptedDataKey], context: dict[str, str]) -> DecryptMaterialsRequest:
    return DecryptMaterialsRequest(UNSIGNED, STRICT, keys, context)


def twins(longest_value: int) -> tuple[DecryptMaterialsRequest, DecryptMaterialsRequest]:
    """Two requests of one identifier. The second has one key more, which the first has as the beginning of its context.

    The separator and the count of pairs read as a provider ID, the lengths of the first pair as a provider info, the
    beginning of its value as a ciphertext, and the rest as another context.
    """
    pairs = 512 + ord("a")
    others = {f"{number:04x}": "" for number in range(pairs - 1)}
    others["0000"] = "x" * (longest_value - 320)
    begin = b"\x00\x03end" + b"\x00" + pairs.to_bytes(2, "big") + b"\x00\x01!"
    inner = "i" * (320 - len(begin) - 2)
    value = begin + len(inner).to_bytes(2, "big") + inner.encode()
    assert len(value) == 256 + ord("@")
    hidden = edk(b"end", "a\0", b"@")
    first = request_of([edk(b"real")], {"": value.decode(), **others})
    return first, request_of([edk(b"real"), hidden], {"!": inner, **others})


def identifier_of(request: DecryptMaterialsRequest) -> bytes:
    context: Any = request.encryption_context
    return decrypt_identifier("p", UNSIGNED, request.encrypted_data_keys, context.serialized)


class OneIsAllowed:
    """A CMM that knows one context, and counts."""

    def __init__(self, allowed: DecryptMaterialsRequest) -> None:
        self.allowed = allowed
        self.calls = 0
        self.during: Any = lambda: None

    def decrypt_materials(self, request: DecryptMaterialsRequest) -> DecryptionMaterials:
        self.calls += 1
        self.during()
        if request.encryption_context != self.allowed.encryption_context:
            raise KeyUnavailable("the key service does not allow this context")
        return DecryptionMaterials(
            algorithm_suite=UNSIGNED, encryption_context=request.encryption_context, plaintext_data_key=bytes(32)
        )


class Accepting:
    """A CMM that decrypts anything."""

    def __init__(self) -> None:
        self.asked: list[DecryptMaterialsRequest] = []

    def decrypt_materials(self, request: DecryptMaterialsRequest) -> DecryptionMaterials:
        self.asked.append(request)
        return DecryptionMaterials(
            algorithm_suite=UNSIGNED, encryption_context=request.encryption_context, plaintext_data_key=bytes(32)
        )

    def get_encryption_materials(self, request: object) -> None:
        pass


@TWINS
def test_two_messages_of_one_identifier_exist(longest_value: int) -> None:
    first, second = twins(longest_value)

    assert identifier_of(first) == identifier_of(second)
    assert first.encryption_context != second.encryption_context


@CACHES
@TWINS
def test_a_warm_entry_does_not_serve_another_message_of_its_identifier(longest_value: int, own_cache: bool) -> None:
    stage = Stage()
    first, second = twins(longest_value)
    below = OneIsAllowed(first)
    cmm = stage.cmm(cmm=below, **({"cache": Dictionary()} if own_cache else {}))
    cmm.decrypt_materials(first)
    with pytest.raises(KeyUnavailable, match="does not allow"):
        cmm.decrypt_materials(second)
    cmm.decrypt_materials(first)

    assert below.calls == 2
    assert outcomes(cmm.statistics(DECRYPT)) == {"miss:absent": 1, "failures": 1, "hits": 1}
    assert stage.evictions == [], "nothing is evicted for a message that the key service refuses"


@TWINS
def test_what_differs_is_a_miss_for_its_context_and_takes_the_place_once_it_is_allowed(longest_value: int) -> None:
    stage = Stage()
    first, second = twins(longest_value)
    below = OneIsAllowed(first)
    cmm = stage.cmm(cmm=below)
    cmm.decrypt_materials(first)
    below.allowed = second
    cmm.decrypt_materials(second)
    cmm.decrypt_materials(second)

    assert outcomes(cmm.statistics(DECRYPT)) == {"miss:absent": 1, "miss:context": 1, "hits": 1}


@TWINS
def test_messages_of_one_identifier_do_not_share_a_call(longest_value: int) -> None:
    stage = Stage()
    first, second = twins(longest_value)
    below = OneIsAllowed(first)
    cmm = stage.cmm(cmm=below)
    together = threading.Barrier(2)
    below.during = lambda: together.wait(PATIENCE_SECONDS)
    allowed, refused = Crowd(lambda: cmm.decrypt_materials(first), lambda: cmm.decrypt_materials(second)).join()

    assert isinstance(allowed, DecryptionMaterials)
    assert isinstance(refused, KeyUnavailable)


def test_a_digest_that_collides_shares_no_data_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the identifiers' formula is worth."""
    for formula in ("encrypt_identifier", "decrypt_identifier"):
        monkeypatch.setattr(cache_entry_identifier, formula, lambda *_: b"the same for all")
    stage = Stage()
    cmm = stage.cmm()
    first, second = [cmm.get_encryption_materials(encrypt_request(1, {"tenant": tenant})) for tenant in "ab"]
    opened = [cmm.decrypt_materials(decrypt_request(materials)) for materials in (first, second)]

    assert data_key(first) != data_key(second)
    assert [one.plaintext_data_key for one in opened] == [first.plaintext_data_key, second.plaintext_data_key]
    assert outcomes(cmm.statistics(ENCRYPT)) == {"miss:absent": 1, "miss:context": 1}


@pytest.mark.parametrize("differs", ["keys", "context", "both", "nothing"])
def test_of_messages_whose_identifiers_collide_only_equal_ones_share_an_entry(
    differs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where what is equal is the very same object."""
    monkeypatch.setattr(cache_entry_identifier, "decrypt_identifier", lambda *_: b"the same for all")
    stage = Stage()
    below = Accepting()
    cmm = stage.cmm(cmm=below)
    first = request_of((edk(b"a"),), {"tenant": "a"})
    keys = (edk(b"b"),) if differs in ("keys", "both") else first.encrypted_data_keys
    context = {"tenant": "b"} if differs in ("context", "both") else first.encryption_context
    second = request_of(keys, context)  # type: ignore[arg-type]
    assert (second.encrypted_data_keys is first.encrypted_data_keys) == (differs in ("context", "nothing"))
    assert (second.encryption_context is first.encryption_context) == (differs in ("keys", "nothing"))
    cmm.decrypt_materials(first)
    cmm.decrypt_materials(second)

    assert below.asked == ([first] if differs == "nothing" else [first, second])


@pytest.mark.parametrize("length", [10, MAX_ENTRY_BYTES, 60_000])
def test_a_context_of_any_length_goes_on_hitting(length: int) -> None:
    stage = Stage()
    cmm = stage.cmm()
    context = {"document": "d" * length}
    materials, *_ = [cmm.get_encryption_materials(encrypt_request(1, dict(context))) for _ in range(3)]
    for _ in range(3):
        cmm.decrypt_materials(decrypt_request(materials, stored=dict(context)))

    assert outcomes(cmm.statistics(ENCRYPT)) == outcomes(cmm.statistics(DECRYPT)) == {"miss:absent": 1, "hits": 2}


@pytest.mark.parametrize("length", [10, MAX_ENTRY_BYTES])
def test_the_order_of_encrypted_data_keys_does_not_matter(length: int) -> None:
    keys = [edk(b"a" * length), edk(b"b"), edk(b"c")]
    content = EntryContent(keys, b"context")

    assert content.is_of(keys[::-1], b"context")
    assert content == EntryContent(keys[::-1], b"context")
    assert hash(content) == hash(EntryContent(keys[::-1], b"context"))


def test_a_digest_equals_what_it_is_a_digest_of() -> None:
    whole, same, another, digest = (EntryContent([edk(b"a")], context) for context in (b"c", b"c", b"d", b"c"))
    digest.keep_digest_only()
    also = EntryContent([edk(b"a")], b"c")
    also.keep_digest_only()

    assert digest == whole == digest == also == same
    assert another != digest != another
    assert {hash(one) for one in (whole, same, digest, also)} == {hash(whole)}


@pytest.mark.parametrize("length", [10, MAX_ENTRY_BYTES])
def test_contents_differ_in_keys_context_and_where_one_ends(length: int) -> None:
    content = EntryContent([edk(b"a" * length), edk(b"b")], b"context")

    assert not content.is_of([edk(b"a" * length)], b"context")
    assert not content.is_of([edk(b"a" * length), edk(b"b")], b"another")
    assert content != EntryContent([edk(b"a" * length), edk(b"b"), edk(b"b")], b"context")
    assert content != "something else"


@pytest.mark.parametrize("length", [10, MAX_ENTRY_BYTES])
def test_a_message_may_have_a_provider_id_that_is_not_utf_8(length: int) -> None:
    stage = Stage()
    cmm = stage.cmm()
    materials = stage.materials(context={"document": "d"})
    foreign = edk(b"f" * length, decoded_provider_id(b"k\xff"))
    request = DecryptMaterialsRequest(
        UNSIGNED, STRICT, [*materials.encrypted_data_keys, foreign], materials.encryption_context
    )
    for _ in range(2):
        assert cmm.decrypt_materials(request).plaintext_data_key == materials.plaintext_data_key

    assert outcomes(cmm.statistics(DECRYPT)) == {"miss:absent": 1, "hits": 1}


def test_what_is_let_go_of_may_have_a_provider_id_that_is_not_utf_8() -> None:
    keys = [edk(b"a", decoded_provider_id(b"k\xff"))]
    content = EntryContent(keys, b"context")
    content.keep_digest_only()

    assert content.is_of(keys, b"context")
    assert not content.is_of([edk(b"a", decoded_provider_id(b"k\xfe"))], b"context")


@pytest.mark.parametrize(
    "content",
    [
        EntryContent([edk(b"a" * MAX_ENTRY_BYTES)], b""),
        EntryContent([edk(b"a")], b"c" * MAX_ENTRY_BYTES),
        EntryContent([edk(bytes([number])) for number in range(MAX_ENTRY_KEYS + 1)], b""),
    ],
    ids=["a long key", "a long context", "many keys"],
)
def test_what_is_large_is_kept_as_a_digest(content: EntryContent) -> None:
    assert (content.keys, content.context, content.size) == (None, None, 0)
    assert content.digest is not None
    assert len(content.digest) == 48


def test_a_sweep_counts_anew_what_is_kept() -> None:
    """A signal handler that raised may have come between an entry and its count."""
    stage = Stage()
    stage.cmm().get_encryption_materials(encrypt_request(1, {"tenant": "a"}))
    kept = stage.cache._kept_bytes
    stage.cache._kept_bytes += 1_000_000
    stage.cache.prune()

    assert stage.cache._kept_bytes == kept > 0
