"""Events into figures in Redis, each once. Kafka -> here -> Redis; folds/ says what is counted."""
