"""The fixtures of the pytest plugin, as a user's suite has them."""

from warmkey.testing.pytest_plugin import warmkey_fake_kms, warmkey_kms

__all__ = ["warmkey_fake_kms", "warmkey_kms"]
