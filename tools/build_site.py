"""Build the documentation site: the pages of docs/ in an order, an API reference, and a copy for programs that read.

usage: python -m tools.build_site [--out FOLDER]

The examples of stores are pages, too: what each says of itself, and the program.

Pages are staged first, because they are written for the repository: links to folders become plain text, links that
are called by a file's name are called by the page's title, and the navigation is made from the list below. A page that
the list does not name joins the how-to guides.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from layer.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["EXAMPLES", "MODULES", "SECTIONS", "Page", "build", "main", "pages", "public_names", "stage"]

# Diátaxis: learning, doing, looking up, understanding.
SECTIONS: dict[str, tuple[str, ...]] = {
    "Tutorial": ("docs/tutorial.md",),
    "How-to guides": (
        "docs/how-to.md",
        "docs/choosing-limits.md",
        "docs/layer.md",
        "docs/publishing.md",
        "docs/local.md",
        "docs/testing.md",
        "docs/streaming.md",
        "docs/inspect.md",
    ),
    "Stores and services": (),  # the examples below, a page each
    "Reference": (
        "docs/settings.md",
        "docs/keyrings.md",
        "docs/errors.md",
        "docs/observability.md",
        "docs/places.md",
        "api/index.md",
        "CHANGELOG.md",
    ),
    "Explanation": (
        "docs/security.md",
        "docs/performance.md",
        "docs/conformance.md",
        "docs/differences.md",
        "docs/architecture.md",
    ),
    "Project": ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md"),
}
# Programs that are a page of their own, because somebody who looks for one store should need no other page.
EXAMPLES = {
    "dynamodb_item": "DynamoDB",
    "s3_streams": "S3",
    "sqs_batch": "SQS",
    "kinesis_stream": "Kinesis",
    "eventbridge_events": "EventBridge",
    "api_gateway_cursor": "API Gateway",
    "step_functions_state": "Step Functions",
    "asgi_app": "ASGI",
}
# Whose public names the reference has.
MODULES = (
    "warmkey",
    "warmkey.aio",
    "warmkey.keyrings",
    "warmkey.branch_keys",
    "warmkey.cmms",
    "warmkey.caches",
    "warmkey.powertools",
    "warmkey.durable",
    "warmkey.testing",
)

_NOT_PAGES = {"docs/README.md"}  # the repository's own table of contents
_LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>(?!https?://|mailto:|#)[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of the site, by its path in the repository."""

    section: str
    path: str
    title: str
    summary: str

    @property
    def short_title(self) -> str:
        """The title without what explains it."""
        return self.title.partition(":")[0]


def pages(clone: Path = ROOT) -> list[Page]:
    """Return the pages in the order of the navigation."""
    listed = {path for paths in SECTIONS.values() for path in paths}
    others = sorted(path.relative_to(clone).as_posix() for path in (clone / "docs").glob("*.md"))
    found = []
    for section, paths in SECTIONS.items():
        if section == "Stores and services":
            found += [
                _page(section, f"examples/{name}.md", _example(clone / "examples" / f"{name}.py", title))
                for name, title in EXAMPLES.items()
                if (clone / "examples" / f"{name}.py").exists()
            ]
        more = [path for path in others if path not in listed | _NOT_PAGES] if section == "How-to guides" else []
        for path in (*paths, *more):
            if path == "api/index.md":
                summary = "Every public name, with what it promises."
                found.append(Page(section=section, path=path, title="API reference", summary=summary))
            elif (clone / path).exists():
                found.append(_page(section, path, (clone / path).read_text(encoding="utf-8")))
    return found


def _page(section: str, path: str, text: str) -> Page:
    """Return the page with its first heading, and the first sentence below it."""
    title = re.search(r"^# (.+)$", text, re.MULTILINE)
    paragraphs = re.split(r"\n\n+", text.partition("\n")[2].strip())
    prose = next((found for found in paragraphs if not re.match(r"[#!|<>-]|```|\[!", found)), "")
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(prose.split()))
    return Page(
        section=section,
        path=path,
        title=re.sub(r"[`*]", "", title[1]) if title else path,
        summary=re.split(r"(?<=[a-z`)][.?]) ", words)[0].rstrip(":"),
    )


def public_names(module: str, clone: Path = ROOT) -> list[str]:
    """Return ``__all__`` of *module*, without importing it."""
    package = clone / "src" / Path(*module.split("."))
    source = package / "__init__.py" if package.is_dir() else package.with_suffix(".py")
    for statement in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__":
            return sorted(ast.literal_eval(statement.value), key=str.lower)
    raise ValueError(f"{source} must have an __all__ that is written out")


def stage(folder: Path, clone: Path = ROOT) -> None:
    """Write what Sphinx reads into *folder*."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(clone / "docs_site", folder, ignore=shutil.ignore_patterns("__pycache__"))
    listed = pages(clone)
    (folder / "index.md").write_text(_with_navigation((folder / "index.md").read_text(encoding="utf-8"), listed))
    for page in listed:
        if page.path != "api/index.md":
            text = _text_of(page, clone)
            _stage_page(folder, page.path, clone, text, {other.path: other.short_title for other in listed})
    _stage_reference(folder / "api", clone)


def _with_navigation(text: str, listed: Sequence[Page]) -> str:
    trees = []
    for section in SECTIONS:
        names = "\n".join(
            f"{page.short_title} <{page.path.removesuffix('.md')}>" for page in listed if page.section == section
        )
        trees.append(f"```{{toctree}}\n:hidden:\n:caption: {section}\n\n{names}\n```\n")
    return "\n".join([text, *trees])


def _text_of(page: Page, clone: Path) -> str:
    name = Path(page.path).stem
    if name in EXAMPLES:
        return _example(clone / "examples" / f"{name}.py", EXAMPLES[name])
    return (clone / page.path).read_text(encoding="utf-8")


def _example(path: Path, title: str) -> str:
    """Return the page of a program: what it says of itself, the program, and what somebody needs to run it."""
    source = path.read_text(encoding="utf-8")
    docstring = ast.get_docstring(ast.parse(source)) or ""
    first, _, rest = docstring.partition("\n")
    code = re.sub(r"  # noqa: .*", "", source.partition('"""')[2].partition('"""')[2].strip())
    rest = re.sub(r"``([^`]*)``", r"`\1`", rest)
    return f"# {title}\n\n{first.replace('``', '`')}\n{rest}\n\n```python\n{code}\n```\n{_AFTER_EXAMPLE}"


_AFTER_EXAMPLE = """
## What it needs

- warmkey: [the layer](../docs/layer.md) in a function, or the package elsewhere.
- `WARMKEY_KMS_KEY_ARNS`: a KMS key that the role may call `kms:GenerateDataKey` and `kms:Decrypt` with;
  `warmkey policy` writes [the statements](../docs/permissions.md). Its calls to the service itself are yours to allow.
- Room: a message is longer than its plaintext. [Places](../docs/places.md) says by how much, and what fits.

[How data key caching works](../docs/how-to.md), what a [sealed record or token](../docs/records.md) promises, and how
to [test such code](../docs/testing.md) without AWS are on pages of their own.
"""


def _stage_page(folder: Path, path: str, clone: Path, text: str, listed: Mapping[str, str]) -> None:
    def link(match: re.Match[str]) -> str:
        target = os.path.normpath(Path(path).parent / match["target"])
        source = clone / target
        page = target.removesuffix(".py") + ".md"
        if Path(target).parent == Path("examples") and page in listed:
            return match[0].replace(f"({match['target']}", f"({os.path.relpath(page, Path(path).parent)}")
        if target == "docs/README.md":
            return match[0].replace(match["target"], os.path.relpath("index.md", Path(path).parent))
        if not source.is_file() or (target.endswith(".md") and target not in listed):
            return f"{match['text']} (`{target}`)" if match["text"].strip("`") != target else match["text"]
        if target not in listed:
            _copy(source, folder / target)
        elif match["text"].endswith(".md"):
            return match[0].replace(match["text"], listed[target], 1)
        return match[0]

    parts = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
    text = "".join(part if part.startswith("```") else _LINK.sub(link, part) for part in parts)
    text = re.sub(r"^```(console|hcl|dockerfile)$", lambda match: f"```{_LEXERS[match[1]]}", text, flags=re.MULTILINE)
    staged = folder / path
    staged.parent.mkdir(parents=True, exist_ok=True)
    staged.write_text(text, encoding="utf-8")


_LEXERS = {"console": "console", "hcl": "terraform", "dockerfile": "docker"}


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _stage_reference(folder: Path, clone: Path) -> None:
    folder.mkdir()
    names = "\n".join(MODULES)
    (folder / "index.md").write_text(
        f"# API reference\n\nEvery public name, by the module to import it from.\n\n```{{toctree}}\n\n{names}\n```\n"
    )
    described: set[str] = set()
    for module in MODULES:
        lines = [module, "=" * len(module), "", f".. automodule:: {module}", "   :no-members:", ""]
        for name in public_names(module, clone):
            lines += [*(_reference(module, name) if name in described else _description(module, name)), ""]
        described |= set(public_names(module, clone))
        (folder / f"{module}.rst").write_text("\n".join(lines))


def _description(module: str, name: str) -> list[str]:
    if name[0].isupper():
        return [f".. autoclass:: {module}.{name}", "   :members:", "   :undoc-members:"]
    return [f".. autofunction:: {module}.{name}"]


def _reference(module: str, name: str) -> list[str]:
    """Return a pointer to a name that the package itself has, too."""
    title = f"await {name}(...)" if module == "warmkey.aio" else name
    return [f"``{title}``", f"   The same as :py:obj:`warmkey.{name}`."]


def build(out: Path, clone: Path = ROOT) -> None:
    """Build the site into *out*. A warning of Sphinx's is an error."""
    staged = clone / "build" / "site-source"
    stage(staged, clone)
    shutil.rmtree(out, ignore_errors=True)
    sphinx = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "-q", "-b", "html"]
    cache = clone / "build" / "site-doctrees"
    shutil.rmtree(cache, ignore_errors=True)
    environment = os.environ | {"WARMKEY_CLONE": str(clone), "SOURCE_DATE_EPOCH": "0"}
    subprocess.run([*sphinx, "-d", str(cache), str(staged), str(out)], check=True, env=environment)
    _write_for_programs(out, staged, clone)


def _write_for_programs(out: Path, staged: Path, clone: Path) -> None:
    """Put the Markdown of each page beside its HTML, and ``llms.txt`` and ``llms-full.txt`` beside the first page."""
    listed = [page for page in pages(clone) if page.path != "api/index.md"]
    for page in listed:
        _copy(staged / page.path, out / page.path)
    (out / "llms.txt").write_text("\n".join(_index_for_programs(pages(clone))) + "\n", encoding="utf-8")
    whole = [(staged / page.path).read_text(encoding="utf-8") for page in listed if page.section != "Project"]
    (out / "llms-full.txt").write_text("\n\n".join(whole), encoding="utf-8")


def _index_for_programs(listed: Sequence[Page]) -> Iterator[str]:
    yield "# warmkey"
    yield ""
    yield "> Data key caching over AWS KMS for Python functions in AWS Lambda, in the AWS Encryption SDK's format."
    for section in SECTIONS:
        yield ""
        yield f"## {section}"
        yield ""
        for page in listed:
            if page.section == section:
                address = page.path.replace("api/index.md", "api/index.html")
                yield f"- [{page.title}]({address}): {page.summary}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Build it and say where it is."""
    parser = argparse.ArgumentParser(prog="python -m tools.build_site", description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site")
    out = parser.parse_args(arguments).out
    build(out)
    print(f"the site is in {out}; start with {out / 'index.html'}")


if __name__ == "__main__":
    main()
