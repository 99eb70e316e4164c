# Two stages: pip and its caches stay in the first. Build with `docker build -t retold .`
FROM python:3.11.14-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/retold
WORKDIR /source
# What rarely changes comes first: it is built once.
COPY requirements.runtime.lock ./
RUN /opt/retold/bin/pip install --require-hashes --only-binary :all: -r requirements.runtime.lock
COPY pyproject.toml README.md ./
COPY schemas schemas
COPY engine engine
COPY exporters exporters
COPY gateway gateway
COPY replay replay
RUN python -m venv /tmp/builder \
    && /tmp/builder/bin/pip install "setuptools==80.9.0" "wheel==0.45.1" \
    && /tmp/builder/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /tmp/wheel . \
    && /opt/retold/bin/pip install --no-deps /tmp/wheel/*.whl \
    && /opt/retold/bin/python -m compileall -q /opt/retold/lib \
    && /opt/retold/bin/pip uninstall --yes pip

FROM python:3.11.14-slim-bookworm
COPY --from=build /opt/retold /opt/retold
# A named volume takes over the owner of the directory that it covers.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin retold \
    && install --directory --owner=retold --group=retold /data /snapshots
ENV PATH=/opt/retold/bin:$PATH PYTHONUNBUFFERED=1 RETOLD_DATA=/data RETOLD_HOST=0.0.0.0 RETOLD_PORT=8080
USER retold
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/health/live', timeout=4)"]
ENTRYPOINT ["retold"]
CMD ["run"]
