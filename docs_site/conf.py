"""Sphinx's settings for the documentation site. ``tools/build_site.py`` stages the pages and calls Sphinx."""

from __future__ import annotations

import os
import sys
from pathlib import Path

CLONE = Path(os.environ["WARMKEY_CLONE"])
sys.path[:0] = [str(CLONE / "src"), str(CLONE)]

from layer.project import version as version_of_the_package  # noqa: E402 - the path is set above

project = "warmkey"
author = "warmkey contributors"
copyright = "warmkey contributors, Apache License 2.0"  # noqa: A001 - Sphinx's name
version = release = version_of_the_package(CLONE)
html_title = f"warmkey {version}"

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["colon_fence", "fieldlist"]
myst_heading_anchors = 4
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["warmkey.css"]
html_copy_source = False
html_show_sourcelink = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"
nitpicky = False

# `make links`.
linkcheck_timeout = 20
linkcheck_workers = 4
linkcheck_retries = 2
linkcheck_anchors_ignore_for_url = [r"https://github\.com/.*"]  # made by scripts
linkcheck_allow_unauthorized = False
