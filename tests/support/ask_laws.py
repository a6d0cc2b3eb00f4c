"""`python -m tests.support.ask_laws`: a line for each breach of LAWS_AT_REST, in the database that is set."""

import django

django.setup()

from tests.support.laws import LAWS_AT_REST, breaches  # noqa: E402  # after the set-up

for breach in breaches(LAWS_AT_REST):
    print(breach)  # noqa: T201
