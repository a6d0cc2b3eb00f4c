"""Links to a live view for people without an account: read only, expiring, revocable, no customer's data."""
