"""Bodies in memory: frames in sequence, a last one that says so, and nothing that only looks like it."""

from __future__ import annotations

import mmap
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from tests.vectors import readers
from tests.vectors.forge import SUITES, Forgery
from tests.vectors.readers import COMMITTING, KEYRING, client_for
from warmkey import AlgorithmSuite, AuthenticationFailed, InvalidRequest, MalformedMessage, PolicyRefused
from warmkey.client_apis import frames
from warmkey.data_format.encrypted_data_keys import serialize_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from warmkey import DecryptionMaterials, EncryptedDataKey, EncryptionMaterials

EVERY_SUITE = pytest.mark.parametrize("suite_id", SUITES, ids=hex)
BOTH_KINDS = pytest.mark.parametrize("suite_id", [0x0178, 0x0478, 0x0578], ids=hex)

PLAINTEXT = bytes(range(50))


@pytest.fixture(params=[frames._FEW_FRAMES, 0], ids=["joined", "in place"], autouse=True)
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have messages of few frames joined, as they are, or written in place as those of many are."""
    monkeypatch.setattr(frames, "_FEW_FRAMES", request.param)


def decrypt(message: bytes) -> bytes:
    return readers.decrypt(message).plaintext


def failure(message: bytes) -> MalformedMessage:
    with pytest.raises(MalformedMessage) as caught:
        decrypt(message)
    return caught.value


def with_body(suite_id: int, build: Callable[[Forgery], bytes]) -> bytes:
    """An authentic message with the body that *build* makes of frames of 16 bytes."""
    forgery = Forgery(suite_id=suite_id)
    return forgery.message(body=build(forgery))


# spec: client-apis/decrypt.md#overview 6f4a
# spec: client-apis/decrypt.md#parse-the-header 2315 ecad
# spec: client-apis/decrypt.md#decrypt-the-message-body 7160 6400 90ee 4c34 6ec2 9b61
# spec: data-format/message-body-aad.md#body-aad-content e68c
# spec: data-format/message-body-aad.md#sequence-number 233e
# spec: data-format/message-body-aad.md#content-length a459
@EVERY_SUITE
@pytest.mark.parametrize("framed", [True, False], ids=["framed", "non-framed"])
@pytest.mark.parametrize("frame_length", [1, 15, 16, 17, 2**32 - 1])
def test_every_length_around_the_frame_length(suite_id: int, framed: bool, frame_length: int) -> None:
    for length in (0, 1, 2, 15, 16, 17, 31, 32, 33, 50):
        plaintext = PLAINTEXT[:length]

        assert (
            decrypt(Forgery(suite_id=suite_id, framed=framed, frame_length=frame_length).message(plaintext))
            == plaintext
        )


# spec: client-apis/encrypt.md#construct-a-frame 2adc b85a 8fcd 14d6 5103 c9a5 4b3f a01e fafb 8525 b5d9 4d74 4755
# spec: framework/algorithm-suites.md#overview a12b
# spec: framework/algorithm-suites.md#gcm 479e
# spec: framework/algorithm-suites.md#encryption-algorithm-mode d0ca 34f8
# spec: framework/algorithm-suites.md#message-format-version 5729
# spec: framework/algorithm-suites.md#asymmetric-signature-algorithm bc19
# spec: framework/algorithm-suites.md#supported-algorithm-suite-data dd4e 4a37
# spec: client-apis/encrypt.md#encrypted-message 5ecc
# spec: client-apis/encrypt.md#behavior 0007 827d 2cdc
# spec: client-apis/encrypt.md#get-the-encryption-materials 0985
# spec: client-apis/encrypt.md#construct-the-header bf42 c0ee e94b b05f 07f3 60cf fc1c 4f34 50e0 3d82 159f
# spec: client-apis/encrypt.md#construct-the-header 5e66 ccde a4f7 1632 ad5c d223 9085 4df4 5088
# spec: client-apis/encrypt.md#construct-the-body 660b
# spec: client-apis/encrypt.md#un-framed-message-body-encryption 96a2
# spec: data-format/message-body-aad.md#body-aad-content f61d 61bd
# spec: data-format/message-body-aad.md#sequence-number faa1
# spec: data-format/message-body-aad.md#content-length c1b1 962a f7a2
# spec: data-format/message-body.md#sequence-number 652d abb9
# spec: data-format/message-body.md#encrypted-content-1 c01c
# spec: data-format/message-body.md#authentication-tag-1 9fc8
# spec: data-format/message-body.md#authentication-tag-2 9fc8
# spec: data-format/message-body.md#final-frame a0e7 1654
# spec: data-format/message-body.md#sequence-number-1 4268
# spec: data-format/message-body.md#iv-1 30fe
# spec: data-format/message-body.md#iv-2 9c9a
# spec: data-format/message-body.md#sequence-number-end befa
# spec: data-format/message-body.md#final-frame 0fff
@EVERY_SUITE
def test_we_write_what_the_format_says_byte_for_byte(suite_id: int) -> None:
    """Given the data key, message ID and encrypted data key of a message of ours, the forge writes the same bytes."""
    for length in (0, 1, 9, 10, 11, 20, 50):
        known = KnownDataKey()
        ours = client_for(suite_id).encrypt(
            PLAINTEXT[:length], keyring=known, algorithm_suite=AlgorithmSuite(suite_id), frame_length=10
        )
        forgery = Forgery(
            suite_id=suite_id,
            frame_length=10,
            message_id=ours.header.message_id,
            data_key=known.data_key,
            pairs=[(key.encode(), value.encode()) for key, value in ours.encryption_context.items()],
            with_public_key=False,
            keys=[known.entry],
        )
        expected = forgery.header() + forgery.body(PLAINTEXT[:length])

        if SUITES[suite_id].curve is None:
            assert ours.ciphertext == expected
        else:
            assert ours.ciphertext[: len(expected)] == expected
            assert len(ours.ciphertext) > len(expected) + 60


@pytest.mark.parametrize(
    ("length", "frame_length"),
    [(16, 1), (17, 1), (18, 1), (2**16, 4096), (2**16 + 1, 4096), (2**16 + 4096, 4096), (2**16 + 4097, 4096)],
)
def test_few_frames_and_many_come_back(length: int, frame_length: int) -> None:
    plaintext = (PLAINTEXT * 2000)[:length]
    message = client_for(0x0478).encrypt(
        plaintext,
        keyring=KEYRING,
        algorithm_suite=AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
        frame_length=frame_length,
    )

    assert decrypt(message.ciphertext) == plaintext


@BOTH_KINDS
def test_a_final_frame_may_be_empty_after_full_ones(suite_id: int) -> None:
    """The other of the two ways that the format has for a plaintext that fills its frames."""
    message = with_body(suite_id, lambda f: f.frame(PLAINTEXT[:16], 1) + f.final_frame(b"", 2))

    assert decrypt(message) == PLAINTEXT[:16]


@BOTH_KINDS
def test_a_final_frame_may_be_shorter_than_it_need_be(suite_id: int) -> None:
    message = with_body(suite_id, lambda f: f.frame(PLAINTEXT[:16], 1) + f.final_frame(PLAINTEXT[16:20], 2))

    assert decrypt(message) == PLAINTEXT[:20]


@BOTH_KINDS
def test_frames_with_random_ivs_are_read(suite_id: int) -> None:
    """Early clients drew the IVs of frames at random; some frames may look like ours, and some not."""
    pieces = [PLAINTEXT[:16], PLAINTEXT[16:32], PLAINTEXT[32:48], PLAINTEXT[48:]]
    for drawn in ({1}, {2}, {3}, {4}, {1, 2, 3, 4}, {2, 4}):

        def body(forgery: Forgery, drawn: set[int] = drawn) -> bytes:
            ivs = {n: bytes(range(n, n + 12)) if n in drawn else None for n in range(1, 5)}
            frames = [forgery.frame(piece, n, iv=ivs[n]) for n, piece in enumerate(pieces[:-1], 1)]
            return b"".join([*frames, forgery.final_frame(pieces[-1], 4, iv=ivs[4])])

        assert decrypt(with_body(suite_id, body)) == PLAINTEXT


# spec: data-format/message-body.md#final-frame a0e7
@BOTH_KINDS
def test_a_body_of_regular_frames_alone_is_truncated(suite_id: int) -> None:
    """Whatever their number: the missing last frame is what says that nothing was cut off."""
    for count in range(1, 5):
        for extra in (0, 1, 4, 7):

            def body(f: Forgery, count: int = count, extra: int = extra) -> bytes:
                return b"".join(f.frame(PLAINTEXT[:16], n) for n in range(1, count + 1)) + bytes(extra)

            forgery = Forgery(suite_id=suite_id)
            error = failure(forgery.header() + body(forgery))
            assert error.where.startswith(f"frame {count + 1} › ")


# spec: client-apis/decrypt.md#decrypt-the-message-body 98ff
# spec: data-format/message-body.md#sequence-number 652d
@BOTH_KINDS
@pytest.mark.parametrize("first", [0, 2, 2**32 - 1])
def test_frames_start_at_1(suite_id: int, first: int) -> None:
    assert failure(with_body(suite_id, lambda f: f.final_frame(b"x", first))).where == "frame 1 › sequence number"
    if first != 2**32 - 1:
        message = with_body(suite_id, lambda f: f.frame(bytes(16), first) + f.final_frame(b"x", first + 1))
        assert failure(message).where == "frame 1 › sequence number"


# spec: client-apis/decrypt.md#decrypt-the-message-body 8fcd
# spec: data-format/message-body.md#sequence-number abb9
# spec: data-format/message-body.md#sequence-number-1 4268
@BOTH_KINDS
@pytest.mark.parametrize("numbers", [(1, 1, 2), (1, 3, 4), (2, 1, 3), (1, 2, 2), (1, 2, 4), (1, 2, 1)])
def test_frames_follow_each_other(suite_id: int, numbers: tuple[int, int, int]) -> None:
    """Authentic frames, out of sequence: numbers that repeat, skip or go back."""
    first, second, last = numbers
    message = with_body(
        suite_id, lambda f: f.frame(bytes(16), first) + f.frame(bytes(16), second) + f.final_frame(b"", last)
    )

    assert "must be" in failure(message).problem


# spec: client-apis/decrypt.md#decrypt-the-message-body 8742
# spec: data-format/message-body.md#final-frame f6d6
@BOTH_KINDS
def test_a_final_frame_longer_than_the_frame_length_is_malformed_though_authentic(suite_id: int) -> None:
    error = failure(with_body(suite_id, lambda f: f.final_frame(bytes(17), 1)))

    assert (error.where, error.problem) == ("frame 1 › content length", "17 is more than the frame length 16")


# spec: data-format/message-body.md#final-frame a0e7 0fff
@BOTH_KINDS
def test_nothing_follows_the_final_frame(suite_id: int) -> None:
    for more in (lambda f: f.final_frame(b"", 2), lambda f: f.frame(bytes(16), 2), lambda _: b"\x00"):
        with pytest.raises((MalformedMessage, AuthenticationFailed)):  # to a signed message it is a footer
            decrypt(with_body(suite_id, lambda f, more=more: f.final_frame(b"x", 1) + more(f)))


@BOTH_KINDS
def test_kinds_of_frames_are_authenticated(suite_id: int) -> None:
    """A final frame is no regular one with another mark, nor the other way round, nor a non-framed body."""
    mark = b"\xff" * 4

    def regular_as_final(f: Forgery) -> bytes:
        frame = f.frame(bytes(16), 1)
        return mark + frame[:16] + (16).to_bytes(4, "big") + frame[16:]

    def final_as_regular(f: Forgery) -> bytes:
        frame = f.final_frame(bytes(16), 1)
        return frame[4:20] + frame[24:] + f.final_frame(b"", 2)

    def non_framed_as_final(f: Forgery) -> bytes:
        body = f.non_framed(bytes(16))
        return mark + (1).to_bytes(4, "big") + body[:12] + body[16:]

    for body in (regular_as_final, final_as_regular, non_framed_as_final):
        with pytest.raises(AuthenticationFailed, match="frame 1"):
            decrypt(with_body(suite_id, body))


# spec: client-apis/decrypt.md#decrypt-the-message-body bf4b
@BOTH_KINDS
def test_the_authenticated_length_is_the_contents(suite_id: int) -> None:
    for length in (0, 15, 17, 2**63):
        with pytest.raises(AuthenticationFailed):
            decrypt(with_body(suite_id, lambda f, length=length: f.final_frame(bytes(16), 1, length=length)))


# spec: client-apis/decrypt.md#decrypt-the-message-body f6f2 3da2
@BOTH_KINDS
@pytest.mark.parametrize("length", [8, 16, 40, 48])
def test_every_byte_of_every_frame_is_authenticated(suite_id: int, length: int) -> None:
    """The error says which frame it is; the first bytes are no better protected than the last."""
    forgery = Forgery(suite_id=suite_id)
    message, start = forgery.message(PLAINTEXT[:length]), len(forgery.header())
    for position in range(start, start + len(forgery.body(PLAINTEXT[:length]))):
        changed = message[:position] + bytes((message[position] ^ 0x01,)) + message[position + 1 :]
        number = min((position - start) // (4 + 12 + 16 + 16) + 1, -(-length // 16))

        with pytest.raises((AuthenticationFailed, MalformedMessage), match=f"frame {number}\\b"):
            decrypt(changed)


# spec: client-apis/decrypt.md#decrypt-the-message-body f6f2 3da2
@BOTH_KINDS
def test_every_byte_of_a_non_framed_body_is_authenticated(suite_id: int) -> None:
    forgery = Forgery(suite_id=suite_id, framed=False)
    message, start = forgery.message(PLAINTEXT), len(forgery.header())
    for position in range(start, start + len(forgery.body(PLAINTEXT))):
        changed = message[:position] + bytes((message[position] ^ 0x01,)) + message[position + 1 :]

        with pytest.raises((AuthenticationFailed, MalformedMessage), match=r"the body|non-framed body"):
            decrypt(changed)


# spec: client-apis/decrypt.md#decrypt-the-message-body f6f2
@EVERY_SUITE
def test_a_frame_of_another_message_of_the_same_data_key_is_refused(suite_id: int) -> None:
    one = Forgery(suite_id=suite_id)
    other = Forgery(suite_id=suite_id, message_id=bytes(SUITES[suite_id].message_id_length))

    with pytest.raises(AuthenticationFailed):
        decrypt(one.header() + other.body(b"another plaintext") + one.footer(b""))


@BOTH_KINDS
@pytest.mark.parametrize("claimed", [2**36 - 32, 2**36 - 31, 2**63, 2**64 - 1, 17, 15])
def test_a_non_framed_body_is_as_long_as_it_says(suite_id: int, claimed: int) -> None:
    forgery = Forgery(suite_id=suite_id, framed=False)
    body = forgery.non_framed(bytes(16))

    with pytest.raises((MalformedMessage, AuthenticationFailed)):
        decrypt(forgery.message(body=body[:12] + claimed.to_bytes(8, "big") + body[20:]))


@pytest.mark.parametrize("suite_id", [0x0478, 0x0578], ids=hex)
def test_memory_is_in_proportion_whatever_frame_length_a_message_claims(suite_id: int) -> None:
    plaintext = bytes(200_000)
    for frame_length in (1_000, 199_999, 200_000, 200_001, 2**32 - 1):
        message = Forgery(suite_id=suite_id, frame_length=frame_length).message(plaintext)
        decrypt(message)

        tracemalloc.start()
        decrypt(message)
        _current, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert peak < 3 * len(plaintext)


@pytest.mark.parametrize("suite_id", [0x0478, 0x0578], ids=hex)
def test_a_regular_frame_of_4_gib_that_is_not_there_takes_no_memory(suite_id: int) -> None:
    forgery = Forgery(suite_id=suite_id, frame_length=2**32 - 1)
    for start in (b"\x00\x00\x00\x01", b"\xff\xff\xff\xff\x00\x00\x00\x01"):
        message = forgery.header() + start + bytes(12) + b"\xff" * 4
        failure(message)

        tracemalloc.start()
        error = failure(message)
        _current, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert error.where == "frame 1 › content"
        assert "4294967311 bytes" in error.problem
        assert peak < 100_000


def test_memory_is_in_proportion_with_frames_of_one_byte() -> None:
    message = Forgery(frame_length=1).message(bytes(20_000))
    decrypt(message)

    tracemalloc.start()
    decrypt(message)
    _current, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 4 * len(message)


class KnownDataKey:
    """A keyring that tells the test its data key."""

    data_key: bytes
    entry: bytes

    def on_encrypt(self, materials: EncryptionMaterials, /) -> EncryptionMaterials:
        wrapped = KEYRING.on_encrypt(materials)
        assert wrapped.plaintext_data_key is not None
        self.data_key = wrapped.plaintext_data_key
        self.entry = serialize_entry(wrapped.encrypted_data_keys[0])
        return wrapped

    def on_decrypt(
        self, materials: DecryptionMaterials, encrypted_data_keys: Sequence[EncryptedDataKey], /
    ) -> DecryptionMaterials:
        return KEYRING.on_decrypt(materials, encrypted_data_keys)


@pytest.mark.parametrize("framed", [True, False], ids=["framed", "non-framed"])
@pytest.mark.parametrize("final", [True, False], ids=["final", "regular"])
def test_what_is_longer_than_the_cipher_takes_is_refused_and_takes_no_memory(
    framed: bool, final: bool, tmp_path: Path
) -> None:
    """A message of more than two gigabytes, in a file that takes no space."""
    forgery, length = Forgery(suite_id=0x0478, framed=framed, frame_length=2**31), 2**31
    start = bytes(12) + length.to_bytes(8, "big")
    if framed and final:
        start = b"\xff" * 4 + (1).to_bytes(4, "big") + bytes(12) + length.to_bytes(4, "big")
    elif framed:
        start = (1).to_bytes(4, "big") + (1).to_bytes(12, "big")
    with (tmp_path / "sparse").open("w+b") as file:
        file.write(forgery.header() + start)
        file.truncate(file.tell() + length + 16)
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as message:
            tracemalloc.start()
            with pytest.raises(PolicyRefused, match="more than 2147483631 bytes can't be decrypted"):
                COMMITTING.decrypt(message, keyring=KEYRING)
            _current, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()

    assert peak < 1_000_000


def test_a_plaintext_in_one_frame_that_the_cipher_can_not_take_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("w+b") as file:
        file.truncate(2**31)
        with (
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
            memoryview(mapped) as plaintext,
            pytest.raises(InvalidRequest, match="choose a smaller frame_length"),
        ):
            COMMITTING.encrypt(plaintext, keyring=KEYRING, frame_length=2**32 - 1)


LIMIT = 64


@pytest.fixture
def _the_cipher_takes_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 bytes instead of 2 GiB, so that a test can reach the limit."""
    for module in ("encrypt", "frames"):
        monkeypatch.setattr(f"warmkey.client_apis.{module}.MAX_CONTENT_LENGTH", LIMIT)


@pytest.mark.usefixtures("_the_cipher_takes_little")
@pytest.mark.parametrize(
    ("frame_length", "length"), [(LIMIT, LIMIT), (LIMIT, 3 * LIMIT), (2**32 - 1, LIMIT), (1, LIMIT + 1), (16, 200)]
)
def test_frames_may_be_as_long_as_the_cipher_takes_and_messages_longer(frame_length: int, length: int) -> None:
    plaintext = bytes(range(length))
    message = COMMITTING.encrypt(plaintext, keyring=KEYRING, frame_length=frame_length).ciphertext

    assert decrypt(message) == plaintext
    assert decrypt(Forgery(frame_length=frame_length).message(plaintext)) == plaintext


@pytest.mark.usefixtures("_the_cipher_takes_little")
@pytest.mark.parametrize(
    ("frame_length", "length"), [(LIMIT + 1, LIMIT + 1), (LIMIT + 1, 3 * LIMIT), (2**32 - 1, LIMIT + 1)]
)
def test_a_longer_frame_is_neither_encrypted_nor_decrypted(frame_length: int, length: int) -> None:
    plaintext = bytes(range(length))

    with pytest.raises(InvalidRequest, match=f"a frame of more than {LIMIT} bytes can't be encrypted"):
        COMMITTING.encrypt(plaintext, keyring=KEYRING, frame_length=frame_length)
    with pytest.raises(PolicyRefused, match=f"a frame or body of more than {LIMIT} bytes can't be decrypted"):
        decrypt(Forgery(frame_length=frame_length).message(plaintext))


@pytest.mark.usefixtures("_the_cipher_takes_little")
@pytest.mark.parametrize("frame_length", [LIMIT + 1, 2 * LIMIT])
@pytest.mark.parametrize("length", [0, LIMIT])
def test_a_final_frame_that_the_cipher_takes_is_decrypted_though_a_regular_one_would_be_too_long(
    length: int, frame_length: int
) -> None:
    """The footer makes the message longer than a regular frame."""
    plaintext = bytes(range(length))
    message = COMMITTING.encrypt(plaintext, keyring=KEYRING, frame_length=frame_length).ciphertext

    assert decrypt(message) == plaintext
    with pytest.raises(MalformedMessage, match="300 bytes follow the end of the message"):
        decrypt(message + bytes(300))


@pytest.mark.usefixtures("_the_cipher_takes_little")
def test_a_non_framed_body_may_be_as_long_as_the_cipher_takes_and_no_longer() -> None:
    forgery = Forgery(framed=False)

    assert decrypt(forgery.message(bytes(LIMIT))) == bytes(LIMIT)
    with pytest.raises(PolicyRefused, match=f"a frame or body of more than {LIMIT} bytes can't be decrypted"):
        decrypt(forgery.message(bytes(LIMIT + 1)))
