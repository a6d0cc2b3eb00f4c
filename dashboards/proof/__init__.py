"""Prove the figures against the log, and make them anew from it. Kafka, past/ -> here."""
