"""What counts as bytes, and that encrypt and decrypt take all of it, in memory and as streams."""

from __future__ import annotations

import ctypes
import mmap
import sys
from array import array
from typing import TYPE_CHECKING, Any

import pytest
from boto3.dynamodb.types import Binary

import warmkey
from tests.vectors.readers import COMMITTING, KEYRING
from warmkey import InvalidRequest
from warmkey.bytes_like import binary_value, bytes_of
from warmkey.testing import fake_kms

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONTENT = bytes(range(24))


class Pair(ctypes.Structure):
    """A structure whose field names hold the codes of pointers."""

    _fields_ = (("OPXZ", ctypes.c_uint32), ("z", ctypes.c_uint32))


class Pointing(ctypes.Structure):
    _fields_ = (("number", ctypes.c_uint32), ("name", ctypes.c_char_p))


def map_of(path: Path) -> mmap.mmap:
    (path / "content").write_bytes(CONTENT)
    with (path / "content").open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


MAKERS: dict[str, Callable[[Path], Any]] = {
    "bytes": lambda _: CONTENT,
    "bytearray": lambda _: bytearray(CONTENT),
    "memoryview": lambda _: memoryview(CONTENT),
    "memoryview with gaps": lambda _: memoryview(b"".join(bytes((byte, 0)) for byte in CONTENT))[::2],
    "memoryview of two dimensions": lambda _: memoryview(CONTENT).cast("B", (4, 6)),
    "array of bytes": lambda _: array("B", CONTENT),
    "array of doubles": lambda _: array("d", CONTENT),
    "ctypes array": lambda _: (ctypes.c_uint8 * 24)(*CONTENT),
    "ctypes structures": lambda _: (Pair * 3).from_buffer_copy(CONTENT),
    "memory map": map_of,
    "Binary": lambda _: Binary(CONTENT),
    "Binary of a bytearray": lambda _: Binary(bytearray(CONTENT)),
    "numpy of bytes": lambda _: numpy().frombuffer(CONTENT, dtype="u1"),
    "numpy of columns": lambda _: numpy().frombuffer(CONTENT, dtype="u1").reshape(6, 4).T,
    "numpy with fields": lambda _: numpy().frombuffer(CONTENT, dtype=[("O", "<u4"), ("P", "<u4")]),
}


def numpy() -> Any:
    return pytest.importorskip("numpy")


@pytest.fixture(params=MAKERS)
def thing(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return MAKERS[request.param](tmp_path)


def content_of(thing: Any) -> bytes:
    is_of_items = isinstance(thing, array) or type(thing).__name__ == "ndarray"
    return thing.tobytes() if is_of_items else CONTENT


def test_its_bytes_are_found(thing: Any) -> None:
    found = bytes_of(thing)

    assert found is not None
    assert bytes(found) == content_of(thing)
    assert len(found) == len(content_of(thing))


def test_it_is_encrypted(thing: Any) -> None:
    ciphertext = COMMITTING.encrypt(thing, keyring=KEYRING).ciphertext

    assert COMMITTING.decrypt(ciphertext, keyring=KEYRING).plaintext == content_of(thing)


def test_it_is_encrypted_as_a_stream_of_known_length(thing: Any) -> None:
    stream = COMMITTING.encrypt_stream(thing, keyring=KEYRING, frame_length=7)

    assert COMMITTING.decrypt(stream.read(), keyring=KEYRING).plaintext == content_of(thing)


def test_the_helpers_encrypt_it(thing: Any) -> None:
    with fake_kms():
        assert warmkey.decrypt(warmkey.encrypt(thing)) == content_of(thing)


@pytest.mark.parametrize(
    "wrap",
    [
        Binary,
        bytearray,
        memoryview,
        lambda message: array("B", message),
        lambda message: (ctypes.c_uint8 * len(message))(*message),
        lambda message: memoryview(message).cast("B", (1, len(message))),
    ],
    ids=["Binary", "bytearray", "memoryview", "array", "ctypes array", "two dimensions"],
)
def test_messages_of_every_kind_are_decrypted(wrap: Any) -> None:
    ciphertext = COMMITTING.encrypt(CONTENT, keyring=KEYRING).ciphertext

    assert COMMITTING.decrypt(wrap(ciphertext), keyring=KEYRING).plaintext == CONTENT
    assert COMMITTING.decrypt_stream(wrap(ciphertext), keyring=KEYRING).read() == CONTENT
    with fake_kms():
        assert warmkey.decrypt(wrap(warmkey.encrypt(CONTENT))) == CONTENT


def test_a_memory_map_as_a_stream_is_read_from_where_it_was_left(tmp_path: Path) -> None:
    mapped = map_of(tmp_path)
    mapped.seek(4)

    message = COMMITTING.encrypt_stream(mapped, keyring=KEYRING).read()

    assert COMMITTING.decrypt(message, keyring=KEYRING).plaintext == CONTENT[4:]


@pytest.mark.parametrize(
    "nothing",
    [
        "text",
        None,
        7,
        [1],
        (ctypes.c_char_p * 2)(b"a", b"b"),
        (ctypes.c_void_p * 2)(1, 2),
        (ctypes.POINTER(ctypes.c_int) * 2)(),
        (ctypes.py_object * 1)([]),
        (Pointing * 2)(),
    ],
    ids=["str", "None", "int", "list", "char pointers", "void pointers", "pointers", "objects", "structures"],
)
def test_what_holds_no_bytes_is_refused_and_so_is_what_holds_addresses(nothing: Any) -> None:
    assert bytes_of(nothing) is None
    with pytest.raises(InvalidRequest, match=f"the plaintext must be bytes, not {type(nothing).__name__}"):
        COMMITTING.encrypt(nothing, keyring=KEYRING)
    with pytest.raises(InvalidRequest, match=f"the ciphertext must be bytes, not {type(nothing).__name__}"):
        COMMITTING.decrypt(nothing, keyring=KEYRING)
    with pytest.raises(InvalidRequest, match="the source must be a readable binary file object"):
        COMMITTING.encrypt_stream(nothing, keyring=KEYRING)


def test_a_view_that_was_released_is_refused() -> None:
    view = memoryview(b"x")
    view.release()

    assert bytes_of(view) is None


def test_binary_is_known_by_its_class_and_only_where_boto3_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    binary = Binary(b"x")

    assert binary_value(binary) == b"x"
    assert binary_value(b"x") is None
    monkeypatch.delitem(sys.modules, "boto3.dynamodb.types")
    assert binary_value(binary) is None
