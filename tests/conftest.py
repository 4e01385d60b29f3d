"""For all tests: hypothesis lets no clock decide."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("warmkey", deadline=None, print_blob=True)
settings.load_profile("warmkey")
