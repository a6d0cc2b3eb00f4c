"""Rules on figures, and the alerts that they raise. Aggregates -> here -> mail, live page, admin."""
