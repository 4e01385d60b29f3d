"""Two versions of warmkey side by side."""

from __future__ import annotations

import pytest

from benchmarks.against import main


def test_each_operation_gets_a_row_with_a_ratio(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["HEAD", "--processes", "1", "--rounds", "3", "--seconds", "0.0001"]) == 0

    rows = capsys.readouterr().out.splitlines()[1:]
    assert {row[:26].strip() for row in rows} >= {
        "1 KB encrypt",
        "1 KB decrypt",
        "8 MB decrypt, stream",
        "import warmkey",
    }
    assert all(float(row.split()[-1]) > 0 for row in rows)


def test_a_revision_that_git_does_not_know_is_named() -> None:
    with pytest.raises(SystemExit, match=r"git can't give the revision 'nosuch': .*not a valid object name"):
        main(["nosuch"])
