"""Traffic that no shopper makes: recordings and made-up shoppers. Files, seeds -> here -> Kafka, the shop."""
