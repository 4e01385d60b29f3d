"""The picture and the page; looked at by people, checked here for being whole."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("matplotlib", reason="it is in the environment of `make dashboard`")

from examples.dashboard.__main__ import main
from examples.dashboard.panels import PANELS

if TYPE_CHECKING:
    from pathlib import Path


def test_both_files_are_written_and_the_page_loads_nothing(tmp_path: Path) -> None:
    blobs = [
        {
            "_aws": {"Timestamp": second},
            "function_name": "encrypt",
            "CacheHits": [9],
            "CacheMisses": [1],
            "KmsLatency": [4],
        }
        for second in range(10)
    ]
    (tmp_path / "metrics").write_text("\n".join(map(json.dumps, blobs)))
    png, html = tmp_path / "dashboard.png", tmp_path / "dashboard.html"

    assert main([str(tmp_path / "metrics"), "--png", str(png), "--html", str(html)]) == 0
    assert png.read_bytes().startswith(b"\x89PNG")
    page = html.read_text()
    assert re.findall(r'aria-label="([^"]*)"', page) == [panel.title for panel in PANELS]
    assert page.count("<svg") == len(PANELS)
    assert "<dd>90.0%</dd>" in page
    assert not re.search(r'(?:src|href)="(?!#)', page)
    assert "<script" not in page
