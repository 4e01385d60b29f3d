"""A plan as one page that needs nothing else: no script, no font, no address."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

from warmkey.plan.advice import advice
from warmkey.plan.labels import STRATEGIES, busiest_contexts
from warmkey.plan.pictures import pictures
from warmkey.plan.report_text import heading
from warmkey.plan.tables import grid_rows, side_by_side
from warmkey.plan.variables import variables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from warmkey.plan.plan import Plan

__all__ = ["as_html"]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 64rem;
       margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2.5rem }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; font-size: .9rem }
td, th { padding: .2rem .7rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap }
td:first-child, th:first-child { text-align: left; white-space: pre }
.wide { overflow-x: auto } img { width: 100%; height: auto }
pre { background: #f4f4f4; padding: 1rem; overflow-x: auto }
td.label:first-child { overflow-wrap: anywhere; white-space: normal }
"""
_TITLES = {strategy: name[0].upper() + name[1:] for strategy, name in STRATEGIES.items()}


def as_html(plan: Plan, *, show_contexts: bool) -> str:
    """Return the page.

    :param show_contexts: whether context labels are in it, escaped; else they are numbered
    """
    return "\n".join(_page(plan, show_contexts=show_contexts)) + "\n"


def _page(plan: Plan, *, show_contexts: bool) -> Iterator[str]:
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield f"<title>warmkey plan</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>warmkey plan</h1>"
    yield from _paragraphs(heading(plan))
    yield "<h2>What follows</h2>"
    yield from _paragraphs(advice(plan))
    for name, planned in plan.strategies.items():
        if planned.choice is not None:
            yield f"<h2>{_TITLES[name]}: settings within the bounds</h2>"
            lines = (f"{variable}={value}" for variable, value in variables(name, planned.choice.limits).items())
            yield f"<pre>{escape(chr(10).join(lines))}</pre>"
    yield "<h2>Side by side</h2>"
    yield from _table([("", *(_TITLES[name] for name in plan.strategies), "no cache"), *side_by_side(plan)])
    for title, text, svg in pictures(plan):
        data = base64.b64encode(svg.encode()).decode()
        yield f'<h2>{escape(title)}</h2>\n<img alt="{escape(text)}" src="data:image/svg+xml;base64,{data}">'
    for name, planned in plan.strategies.items():
        if planned.cells:
            yield f"<h2>{_TITLES[name]}: KMS requests a month by limits</h2>"
            yield "<p>* knee: nine tenths of the possible savings; = this plan</p>"
            yield from _table(list(grid_rows(name, planned, plan.request.limits)))
    yield from _contexts(plan, show_contexts=show_contexts)
    if plan.traffic.notes:
        yield "<h2>Notes</h2>"
        yield from _paragraphs(plan.traffic.notes)
    yield "</body>\n</html>"


def _paragraphs(texts: Iterable[str]) -> Iterator[str]:
    yield from (f"<p>{escape(text)}</p>" for text in texts)


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    head, *body = rows
    yield '<div class="wide"><table>'
    yield "<tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr>"
    for row in body:
        yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
    yield "</table></div>"


def _contexts(plan: Plan, *, show_contexts: bool) -> Iterator[str]:
    found = busiest_contexts(plan.traffic, show_contexts=show_contexts)
    if found:
        yield "<h2>Encryption contexts with most messages</h2>\n<table>"
        for label, messages in found:
            yield f'<tr><td class="label">{escape(label)}</td><td>{messages:,}</td></tr>'
        yield "</table>"
