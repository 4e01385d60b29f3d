"""Find who claims which requirement: comments like ``# spec: framework/caching-cmm.md#limit-bytes 3f2a``.

A claim belongs to the function, class or constant that it is in or above. ``Source:`` lines name a page and an anchor
for readers, and claim nothing.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from typing import TYPE_CHECKING, NamedTuple

from tools.conformance.ledger import Key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Citation", "Reference", "citations", "references"]

_CLAIM = re.compile(r"#\s*spec:\s*(?P<page>\S+\.md)(?:#(?P<anchor>[\w-]+)(?P<hashes>(?: [0-9a-f]{4,8})*))?\Z")
# Goes on in the next line after a comma.
_SOURCE = re.compile(r"(?m)^[ ]*(?:#[ ]|\"\"\")?Source:[ ]*((?:[^\n]*,\n\s*(?:#\s+)?)*[^\n]*)")
_PAGE = re.compile(r"(?P<page>(?:client-apis|data-format|framework)/[a-z0-9/-]+\.md)?(?:#(?P<anchor>[a-z0-9_-]+))?\Z")
_NOT_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}

# What a claim can belong to.
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


class Citation(NamedTuple):
    """A comment, and where it is; *keys* is empty if it names no sentence, and *problem* says what is wrong.

    *code_line* is the line of code that it is beside or above.
    """

    path: str
    line: int
    code_line: int
    place: str
    page: str = ""
    keys: tuple[Key, ...] = ()
    problem: str = ""


class Reference(NamedTuple):
    """A page and an anchor that a ``Source:`` line names."""

    path: str
    page: str
    anchor: str


def citations(root: Path, *folders: str) -> list[Citation]:
    """Return the claims in the Python files below *folders*, in their order."""
    return [found for path in _files(root, folders) for found in _citations(root, path)]


def references(root: Path, *folders: str) -> list[Reference]:
    """Return what ``Source:`` lines name; an anchor alone belongs to the page before it."""
    return [
        Reference(path.relative_to(root).as_posix(), *named)
        for path in _files(root, folders)
        for match in _SOURCE.finditer(path.read_text(encoding="utf-8"))
        for named in _named(match[1])
    ]


def _files(root: Path, folders: tuple[str, ...]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((root / folder).rglob("*.py"))


def _named(line: str) -> Iterator[tuple[str, str]]:
    if ".md" not in line:
        return  # from elsewhere: the AWS KMS API reference, say
    page = ""
    for token in re.findall(r"[^\s,;]+", line.replace("# ", "")):
        match = _PAGE.match(token.rstrip('."'))
        page = (match["page"] or page) if match else token
        yield page, (match["anchor"] or "") if match else ""


def _citations(root: Path, path: Path) -> Iterator[Citation]:
    text = path.read_text(encoding="utf-8")
    if "# spec:" not in text:
        return
    definitions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, _Definition)]
    for line, comment, code_line in _comments(text):
        place = f"{path.relative_to(root).as_posix()}:{_name_at(code_line, definitions)}".rstrip(":")
        where = (path.relative_to(root).as_posix(), line, code_line, place)
        match = _CLAIM.match(comment)
        if not match:
            yield Citation(*where, problem=f"must be like '# spec: page.md#anchor 3f2a', not {comment!r}")
            continue
        page, anchor = match["page"], match["anchor"] or ""
        yield Citation(
            *where, page=page, keys=tuple(Key(page, anchor, digits) for digits in (match["hashes"] or "").split())
        )


def _comments(text: str) -> Iterator[tuple[int, str, int]]:
    """Yield the claims, each with its line and the line of the code that it is beside or above."""
    waiting: list[tuple[int, str]] = []
    last_code = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        line = token.start[0]
        if token.type == tokenize.COMMENT and re.match(r"#\s*spec:", token.string):
            if line == last_code:
                yield line, token.string, line
            else:
                waiting.append((line, token.string))
        elif token.type not in _NOT_CODE:
            for comment_line, comment in waiting:
                yield comment_line, comment, line
            waiting.clear()
            last_code = token.end[0]


def _name_at(line: int, definitions: list[_Definition]) -> str:
    """Return the dotted name of the innermost definition at *line*."""
    around = [found for found in definitions if _first_line(found) <= line <= (found.end_lineno or 0)]
    around.sort(key=_first_line)
    named = []
    for found in around:
        named.append(_name(found))
        if not isinstance(found, ast.ClassDef):
            break
    return ".".join(named)


def _first_line(node: _Definition) -> int:
    decorators = [] if isinstance(node, ast.Assign | ast.AnnAssign) else node.decorator_list
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _name(node: _Definition) -> str:
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0])
    return ast.unparse(node.target) if isinstance(node, ast.AnnAssign) else node.name
