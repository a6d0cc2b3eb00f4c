"""What beat asks for, workers know."""

from shopsite import tasks
from shopsite.celery import EVERY_SECONDS, app


def test_every_scheduled_task_is_a_door_of_tasks() -> None:
    doors = {getattr(getattr(tasks, name, None), "name", None) for name in EVERY_SECONDS}
    assert doors == {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert len(doors) == len(EVERY_SECONDS)
