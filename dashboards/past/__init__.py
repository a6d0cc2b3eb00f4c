"""Any range of time, read from Redis and the database as one. Redis -> here -> rows -> here -> reports/."""
