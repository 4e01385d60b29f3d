"""Messages of a kind are for their own opener; nobody is asked for a key of one that must not be opened."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, get_args

import pytest

from tests.vectors.readers import COMMITTING, KEYRING
from warmkey import CachingCMM, DefaultCMM, InvalidRequest, LocalCMC, PolicyRefused
from warmkey.client_apis.decrypt import decrypt
from warmkey.client_apis.encrypt import encrypt
from warmkey.client_apis.kinds import KINDS, Kind, check_kind
from warmkey.cmms import RequiredEncryptionContextCMM
from warmkey.exceptions import ConfigurationError
from warmkey.testing import SettableClock

if TYPE_CHECKING:
    from warmkey.structures import DecryptionMaterials, DecryptMaterialsRequest

EVERY_KIND: tuple[Kind, ...] = get_args(Kind)
CONTEXT = {"tenant": "a"}
SETTINGS: dict[str, Any] = {"commitment_policy": COMMITTING.commitment_policy, "max_encrypted_data_keys": None}


class CountingCMM(DefaultCMM):
    """Counts how often it is asked for a key to decrypt with."""

    def __init__(self) -> None:
        super().__init__(KEYRING)
        self.asked = 0

    def decrypt_materials(self, request: DecryptMaterialsRequest, /) -> DecryptionMaterials:
        self.asked += 1
        return super().decrypt_materials(request)


def message_of(kind: Kind | None, plaintext: bytes = b"plaintext", cmm: Any = None) -> bytes:
    return encrypt(
        plaintext,
        cmm=cmm or DefaultCMM(KEYRING),
        encryption_context=CONTEXT,
        algorithm_suite=None,
        frame_length=4096,
        kind=kind,
        **SETTINGS,
    ).ciphertext


def opened_as(kind: Kind | None, message: bytes, cmm: Any = None, context: Any = None) -> bytes:
    return decrypt(message, cmm=cmm or DefaultCMM(KEYRING), encryption_context=context, kind=kind, **SETTINGS).plaintext


def test_every_kind_has_a_name_and_an_opener() -> None:
    assert set(KINDS) == set(EVERY_KIND)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_the_kind_is_a_pair_of_the_context(kind: Kind) -> None:
    header = COMMITTING.decrypt(message_of(kind), keyring=KEYRING, encryption_context={"warmkey-kind": kind}).header

    assert header.encryption_context.items() >= {"tenant": "a", "warmkey-kind": kind}.items()


@pytest.mark.parametrize("opener", [None, *EVERY_KIND])
@pytest.mark.parametrize("kind", [None, *EVERY_KIND])
def test_each_is_taken_by_its_own_opener_and_refused_by_every_other_for_free(
    kind: Kind | None, opener: Kind | None
) -> None:
    cmm = CountingCMM()
    message = message_of(kind)
    if kind == opener:
        assert opened_as(opener, message, cmm) == b"plaintext"
        return
    found = "a plain message" if kind is None else KINDS[kind].title
    right = "warmkey.decrypt, or warmkey.decrypt_text for base64" if kind is None else KINDS[kind].opener
    wanted = "" if opener is None else f", not {KINDS[opener].title}"

    with pytest.raises(PolicyRefused, match=f"^the message is {found}{wanted}; open it with {right}$"):
        opened_as(opener, message, cmm)

    assert cmm.asked == 0


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_a_plain_decrypt_and_a_stream_refuse_a_kind(kind: Kind) -> None:
    cmm = CountingCMM()
    message = message_of(kind)

    with pytest.raises(PolicyRefused, match="open it with"):
        COMMITTING.decrypt(message, cmm=cmm, encryption_context=CONTEXT)
    with pytest.raises(PolicyRefused, match="open it with"):
        COMMITTING.decrypt_stream(io.BytesIO(message), cmm=cmm).read()
    assert cmm.asked == 0


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_whoever_states_the_pair_opens_the_message_knowing_what_it_is(kind: Kind) -> None:
    context = CONTEXT | {"warmkey-kind": kind}
    message = message_of(kind)

    assert COMMITTING.decrypt(message, keyring=KEYRING, encryption_context=context).plaintext == b"plaintext"
    assert COMMITTING.decrypt_stream(message, keyring=KEYRING, encryption_context=context).read() == b"plaintext"


@pytest.mark.parametrize("stated", ["", "Record", "record ", "checkpoint"])
def test_another_value_than_the_stored_one_opens_nothing(stated: str) -> None:
    cmm = CountingCMM()

    with pytest.raises(PolicyRefused, match="a sealed record; open it with"):
        opened_as(None, message_of("record"), cmm, {"warmkey-kind": stated})
    assert cmm.asked == 0


def test_a_kind_that_is_not_known_is_not_repeated() -> None:
    with pytest.raises(PolicyRefused, match="of a kind that this version of warmkey does not know") as caught:
        check_kind({"warmkey-kind": "something secret"}, {}, None)

    assert "secret" not in str(caught.value)


def test_nothing_is_wrong_with_the_right_kind() -> None:
    check_kind({"warmkey-kind": "token"}, {}, "token")
    check_kind({}, {}, None)


@pytest.mark.parametrize("kind", EVERY_KIND)
@pytest.mark.parametrize("key", ["warmkey-kind", "Warmkey-Kind"])
def test_nobody_encrypts_with_the_key_of_the_pair(key: str, kind: Kind) -> None:
    context = {key: kind}

    with pytest.raises(InvalidRequest, match=f"'{key}' is reserved; no key may start with aws-crypto- or be"):
        COMMITTING.encrypt(b"plaintext", keyring=KEYRING, encryption_context=context)
    with pytest.raises(InvalidRequest, match=f"'{key}' is reserved"):
        COMMITTING.encrypt_stream(b"plaintext", keyring=KEYRING, encryption_context=context).read()
    with pytest.raises(InvalidRequest, match=f"'{key}' is reserved"):
        encrypt(
            b"plaintext",
            cmm=DefaultCMM(KEYRING),
            encryption_context=context,
            algorithm_suite=None,
            frame_length=4096,
            kind=kind,
            **SETTINGS,
        )


def test_the_pair_is_never_left_out_of_the_message() -> None:
    with pytest.raises(ConfigurationError, match="'warmkey-kind', which no caller may supply"):
        RequiredEncryptionContextCMM(["warmkey-kind"], keyring=KEYRING)


def test_each_kind_has_a_data_key_of_its_own_and_is_cached() -> None:
    cache = LocalCMC(10)
    cmm = CachingCMM(cache=cache, cmm=DefaultCMM(KEYRING), max_age=60, clock=SettableClock())
    messages = [(kind, message_of(kind, cmm=cmm)) for kind in (None, *EVERY_KIND) for _ in range(3)]

    assert len(cache) == 4
    for kind, message in messages:
        assert opened_as(kind, message, cmm, CONTEXT) == b"plaintext"
    assert len(cache) == 8
