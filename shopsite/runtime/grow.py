"""From one broker to three without losing anything: `demo --brokers 3` in a folder that had one -> here.

While all brokers are down, the new ones get a copy of the cluster's metadata, so whichever of them leads
first knows all; once they run, every partition is copied to each of them.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

METADATA = "__cluster_metadata-0"
QUORUM = "quorum-state"  # who votes; written anew, and refused where it differs from the settings


def copy_metadata(old: Path, new: Sequence[Path]) -> None:
    """Give formatted log folders of new brokers the old one's metadata log."""
    for log in new:
        shutil.copytree(
            old / METADATA, log / METADATA, ignore=shutil.ignore_patterns(QUORUM), dirs_exist_ok=True
        )
    (old / METADATA / QUORUM).unlink(missing_ok=True)


def replicate_everywhere(admin: KafkaAdminClient, brokers: int) -> int:
    """Put every partition on every broker, and want two of them in sync; returns how many were moved.

    Kafka copies in the background. What is everywhere already is left as it is.
    """
    moves = {
        TopicPartition(topic["name"], partition["partition_index"]): _everywhere(
            partition["replica_nodes"], brokers
        )
        for topic in admin.describe_topics()
        for partition in topic["partitions"]
        if len(partition["replica_nodes"]) < brokers
    }
    if moves:
        admin.alter_partition_reassignments(moves)
        wanted = {"min.insync.replicas": str(brokers // 2 + 1)}
        names = sorted({place.topic for place in moves})
        admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, configs=wanted) for name in names]
        )
    return len(moves)


def _everywhere(replicas: Sequence[int], brokers: int) -> list[int]:
    """All brokers, those that have the data first."""
    return [*replicas, *(node for node in range(1, brokers + 1) if node not in replicas)]
