"""Plan the limits of a cache before they are deployed: what a limit costs, and what it exposes.

The command ``warmkey plan`` is the only caller. It needs the extra ``plan`` (numpy, and matplotlib for pictures), and no
layer contains it.

Data flows one way: an input (``csv_traces``, ``logs``, ``converters``, ``sample`` or rates) becomes a :class:`Trace`
(``trace``) or :class:`Rates` (``rates``). ``replay`` runs a trace through the real caching CMM and cache; ``trace_model``
and ``rates_model`` estimate the same numbers, the one with arrays, the other in closed form. Each gives an
:class:`Outcome` (``outcome``), which ``bill`` prices, ``grid`` compares over many limits, and ``report`` shows.
"""
