"""Links to other sites: which are broken, and which are only not known."""

from __future__ import annotations

import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from layer.project import ROOT
from tools.check_links import Report, report_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PYTHON = ROOT / ".venv-site" / "bin" / "python"


def row(status: str, info: str = "", uri: str = "https://elsewhere.test/") -> str:
    return json.dumps({"filename": "docs/a.md", "lineno": 7, "status": status, "code": 0, "uri": uri, "info": info})


@pytest.mark.parametrize("status", ["working", "redirected"])
def test_a_link_that_leads_somewhere_is_counted(status: str) -> None:
    assert report_of(row(status)) == Report(checked=1, broken=(), not_checked=())
    assert report_of(row(status)).is_good


@pytest.mark.parametrize(
    "info", ["404 Client Error: Not Found for url: https://elsewhere.test/", "Anchor 'there' not found"]
)
def test_an_answer_that_there_is_nothing_makes_a_link_broken(info: str) -> None:
    found = report_of(row("broken", info))

    assert found.broken == (f"docs/a.md:7: https://elsewhere.test/: {info}",)
    assert not found.is_good


@pytest.mark.parametrize(
    ("status", "info"),
    [
        ("broken", "HTTPSConnectionPool(host='elsewhere.test', port=443): Max retries exceeded with url: /"),
        ("broken", "403 Client Error: Forbidden for url: https://elsewhere.test/"),
        ("broken", "503 Server Error: Service Unavailable for url: https://elsewhere.test/"),
        ("timeout", ""),
    ],
)
def test_no_answer_is_no_verdict_and_no_success(status: str, info: str) -> None:
    found = report_of(row(status, info))

    assert found.broken == ()
    assert len(found.not_checked) == 1
    assert not found.is_good


def test_links_inside_the_site_are_checked_elsewhere_and_none_at_all_is_no_success() -> None:
    found = report_of(row("broken", uri="mailto:somebody@elsewhere.test"))

    assert found == Report(checked=0, broken=(), not_checked=())
    assert not found.is_good


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/there" else 404)
        self.end_headers()
        self.wfile.write(b"<p id='here'>")

    do_HEAD = do_GET  # noqa: N815 - as the base class calls it

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.site
def test_sphinx_asks_for_each_link(site: str, tmp_path: Path) -> None:
    if not PYTHON.exists():
        pytest.skip("Sphinx is not here; `make site` installs it")
    (tmp_path / "conf.py").write_text("extensions = ['myst_parser']\nlinkcheck_retries = 1\n")
    (tmp_path / "index.md").write_text(f"# A\n\n[a]({site}/there), [b]({site}/gone), [c](http://127.0.0.1:9/)\n")
    command = [PYTHON, "-m", "tools.check_links", tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 1, done.stderr
    assert f"broken: index.md:3: {site}/gone: 404" in done.stdout
    assert "not checked: index.md:3: http://127.0.0.1:9/" in done.stdout
    assert "1 links lead somewhere, 1 are broken, 1 could not be checked" in done.stdout
