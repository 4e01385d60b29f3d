"""What is remembered of headers by their bytes changes nothing that anybody can see."""

# Source: data-format/message-header.md#aad
# Source: data-format/message-header.md#encrypted-data-keys
# Source: data-format/message-header.md#header-body-version-20

from __future__ import annotations

import tracemalloc
from sys import getsizeof
from typing import TYPE_CHECKING

import pytest

from tests.vectors.forge import Pair, serialized_pairs, sized
from warmkey.data_format import header_cache
from warmkey.data_format.header_cache import forget_headers, read_cached_header, remember_header
from warmkey.data_format.message_header import MessageHeader, read_header
from warmkey.exceptions import PolicyRefused, WarmkeyError
from warmkey.structures import VerifiedKeys

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = sized(b"provider") + sized(b"information") + sized(b"ciphertext")
START = b"\x02\x04\x78" + bytes(range(32))
END = b"\x02" + (4096).to_bytes(4, "big") + bytes(32) + bytes(16)


def header(pairs: list[Pair], keys: int = 1, end: bytes = END) -> bytes:
    return START + sized(serialized_pairs(pairs)) + keys.to_bytes(2, "big") + KEY * keys + end


SMALL = header([(b"tenant", b"a"), (b"z", b"")])
LONG = header([(b"k", b"v" * 5_000)], keys=3)
HEADERS = [
    header([]),
    SMALL,
    LONG,
    header([(b"b", b"2"), (b"a", b"1")]),
    header([], keys=200),
    header([], end=b"\x01" + bytes(4) + END[5:]),
    b"\x02\x05\x78" + SMALL[3:],
]
HOSTILE = [
    header([], keys=0),
    header([(b"k", b""), (b"k", b"")]),
    header([], end=b"\x01" + END[1:]),
    header([], end=b"\x02" + bytes(4) + END[5:]),
    SMALL.removesuffix(END) + b"\x01" + END[1:],  # behind what is remembered of SMALL
    SMALL.removesuffix(END) + b"\x02" + bytes(4) + END[5:],
    START + b"\x00\x00\xff\xff",
    START + b"\xff\xff",
    *(SMALL[:cut] for cut in range(len(SMALL))),
    *(LONG[:cut] for cut in range(0, len(LONG), 97)),
    *(SMALL[:at] + bytes((SMALL[at] ^ bit,)) + SMALL[at + 1 :] for at in range(len(SMALL)) for bit in (1, 0x80)),
]


def outcome(data: bytes, *, maximum: int | None, read: object = read_cached_header) -> object:
    """What *data* parses to, or how it fails."""
    try:
        return read(data, maximum_keys=maximum)  # type: ignore[operator]
    except WarmkeyError as error:
        return type(error), str(error)


def is_recalled(header: MessageHeader) -> bool:
    return type(header.encrypted_data_keys) is VerifiedKeys


def remember(data: bytes) -> None:
    remember_header(data, read_cached_header(data))


@pytest.mark.parametrize("maximum", [None, 1, 2, 200])
def test_it_parses_and_fails_as_if_nothing_were_remembered(maximum: int | None) -> None:
    for data in HEADERS + HOSTILE:
        message = data + b"rest of the message" if data in HEADERS else data
        forget_headers()
        remember(SMALL)
        cold = outcome(message, maximum=maximum)
        if isinstance(cold, MessageHeader):
            remember_header(message, cold)
        warm = outcome(message, maximum=maximum)

        assert cold == warm == outcome(message, maximum=maximum, read=read_header)


@pytest.mark.parametrize("found_last", [SMALL, header([])], ids=["this", "another"])
@pytest.mark.parametrize("view_of", [bytes, memoryview, lambda data: memoryview(bytearray(data))])
def test_views_and_bytes_give_the_same(view_of: Callable[[bytes], bytes | memoryview], found_last: bytes) -> None:
    forget_headers()
    assert read_cached_header(view_of(SMALL)) == read_header(SMALL)
    remember_header(view_of(SMALL), read_header(SMALL))
    remember(found_last)

    found = read_cached_header(view_of(SMALL))
    assert found == read_header(SMALL)
    assert is_recalled(found)


def test_a_remembered_header_is_refused_by_a_client_that_allows_fewer_keys() -> None:
    remember(header([], keys=2))

    with pytest.raises(PolicyRefused):
        read_cached_header(header([], keys=2), maximum_keys=1)


def test_what_one_caller_gets_another_cannot_change() -> None:
    first = read_cached_header(SMALL)

    with pytest.raises(TypeError):
        first.encryption_context["tenant"] = "another"
    with pytest.raises(AttributeError):
        first.encrypted_data_keys[0].ciphertext = b"another"  # type: ignore[misc]


def test_no_more_than_so_many_are_remembered() -> None:
    for number in range(1000):
        remember(header([(b"number", str(number).encode())]))

    assert 0 < len(header_cache._sections) <= 256


def test_a_header_that_was_only_read_is_not_remembered() -> None:
    forget_headers()
    read_cached_header(SMALL)

    assert not header_cache._sections
    assert type(read_cached_header(SMALL).encrypted_data_keys) is tuple


@pytest.mark.parametrize("data", [LONG, header([], keys=200)], ids=["long context", "many keys"])
def test_a_large_header_is_not_remembered(data: bytes) -> None:
    forget_headers()
    remember(data)

    assert not header_cache._sections


def test_headers_of_one_and_of_another_data_key_by_turns_are_both_remembered() -> None:
    forget_headers()
    both = header([(b"tenant", b"a")]), header([(b"tenant", b"b")])
    for data in both:
        remember(data)

    for data in both * 2:
        assert is_recalled(read_cached_header(data))
        assert read_cached_header(data) == read_header(data)


@pytest.mark.parametrize("found_last", [SMALL, header([])], ids=["this", "another"])
def test_messages_of_one_data_key_differ_in_message_id_frame_length_suite_data_and_tag(found_last: bytes) -> None:
    forget_headers()
    for data in (SMALL, found_last):
        remember(data)
    end = b"\x02" + (77).to_bytes(4, "big") + b"s" * 32 + b"t" * 16
    for start in (START[:3] + bytes(32), START[:34] + b"\xff", b"\x02\x05\x78" + b"\xff" * 32):
        data = start + SMALL[35:].removesuffix(END) + end

        assert is_recalled(read_cached_header(data))
        assert read_cached_header(data) == read_header(data)


def of_section(length: int, keys: int = 1) -> bytes:
    """A header whose context and encrypted data keys take *length* bytes with their lengths and counts."""
    bare = len(header([(b"k", b"")], keys)) - len(START) - len(END)
    return header([(b"k", b"v" * (length - bare))], keys)


@pytest.mark.parametrize("keys", [1, 9])
@pytest.mark.parametrize("view_of", [bytes, memoryview])
@pytest.mark.parametrize(("length", "is_kept"), [(4_095, True), (4_096, True), (4_097, False), (4_098, False)])
def test_up_to_4096_bytes_of_context_and_keys_are_remembered(
    length: int, is_kept: bool, view_of: Callable[[bytes], bytes | memoryview], keys: int
) -> None:
    forget_headers()
    data = of_section(length, keys)
    message = view_of(data + b"rest of the message")
    remember_header(message, read_header(data))
    remember(SMALL)  # so that it is not just what was found last

    assert is_recalled(read_cached_header(message)) is is_kept
    assert read_cached_header(message) == read_header(data)


def test_a_short_section_that_takes_more_than_32_kib_once_it_is_parsed_is_not_remembered() -> None:
    """Six bytes of a message make a key of four objects."""
    kept = []
    for count in range(100, 250, 5):
        forget_headers()
        data = START + b"\x00\x00" + count.to_bytes(2, "big") + bytes(6) * count + END
        remember(data)
        if is_recalled(read_cached_header(data)):
            kept.append(count)
    (key,) = read_header(START + b"\x00\x00\x00\x01" + bytes(6) + END).encrypted_data_keys
    each = sum(map(getsizeof, (key, key.key_provider_id, key.key_provider_info, key.ciphertext)))

    assert kept == list(range(100, kept[-1] + 1, 5))
    assert 28_000 < each * kept[-1] < 32_768


@pytest.mark.parametrize("length", [0, 30_000], ids=["short keys", "long keys"])
def test_a_header_of_too_many_keys_is_refused_without_a_copy(length: int) -> None:
    """A stranger's may have gigabytes of them."""
    key = sized(b"provider") + sized(b"information") + sized(b"c" * length)
    message = START + b"\x00\x00" + (50).to_bytes(2, "big") + key * 50 + bytes(1_000_000)
    remember(SMALL)
    outcome(message, maximum=49)  # whatever is allocated once only

    tracemalloc.start()
    refused = outcome(message, maximum=49)
    _current, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert refused[0] is PolicyRefused  # type: ignore[index]
    assert peak < 100_000


def test_nothing_of_a_header_is_left_once_headers_are_forgotten() -> None:
    remember(SMALL)
    read_cached_header(SMALL)
    forget_headers()

    assert not header_cache._sections
    assert header_cache._sections.latest[3] == ()
