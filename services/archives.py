"""The programs of services, from Maven Central, in a folder that is kept between runs.

What a program needs is fetched into a folder beside its place and moved there when it is complete, so what is there is
complete, whatever was interrupted. One process fetches while the others wait.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from jgo.maven import MavenContext

#: Names the folder that is kept; else it is `retold-services` in the user's cache directory.
CACHE_VARIABLE = "RETOLD_SERVICES_CACHE"
#: Tries of a program, for networks that fail now and then.
TRIES_MAX = 3
#: Jars that are fetched at the same time.
DOWNLOADS_MAX = 8


class Jars(Struct, frozen=True, kw_only=True):
    """A program in jars: artifacts (`group:artifact:version`) and all that they need."""

    name: str
    artifacts: tuple[str, ...]

    def classpath(self) -> str:
        """The class path of all of them; fetches them if they are not there. Raises OSError, RuntimeError."""
        return str(_kept(self.name, self._fetch) / "*")

    def _fetch(self, temporary: Path) -> Path:
        from jgo.parse import Endpoint

        maven = _maven(temporary)
        wanted = [maven.create_dependency(one) for one in Endpoint.parse("+".join(self.artifacts)).coordinates]
        given, needed = maven.resolver.resolve(wanted)
        jars = [one.artifact for one in (*given, *(one for one in needed if one.scope in ("compile", "runtime")))]
        folder = temporary / "jars"
        folder.mkdir()
        with ThreadPoolExecutor(DOWNLOADS_MAX) as pool:
            for path in pool.map(lambda jar: Path(jar.resolve()), jars):
                _check(path)
                shutil.move(path, folder)
        return folder


class Bundle(Struct, frozen=True, kw_only=True):
    """A program that is one artifact: a tar archive of everything."""

    name: str
    group: str
    artifact: str
    version: str
    classifier: str

    def folder(self) -> Path:
        """Where it is unpacked; fetches it if it is not there. Raises OSError, RuntimeError."""
        return _kept(self.name, self._fetch)

    def _fetch(self, temporary: Path) -> Path:
        component = _maven(temporary).project(self.group, self.artifact).at_version(self.version)
        path = component.artifact(classifier=self.classifier, packaging="tar.gz").resolve()
        folder = temporary / "unpacked"
        try:
            with tarfile.open(path) as archive:
                archive.extractall(folder, filter="data")
        except (tarfile.TarError, EOFError) as fault:
            raise RuntimeError(f"expected a whole archive, got {path.name}: {fault}") from fault
        return folder


def cache_directory() -> Path:
    """Where programs are kept; RETOLD_SERVICES_CACHE or `retold-services` in the user's cache directory."""
    chosen = os.environ.get(CACHE_VARIABLE)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    directory = Path(chosen) if chosen else Path(home) / "retold-services"
    directory.mkdir(parents=True, exist_ok=True)
    return directory.absolute()


def _kept(name: str, fetch: Callable[[Path], Path]) -> Path:
    place = cache_directory() / name
    if not place.exists():
        with _only_one(place.with_name(f"{name}.lock")):
            if not place.exists():
                _fill(place, fetch)
    return place


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fill(place: Path, fetch: Callable[[Path], Path]) -> None:
    print(f"Fetching {place.name} into {place.parent}, once ...", file=sys.stderr, flush=True)
    for left in reversed(range(TRIES_MAX)):
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=f"{place.name}-") as temporary:
            try:
                complete = fetch(Path(temporary))
            except (OSError, RuntimeError):  # the network, or what a registry answered
                if not left:
                    raise
            else:
                complete.rename(place)
                return


def _maven(temporary: Path) -> MavenContext:
    # Only here: it takes half a second to import, and nothing needs it once the programs are there.
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext

    repositories = {"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories}
    return MavenContext(repo_cache=temporary / "repository", remote_repos=repositories)


def _check(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except zipfile.BadZipFile as fault:
        raise RuntimeError(f"expected a jar, got {path.name}, which is no archive: {fault}") from fault
    if broken is not None:
        raise RuntimeError(f"expected a whole jar, got {path.name} with a broken {broken}")
