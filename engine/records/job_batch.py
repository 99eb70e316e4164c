"""The `job_batch` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "JOB_BATCH"


class JobBatch(Struct, frozen=True, kw_only=True):
    """Activation of jobs. ACTIVATE gives one JOB ACTIVATED a job and ACTIVATED last."""

    type: str = ""
    worker: str = ""
    timeout: int = 0
    jobs_max: int = 0
    fetch_variables: tuple[str, ...] = ()
    job_keys: tuple[int, ...] = ()
    truncated: bool = False
    tenant_id: str = ""
