"""How the pipeline does: lags, and what mends them. Kafka, Redis, database -> here -> /ops/."""
