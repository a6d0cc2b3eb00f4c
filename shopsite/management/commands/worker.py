"""`manage.py worker`: Celery's worker, with a heartbeat. Redis wakes it; the work is in the database."""

import logging
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from shopsite.celery import app
from shopsite.garbage import collect_seldom
from shopsite.runtime.celery_beats import beat_while_running


class Command(BaseCommand):
    """Runs one worker process; any number may run."""

    help = "Do what is due: drain the inbox, charge, mail, expire. Any number may run."

    def add_arguments(self, parser: CommandParser) -> None:
        """How many tasks at a time."""
        parser.add_argument(
            "--concurrency", type=int, default=4, help="tasks at a time, in threads (default: 4)"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Work until SIGTERM; tasks that run are finished first."""
        # threads, since one process of this size is enough, and a slow gateway must not hold up the inbox
        worker = app.Worker(
            pool="threads",
            concurrency=options["concurrency"],
            loglevel="WARNING",
            without_gossip=True,
            without_mingle=True,
            optimization="fair",
        )
        collect_seldom()
        with beat_while_running("worker", counting_tasks=True):
            worker.start()
        # Losing Redis can end Celery's loop and leave threads that never end: the process would stay and do
        # nothing (celery #8030, #10205). What they had begun is in the database, for whoever starts next.
        logging.shutdown()
        os._exit(worker.exitcode or 0)
