"""Plan the limits of a cache before they are deployed: what a limit costs, and what it exposes.

The command ``warmkey plan`` is the only caller. It needs the extra ``plan`` (numpy, and matplotlib for pictures), and
no layer contains it.

Data flows one way. An input (``csv_traces``, ``logs``, ``converters``, ``sample`` or rates) becomes a ``trace`` or
``rates``. ``replay`` runs a trace through the real caching CMM and its cache, or through the real hierarchical keyring;
``trace_model`` and ``rates_model`` estimate the same numbers, the one with arrays, the other in closed form. Each gives
an ``outcome``, which ``bill`` prices, ``grid`` compares over many limits, and the reports show.
"""
