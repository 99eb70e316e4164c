"""Certificates for tests: an authority, and what it signs, as PEM files."""

from __future__ import annotations

from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


class Authority:
    """An authority with its files in `directory`; `file` is its own certificate."""

    def __init__(self, directory: Path, name: str = "authority") -> None:
        self._authority = trustme.CA(organization_name=name)
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.file = directory / f"{name}.pem"
        self._authority.cert_pem.write_to_path(self.file)

    def issue(self, *identities: str, name: str) -> Path:
        """A certificate for these names or addresses, whose own name is `name`: one file, its key first."""
        issued = self._authority.issue_cert(*identities, common_name=name)
        # Java reads no other format of a key than PKCS #8.
        key = load_pem_private_key(issued.private_key_pem.bytes(), password=None)
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file = self._directory / f"{name}.pem"
        file.write_bytes(text + b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        return file
