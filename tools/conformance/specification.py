"""Read the requirements of a checkout of the specification: sentences with MUST, SHOULD or MAY, by page and anchor.

A sentence that ends with a colon, or without a full stop, takes in the list, table or code that follows it, except for
the items that are requirements of their own. So each word that is demanded belongs to exactly one requirement, and a
change of any of them changes a hash.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["LEVELS", "PAGES", "Requirement", "anchors", "commit_of", "pages", "requirements"]

# Where the pages are that may concern us.
PAGES = ("client-apis/*.md", "data-format/*.md", "framework/*.md", "framework/aws-kms/*.md")

# The strictest first: it is the level of a sentence with several of them.
LEVELS = {
    "MUST NOT": ("MUST NOT", "SHALL NOT"),
    "MUST": ("MUST", "SHALL", "REQUIRED"),
    "SHOULD NOT": ("SHOULD NOT", "NOT RECOMMENDED"),
    "SHOULD": ("SHOULD", "RECOMMENDED"),
    "MAY": ("MAY", "OPTIONAL"),
}
_LEVEL_OF = {word: level for level, words in LEVELS.items() for word in words}
_WORD = re.compile(r"\b(?:(?:MUST|SHALL|SHOULD)(?: NOT)?|NOT RECOMMENDED|RECOMMENDED|REQUIRED|MAY|OPTIONAL)\b")
# Each page explains the words that RFC 2119 defines, and quotes them.
_QUOTED = re.compile(r'"[A-Z ]+"')
_END_OF_SENTENCE = re.compile(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)[)”\"]?\s+(?=\S)")
_HEADING = "heading"
_DIGITS = 4


class Requirement(NamedTuple):
    """One sentence of a page; :attr:`text` is for people who have the checkout, and is kept nowhere."""

    page: str
    anchor: str
    level: str
    hash: str
    text: str


class _Sentence(NamedTuple):
    anchor: str
    text: str


def commit_of(checkout: Path) -> str:
    """Return which commit of the specification *checkout* has."""
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def pages(checkout: Path) -> list[str]:
    """Return the pages that may concern us, in order."""
    return sorted(path.relative_to(checkout).as_posix() for pattern in PAGES for path in checkout.glob(pattern))


def requirements(page: str, markdown: str) -> list[Requirement]:
    """Return the requirements of *page* in its order; a sentence that a section repeats is one requirement."""
    sentences = dict.fromkeys(_Walk().blocks(_parsed(markdown).children))
    clashing = Counter((sentence.anchor, _hash(sentence.text)[:_DIGITS]) for sentence in sentences)

    def short(sentence: _Sentence) -> str:
        whole = _hash(sentence.text)
        return whole[: _DIGITS if clashing[sentence.anchor, whole[:_DIGITS]] == 1 else 2 * _DIGITS]

    return [Requirement(page, found.anchor, _level(found.text) or "", short(found), found.text) for found in sentences]


def anchors(markdown: str) -> set[str]:
    """Return the anchors of all headings."""
    walk = _Walk()
    for _ in walk.blocks(_parsed(markdown).children):
        pass
    return walk.anchors


def _parsed(markdown: str) -> SyntaxTreeNode:
    return SyntaxTreeNode(MarkdownIt("commonmark").enable("table").parse(markdown))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _level(text: str) -> str | None:
    """Return the strictest level that *text* has a word of."""
    found = {_LEVEL_OF[word] for word in _WORD.findall(_QUOTED.sub("", text))}
    return next((level for level in LEVELS if level in found), None)


class _Walk:
    """Goes through the blocks of a page and keeps the heading that it is under."""

    def __init__(self) -> None:
        self.anchors: set[str] = set()
        self._anchor = ""
        self._seen: Counter[str] = Counter()

    def blocks(self, blocks: Sequence[SyntaxTreeNode]) -> Iterator[_Sentence]:
        for place, block in enumerate(blocks):
            if block.type == _HEADING:
                self._enter(_text(block))
            elif block.type == "paragraph":
                yield from self._sentences(_text(block), blocks[place + 1 :])
            elif block.type == "tr":
                yield from self._sentences(_text(block), ())
            else:
                yield from self.blocks(block.children)

    def _enter(self, heading: str) -> None:
        """Make the anchor of *heading* as GitHub does."""
        slug = re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        self._anchor = f"{slug}-{self._seen[slug]}" if self._seen[slug] else slug
        self._seen[slug] += 1
        self.anchors.add(self._anchor)

    def _sentences(self, paragraph: str, following: Sequence[SyntaxTreeNode]) -> Iterator[_Sentence]:
        *sentences, last = _END_OF_SENTENCE.split(paragraph)
        for sentence in (*sentences, " ".join([last, *_belonging(last, following)])):
            # Only what the sentence itself says makes it a requirement, not what belongs to it.
            if _level(sentence if sentence in sentences else last):
                yield _Sentence(self._anchor, sentence)


def _belonging(lead: str, following: Sequence[SyntaxTreeNode]) -> Iterator[str]:
    """Return what a sentence without a full stop announces, without requirements of their own."""
    if not following or following[0].type == _HEADING or lead.endswith((".", "!", "?")):
        return
    if following[0].type == "paragraph":
        text = _text(following[0])
        if lead.endswith(":") and text.endswith(":") and not _level(text):
            yield text
            yield from _belonging(text, following[1:])
        return
    yield from _texts(following[0])


def _texts(block: SyntaxTreeNode) -> Iterator[str]:
    if block.type in {"paragraph", "tr", "fence", "code_block"}:
        text = _text(block)
        if not _level(text):
            yield text
    else:
        for child in block.children:
            yield from _texts(child)


def _text(node: SyntaxTreeNode) -> str:
    """Return the words of *node*, without markup, addresses and line breaks."""
    return " ".join(" ".join(_words(node)).split()) if node.type == "tr" else " ".join("".join(_words(node)).split())


def _words(node: SyntaxTreeNode) -> Iterator[str]:
    if node.type in {"softbreak", "hardbreak"}:
        yield " "
    elif node.type in {"text", "code_inline", "fence", "code_block", "html_inline"}:
        yield node.content
    else:
        for child in node.children:
            yield from _words(child)
