"""The Celery application. Redis carries the wake-up calls; the work itself is in the database."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shopsite.settings")
app = Celery("shopsite")
app.set_default()  # "current" is one thread's only: web and consume send tasks from others
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["shopsite", "orders", "inventory", "dashboards"])

EVERY_SECONDS = {  # the doors of tasks.py that beat knocks at
    "sweep": 2.0,
    "charge_due": 2.0,
    "give_due": 2.0,
    "send_due_mails": 5.0,
    "expire_reservations": 10.0,
    "fill_backorders": 10.0,
    "tell_waiting": 60.0,
    "write_history": 60.0,
    "refresh_answers": 10.0,  # done as often in the first minutes, then every two
    "watch_figures": 15.0,
    "send_alert_mails": 10.0,
    "trim_events": 3_600.0,
    "reconcile_payments": 3_600.0,
    "forget_carts": 86_400.0,
}
app.conf.beat_schedule = {
    name: {
        "task": f"shopsite.tasks.{name}",
        "schedule": seconds,
        "options": {"expires": seconds},  # a worker that was away has no heap of them to work off
    }
    for name, seconds in EVERY_SECONDS.items()
}
