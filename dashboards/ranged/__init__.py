"""The live page of a range of the past, beside another."""
