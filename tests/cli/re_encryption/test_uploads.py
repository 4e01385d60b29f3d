"""An upload is a file to write to."""

from __future__ import annotations

from warmkey.cli.re_encryption.uploads import Upload


def test_writing_says_how_many_bytes_were_taken_as_files_do() -> None:
    upload = Upload(None, {}, {}, etag="e", part=10, on_begin=print)

    assert [upload.write(chunk) for chunk in (b"", b"abc", b"defg")] == [0, 3, 4]
    assert upload.length == 7
