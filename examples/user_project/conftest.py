"""Enable the fixtures ``warmkey_kms`` and ``warmkey_fake_kms``."""

pytest_plugins = ["warmkey.testing.pytest_plugin"]
