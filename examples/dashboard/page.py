"""Make one HTML page with all panels in it, which loads nothing else."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from examples.dashboard.drawing import svg
from examples.dashboard.panels import ANSWERED, AVOIDED, PANELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from examples.dashboard.points import Metrics

__all__ = ["page"]

_STYLE = """
:root { color-scheme: light }
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #f4f4f2; margin: 0 auto; max-width: 80rem;
       padding: 1rem 1.5rem }
h1 { font-size: 1.4rem }
dl { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1rem 0 }
dl div { background: #fff; border: 1px solid #ddd; border-radius: 6px; padding: .5rem 1rem }
dt { color: #666; font-size: .85rem }
dd { margin: 0; font-size: 1.4rem; font-weight: 600 }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem }
figure { background: #fff; border: 1px solid #ddd; border-radius: 6px; margin: 0; padding: .5rem }
figure svg { width: 100%; height: auto }
"""


def page(metrics: Metrics) -> str:
    """Return the page."""
    facts = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in _facts(metrics))
    figures = "\n".join(
        f'<figure role="img" aria-label="{escape(panel.title)}">{svg(panel, metrics)}</figure>' for panel in PANELS
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>warmkey: what the cache did</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>What the cache did</h1>
<p>The panels of the CloudWatch dashboard in <code>template.yaml</code>, drawn from the metrics that the functions of
the demo wrote. Each point or bar covers {metrics.invocations_per_period} invocations, in order from left to right. The
demo takes seconds and has tiny limits, which a few hundred records reach, so its data keys are far younger than those
of a real day.</p>
<dl>{facts}</dl>
<main>
{figures}
</main>
</body>
</html>
"""


def _facts(metrics: Metrics) -> Iterator[tuple[str, str]]:
    avoided, answered = metrics.total(*AVOIDED), metrics.total(*ANSWERED)
    yield "messages", f"{answered:,.0f}"
    yield "KMS requests made", f"{metrics.total('KmsRequests'):,.0f}"
    yield "KMS requests avoided", f"{avoided:,.0f}"
    yield "hit ratio", f"{avoided / answered:.1%}" if answered else "–"
    yield "failed", f"{metrics.total('RequestsFailed'):,.0f}"
