"""Derive keys, sign, and wrap secrets with the ``cryptography`` package. Nothing here knows the message layout."""

from warmkey.crypto.installation import check_native_parts

check_native_parts()
