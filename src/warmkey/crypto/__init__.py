"""Derive keys, sign, and wrap secrets with the ``cryptography`` package. Nothing here knows the message layout."""

from warmkey.crypto.installation import check_native_parts
from warmkey.exceptions import ConfigurationError

try:
    check_native_parts()
except ConfigurationError as error:
    from warmkey.crypto.end_of_command import end_the_command

    end_the_command(error)
    raise
