"""The state file: people can read it, and its end is the end of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from warmkey.cli.re_encryption.state import State

if TYPE_CHECKING:
    from pathlib import Path


def test_the_file_is_json_with_a_line_for_each_field(tmp_path: Path) -> None:
    file = tmp_path / "state"
    state = State(str(file), {"table": "orders"})
    state.position = "here"
    state.save()

    text = file.read_text()
    assert json.loads(text)["position"] == "here"
    assert text.startswith('{\n  "version": 1,\n  "job": {\n    "table": "orders"\n  },\n  "position": "here",\n')


def test_the_end_forgets_the_file_and_is_no_error_where_somebody_has_deleted_it(tmp_path: Path) -> None:
    file = tmp_path / "state"
    state = State(str(file), {})

    state.end()
    assert not file.exists()
    state.end()
    State(None, {}).end()
