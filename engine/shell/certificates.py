"""TLS as a client sees it: which authority is trusted. Rule: a file that cannot be used is named, with its setting."""

from __future__ import annotations

import ssl
from pathlib import Path

from engine.core.faults import RetoldError


def trusting(authority: Path | None, setting: str) -> ssl.SSLContext:
    """Trusts the authorities of a PEM file, those of the system without one. Raises RetoldError naming the setting."""
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as error:
        raise unusable(setting, authority, "a PEM file with certificates", error) from None


def unusable(setting: str, file: Path | None, expected: str, error: OSError) -> RetoldError:
    """The fault of a file that is missing, cannot be read, or holds something else."""
    return RetoldError(f"{setting}: expected {expected} at {file}, got: {error.strerror or error}; name another file")


def distrust(error: BaseException | None, who: str, authority: Path | None, setting: str) -> str:
    """What is wrong with the other side's certificate and what to do; empty if that is not why the connection failed.

    `error`: what a client's library made of it.
    """
    reason = ""
    while error is not None and not reason:
        reason = getattr(error, "verify_message", "")  # of ssl's own error; libraries derive theirs from it without one
        error = error.__cause__ or error.__context__
    if not reason:
        return ""
    trusted = f"the authority in {authority}" if authority else "an authority that the system trusts"
    return (
        f"expected {who} to show a certificate for its address by {trusted}, got: {reason}; set "
        f"{setting} to the PEM file of the authority that signed it, or name the host as its certificate does"
    )
