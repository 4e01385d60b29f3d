"""Break the library one small step at a time, and see that a test notices: ``make mutants``."""
