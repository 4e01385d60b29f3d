"""Files with messages, in every form that they come in."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING

import pytest

import warmkey
from warmkey.cli.samples import read_samples
from warmkey.testing import fake_kms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["0x0478", "0x0578", "0x0178"])
def message(request: pytest.FixtureRequest) -> Iterator[bytes]:
    settings = {"algorithm_suite": request.param}
    if request.param == "0x0178":
        settings["commitment_policy"] = "FORBID_ENCRYPT_ALLOW_DECRYPT"
    with fake_kms(**settings):  # type: ignore[arg-type]
        yield warmkey.encrypt(b"a note", {"tenant": "acme"})


def samples(path: Path, content: bytes | str) -> list[tuple[str, bool]]:
    """The code of each message, and whether its header could be read."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [(sample.code, sample.header is not None) for sample in read_samples(str(path))]


def test_a_message_as_it_is(tmp_path: Path, message: bytes) -> None:
    assert samples(tmp_path / "a", message) == [("", True)]
    assert samples(tmp_path / "a", message[:-1]) == [("message-damaged", True)]
    assert samples(tmp_path / "a", b"\0" + message) == [("message-damaged", False)]


def test_lines_of_base64_of_either_kind(tmp_path: Path, message: bytes) -> None:
    standard = base64.b64encode(message).decode()
    url_safe = base64.urlsafe_b64encode(message).rstrip(b"=").decode()

    assert samples(tmp_path / "a", f"{standard}\n\n  {url_safe}  \r\n") == [("", True), ("", True)]


def test_text_that_was_cut_off_or_changed(tmp_path: Path, message: bytes) -> None:
    standard = (
        base64.b64encode(message + b"\0\0").decode() + "\n" if len(message) % 3 else base64.b64encode(message).decode()
    )
    for text in (standard[:-2].rstrip("="), standard[:50], "not base64!", standard[:40] + "\n" + standard[40:]):
        assert all(code in ("base64-truncated", "message-damaged") for code, _ in samples(tmp_path / "a", text))


def test_records_with_messages_in_them(tmp_path: Path, message: bytes) -> None:
    text = base64.b64encode(message).decode()
    records = [{"id": "1", "_sealed": text, "note": "unrelated"}, {"lines": [{"a": text}, {"b": text}], "n": 1}]
    lines = "\n".join([*map(json.dumps, records), json.dumps(text)])

    assert samples(tmp_path / "a", lines) == [("", True)] * 4


def test_a_record_without_a_message_or_that_is_not_json(tmp_path: Path) -> None:
    assert samples(tmp_path / "a", '{"id": 1}') == [("message-damaged", False)]
    for no_json in ('{"id": ', "[" * 100_000, f'{{"id": {"1" * 5_000}}}'):
        assert samples(tmp_path / "a", no_json) == [("base64-truncated", False)]
    assert samples(tmp_path / "a", "") == [("message-damaged", False)]


def test_the_name_says_the_line(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("x\ny\n")

    assert [sample.name for sample in read_samples(str(path))] == [f"{path}, line 1", f"{path}, line 2"]


def test_standard_input(monkeypatch: pytest.MonkeyPatch, message: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(message)))

    assert [sample.code for sample in read_samples("-")] == [""]


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(read_samples(str(tmp_path / "missing")))
