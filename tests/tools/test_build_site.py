"""The documentation site: whole, without warnings, with every link leading somewhere, and readable by programs too."""

from __future__ import annotations

import re
import subprocess
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

import warmkey
from layer.project import ROOT, version
from tools.build_site import EXAMPLES, MODULES, SECTIONS, pages, public_names, stage

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = ROOT / ".venv-site" / "bin" / "python"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not PYTHON.exists():
        pytest.skip("Sphinx is not here; `make site` installs it")
    out = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [PYTHON, "-m", "tools.build_site", "--out", out],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out


class Links(HTMLParser):
    """The targets of links and pictures of a page, and what can be linked to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if found := given.get("href" if tag in {"a", "link"} else "src" if tag in {"img", "script"} else ""):
            self.targets.add(found)
        if anchor := given.get("id"):
            self.anchors.add(anchor)


def broken_links(site: Path) -> list[str]:
    """The links of all pages that lead to a file, or to a place in a page, that is not there."""
    read = {page: Links(page) for page in site.rglob("*.html")}
    broken = []
    for page, links in read.items():
        for target in links.targets:
            address, anchor = urldefrag(target)
            if urlsplit(target).scheme or target == "#":
                continue
            path = urlsplit(address).path
            file = (page.parent / unquote(path)).resolve() if path else page
            file = file / "index.html" if file.is_dir() else file
            if not file.exists() or (anchor and file in read and unquote(anchor) not in read[file].anchors):
                broken.append(f"{page.relative_to(site)}: {target}")
    return sorted(broken)


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    targets = ["b.html", "b.html#there", "b.html#gone", "c.html", "#", "#here", "#gone", "https://elsewhere.test/"]
    links = "".join(f'<a href="{target}">x</a>' for target in targets)
    (tmp_path / "a.html").write_text(f'<h1 id="here">A</h1>{links}<img src="gone.png">')
    (tmp_path / "b.html").write_text('<h1 id="there">B</h1>')

    assert broken_links(tmp_path) == ["a.html: #gone", "a.html: b.html#gone", "a.html: c.html", "a.html: gone.png"]


@pytest.mark.site
def test_every_link_leads_somewhere(site: Path) -> None:
    """A warning of Sphinx's fails the build; this looks at what came out of it."""
    assert broken_links(site) == []


@pytest.mark.site
@pytest.mark.parametrize("module", MODULES)
def test_the_reference_has_every_public_name(site: Path, module: str) -> None:
    text = (site / "api" / f"{module}.html").read_text()

    assert [
        name for name in public_names(module) if f"warmkey.{name}" not in text and f"{module}.{name}" not in text
    ] == []


@pytest.mark.site
def test_every_page_is_there_as_html_and_as_markdown(site: Path) -> None:
    for page in pages():
        assert (site / page.path).with_suffix(".html").is_file()
        assert page.path.startswith("api/") or (site / page.path).is_file()


@pytest.mark.site
def test_programs_find_every_page_with_what_it_is_about(site: Path) -> None:
    index = (site / "llms.txt").read_text()
    rows = re.findall(r"^- \[(.+?)\]\((.+?)\): (.+)$", index, re.MULTILINE)

    assert index.startswith("# warmkey\n\n> ")
    assert [address for _, address, _ in rows] == [
        page.path.replace("api/index.md", "api/index.html") for page in pages()
    ]
    assert all((site / address).is_file() for _, address, _ in rows)
    assert all(len(summary) > 10 for *_, summary in rows)


@pytest.mark.site
def test_the_whole_of_it_is_one_file_for_programs_too(site: Path) -> None:
    whole = (site / "llms-full.txt").read_text()

    assert all(f"# {page.title}" in whole.replace("`", "") for page in pages() if page.path.startswith("docs/"))


@pytest.mark.site
def test_the_first_page_shows_the_gain_in_one_picture(site: Path) -> None:
    first = (site / "index.html").read_text()

    assert len(re.findall(r"<img [^>]*kms-calls", first)) == 1
    assert version() in first


@pytest.mark.site
def test_there_is_a_search(site: Path) -> None:
    assert (site / "search.html").is_file()
    assert '"warmkey_kms_key_arn"' in (site / "searchindex.js").read_text()  # terms are stemmed


def test_every_page_of_the_documentation_is_on_the_site() -> None:
    shown = {page.path for page in pages()}
    written = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")} - {"docs/README.md"}

    assert written <= shown


def test_a_page_is_in_one_place() -> None:
    paths = [page.path for page in pages()]

    assert len(paths) == len(set(paths))
    assert [page.section for page in pages() if page.section not in SECTIONS] == []


def test_a_page_that_the_list_does_not_name_is_a_how_to_guide(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "dynamodb.md").write_text("# Items of DynamoDB\n\nEncrypt [items](how-to.md). More.\n")
    (page,) = (page for page in pages(tmp_path) if page.path == "docs/dynamodb.md")

    assert (page.section, page.title, page.summary) == ("How-to guides", "Items of DynamoDB", "Encrypt items.")


def test_public_names_are_those_of_the_package() -> None:
    assert public_names("warmkey") == sorted(warmkey.__all__, key=str.lower)


def test_links_to_what_is_no_page_become_text_and_files_come_along(tmp_path: Path) -> None:
    clone, staged = tmp_path / "clone", tmp_path / "staged"
    for folder in ("docs", "docs_site", "examples/demo", *(f"src/{module.replace('.', '/')}" for module in MODULES)):
        (clone / folder).mkdir(parents=True)
    for module in MODULES:
        (clone / "src" / module.replace(".", "/") / "__init__.py").write_text("__all__ = ['Name']\n")
    (clone / "docs_site" / "index.md").write_text("# Start\n")
    (clone / "docs" / "other.md").write_text("# Other\n")
    (clone / "examples" / "one.py").write_text("pass\n")
    links = "[demo](../examples/demo) [one](../examples/one.py) [other](other.md#x)"
    text = f"# Page\n\n{links}\n\n```md\n[demo](../examples/demo)\n```\n"
    (clone / "docs" / "page.md").write_text(text)
    stage(staged, clone)

    written = (staged / "docs" / "page.md").read_text()
    assert written.startswith("# Page\n\ndemo (`examples/demo`) [one](../examples/one.py) [other](other.md#x)\n")
    assert written.endswith("```md\n[demo](../examples/demo)\n```\n")
    assert (staged / "examples" / "one.py").is_file()
    assert "The same as :py:obj:`warmkey.Name`" in (staged / "api" / "warmkey.cmms.rst").read_text()


def test_a_link_that_is_called_by_a_file_is_called_by_its_page(tmp_path: Path) -> None:
    stage(tmp_path / "staged")
    staged = (tmp_path / "staged" / "docs" / "settings.md").read_text()

    assert "[Observability](observability.md" in staged
    assert "[observability.md]" not in staged
    assert "Conformance <docs/conformance>" in (tmp_path / "staged" / "index.md").read_text()


def test_every_example_of_a_store_is_a_page_that_needs_no_other(tmp_path: Path) -> None:
    stage(tmp_path / "staged")
    tests = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / "examples").glob("test_*.py")}
    tested = {name for name in tests if (ROOT / "examples" / f"{name}.py").exists()}
    listed = set(re.findall(r"\(\.\./examples/(\w+)\.py\)", (ROOT / "docs" / "README.md").read_text()))
    first = (tmp_path / "staged" / "index.md").read_text()

    assert tested <= set(EXAMPLES) <= listed
    for name, title in EXAMPLES.items():
        text = (tmp_path / "staged" / "examples" / f"{name}.md").read_text()
        assert text.startswith(f"# {title}\n")
        assert "import warmkey" in text or "from warmkey" in text
        assert "noqa" not in text
        assert "## What it needs" in text
        assert f"[{title}](examples/{name}.md)" in first
