"""docker/compose.yaml is valid, and its services are the project's own processes."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands, load_command_class
from jsonschema import Draft202012Validator

DOCKER = Path(__file__).parents[2] / "docker"
PROCESSES = {"web", "relay", "consume", "worker", "beat", "aggregate", "gateway", "simulate"}
BROKERS = {"one": {"kafka-1"}, "three": {"kafka-1", "kafka-2", "kafka-3"}}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    return loaded


def env_file(profile: str) -> dict[str, str]:
    lines = (DOCKER / f"{profile}.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def own_commands(service: dict[str, Any]) -> list[str]:
    """The management commands that a service or its health check runs."""
    words = [
        str(word) for word in service.get("command", []) + service.get("healthcheck", {}).get("test", [])
    ]
    if "sh" in words:
        words = [part.rstrip(";") for word in words for part in shlex.split(word)]
    return [words[at + 1] for at, word in enumerate(words) if word == "manage.py"]


def test_compose_file_follows_the_compose_specification(compose: dict[str, Any]) -> None:
    schema = json.loads((DOCKER / "schema" / "compose-spec.json").read_text())
    Draft202012Validator.check_schema(schema)
    assert [error.message for error in Draft202012Validator(schema).iter_errors(compose)] == []


def test_every_process_is_a_service_that_runs_its_own_command(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services.keys() >= PROCESSES
    for name in PROCESSES:
        assert services[name]["command"][:3] == ["python", "manage.py", name]


def test_every_command_that_compose_runs_exists(compose: dict[str, Any]) -> None:
    named = {name for service in compose["services"].values() for name in own_commands(service)}
    assert named >= PROCESSES
    assert named - get_commands().keys() == set()


def test_every_heartbeat_that_is_asked_for_is_the_services_own(compose: dict[str, Any]) -> None:
    asked = {
        name: service["healthcheck"]["test"]
        for name, service in compose["services"].items()
        if "--heartbeat" in service.get("healthcheck", {}).get("test", [])
    }
    assert asked.keys() == PROCESSES - {"web"}
    for name, test in asked.items():
        words = test[test.index("doctor") + 1 :]
        assert (
            load_command_class("shopsite", "doctor")
            .create_parser("manage.py", "doctor")
            .parse_args(words)
            .heartbeat
            == name
        )


def test_every_lasting_service_has_a_health_check(compose: dict[str, Any]) -> None:
    without = {name for name, service in compose["services"].items() if "healthcheck" not in service}
    assert without == {"prepare"}


@pytest.mark.parametrize("profile", ["one", "three"])
def test_a_profile_starts_the_brokers_that_its_variables_name(profile: str, compose: dict[str, Any]) -> None:
    started = {
        name
        for name, service in compose["services"].items()
        if name.startswith("kafka-") and profile in service["profiles"]
    }
    variables = env_file(profile)
    assert started == BROKERS[profile]
    assert set(re.findall(r"kafka-\d", variables["KAFKA_BOOTSTRAP_SERVERS"])) == started
    assert set(re.findall(r"kafka-\d", variables["KAFKA_VOTERS"])) == started
    assert int(variables["REPLICATION_FACTOR"]) == len(started)
