"""The ledger of requirements: what the specification demands, and which code and which test claims it."""
