"""No process outlives its supervisor, however that ends."""

import subprocess
import sys

import psutil

from tests.support import until

PARENT = """
import sys, time
from shopsite.runtime.service import Program, Service
service = Service(Program("child", [sys.executable, "-c", "import time; time.sleep(600)"]))
service.start()
print(service.pid, flush=True)
time.sleep(600)
"""


def test_children_of_a_killed_supervisor_are_ended() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = psutil.Process(int(parent.stdout.readline()))
    helpers = psutil.Process(parent.pid).children()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: not any(process.is_running() for process in (child, *helpers)), within=15)
