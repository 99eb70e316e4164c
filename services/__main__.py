"""`python -m services kafka opensearch`: start services, say which settings lead to them, run until Ctrl-C.

`python -m services kafka opensearch -- COMMAND...` runs a command with those settings instead, and ends with it; with
`--for-tests` they are those that tests look for.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from . import ApicurioRegistry, KafkaBroker, OpensearchNode, Service

SERVICES: dict[str, type[Service]] = {one.name: one for one in (KafkaBroker, OpensearchNode, ApicurioRegistry)}


def main(arguments: Sequence[str]) -> int:
    """Run services; gives the exit code of the command, 0 without one."""
    own, command = list(arguments), []
    if "--" in own:
        own, command = own[: own.index("--")], own[own.index("--") + 1 :]
    options = _parser().parse_args(own)
    # A plain kill ends it as Ctrl-C does: in order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ExitStack() as running:
            data = options.data or Path(running.enter_context(tempfile.TemporaryDirectory(prefix="retold-services-")))
            services = [SERVICES[name](data / name) for name in dict.fromkeys(options.names)]
            for service in services:
                running.enter_context(service)
                running.callback(service.stop)
            settings = {one.test_setting if options.for_tests else one.setting: one.address for one in services}
            for name, address in settings.items():
                print(f"export {name}={address}", flush=True)
            if options.data:
                running.callback(print, f"Services end; their data stays in {data}.", flush=True)
            return _run(command, settings) if command else _serve()
    except KeyboardInterrupt:
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="+", choices=sorted(SERVICES), metavar="NAME", help=", ".join(sorted(SERVICES)))
    parser.add_argument("--data", type=Path, metavar="DIR", help="directory of data and logs; default: a temporary one")
    parser.add_argument("--for-tests", action="store_true", help="give the addresses to tests instead of to Retold")
    return parser


def _serve() -> int:
    print("Serving until Ctrl-C.", flush=True)
    while True:
        signal.pause()


def _run(command: Sequence[str], settings: Mapping[str, str]) -> int:
    with subprocess.Popen(command, env={**os.environ, **settings}) as process:
        # As a shell does: Ctrl-C is for the command, which decides what it means.
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
