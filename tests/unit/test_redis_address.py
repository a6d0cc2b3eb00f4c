"""What an address of Redis says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from shopsite.events.redis import cluster_nodes, is_cluster

ROOT = Path(__file__).parents[2]


def test_a_clusters_address_names_its_nodes_its_login_and_tls() -> None:
    assert cluster_nodes("redis+cluster://10.0.0.1:6379,[::1]:6380/") == (
        [("10.0.0.1", 6379), ("::1", 6380)],
        {"username": None, "password": None, "ssl": False},
    )
    assert cluster_nodes("rediss+cluster://shop:p%40ss@redis.example:7000") == (
        [("redis.example", 7000)],
        {"username": "shop", "password": "p@ss", "ssl": True},
    )
    assert not is_cluster("redis://127.0.0.1:6379/0")


@pytest.mark.parametrize("url", ["redis+cluster://", "redis+cluster://host", "redis+cluster://a:1,b"])
def test_a_cluster_without_hosts_and_ports_is_refused_by_name(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="redis\\+cluster://host:port,host:port"):
        cluster_nodes(url)


def test_a_shop_on_a_cluster_is_told_that_celery_needs_another_redis() -> None:
    settings = [sys.executable, "-c", "import shopsite.settings as s; print(s.CELERY_BROKER_URL)"]
    env = {**os.environ, "REDIS_URL": "redis+cluster://127.0.0.1:1"}
    env.pop("CELERY_BROKER_URL", None)
    refused = subprocess.run(settings, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "CELERY_BROKER_URL" in refused.stderr and "no cluster" in refused.stderr
    env["CELERY_BROKER_URL"] = "redis://127.0.0.1:2/0"
    taken = subprocess.run(settings, env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    assert taken.stdout.strip() == "redis://127.0.0.1:2/0"
