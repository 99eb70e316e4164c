"""Free ports for services, which keep them over restarts."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack

#: Below the ports that systems give to outgoing connections: a client that tries again and again to reach a stopped
#: service would otherwise now and then be given the service's own port. OpenSearch's runner allows none above 9299.
PORTS = range(5500, 9200)


def free_ports(count: int) -> list[int]:
    """So many different ports of the loopback address that nobody listens to now. Raises OSError."""
    found: list[int] = []
    with ExitStack() as held:
        for port in random.sample(PORTS, len(PORTS)):
            listener = held.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                return found
    raise OSError(f"expected {count} free ports from {PORTS.start} to {PORTS.stop - 1}, got {len(found)}")
