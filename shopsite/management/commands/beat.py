"""`manage.py beat`: Celery's clock, with a heartbeat. The schedule is in shopsite/celery.py; one may run."""

from typing import Any

from django.core.management.base import BaseCommand

from shopsite.celery import app
from shopsite.config import LOCAL_DIR
from shopsite.runtime.celery_beats import beat_while_running


class Command(BaseCommand):
    """Runs the clock."""

    help = "Send the periodic tasks: the sweep, expiries, mails. One at a time."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Tick until SIGTERM."""
        schedule = str(LOCAL_DIR / "celerybeat-schedule")
        clock = app.Beat(schedule=schedule, loglevel="WARNING", pidfile=None, quiet=True)
        with beat_while_running("beat"):
            clock.run()
