"""The demo on Kafka and OpenSearch, and the audit of what it left."""

from __future__ import annotations

from pathlib import Path

from tests.integration.test_demo import check_told, run_retold


def test_the_demo_ends_well_on_kafka_and_opensearch(
    tmp_path: Path, kafka: str, opensearch: str, kafka_prefix: str, index_prefix: str
) -> None:
    services = {
        "RETOLD_KAFKA_BOOTSTRAP_SERVERS": kafka,
        "RETOLD_KAFKA_TOPIC_PREFIX": kafka_prefix,
        "RETOLD_OPENSEARCH_URL": opensearch,
        "RETOLD_OPENSEARCH_INDEX_PREFIX": index_prefix,
    }
    told = run_retold("demo", "--count", "500", "--data", str(tmp_path), environment=services)
    check_told(told)
    assert f"its log on Kafka at {kafka}, search in OpenSearch at {opensearch}" in told
    run_retold("replay", "verify", "--data", str(tmp_path), environment=services)
    run_retold("replay", "rerun", "--data", str(tmp_path), environment=services)
