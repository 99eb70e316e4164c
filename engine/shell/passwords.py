"""Passwords: hashed and compared with Argon2, never kept. Nothing here writes one anywhere, nor into an error."""

from __future__ import annotations

from functools import cache
from typing import Protocol

import argon2

#: Longer ones are refused before they cost anything.
PASSWORD_LENGTH_MAX = 1_024

_HASHER = argon2.PasswordHasher()


class Hasher(Protocol):
    """Hashes passwords and compares them."""

    def hash(self, password: str) -> str:
        """What is kept of a password."""

    def is_right(self, password_hash: str | None, password: str) -> bool:
        """Whether this is the password; of None it never is, which takes as long."""


def hash_password(password: str) -> str:
    """The Argon2 hash with its parameters and a new salt. Takes tens of milliseconds, on purpose."""
    return _HASHER.hash(password)


@cache
def nobodys_hash() -> str:
    """What to compare with for a user who is not known: it costs the same."""
    return hash_password("")


def is_password(password_hash: str, password: str) -> bool:
    """Whether this is the password, in a time that does not tell how much of it is right."""
    try:
        return _HASHER.verify(password_hash, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


class Argon2Hasher:
    """The Hasher of every installation."""

    def hash(self, password: str) -> str:
        """As `Hasher.hash`."""
        return hash_password(password)

    def is_right(self, password_hash: str | None, password: str) -> bool:
        """As `Hasher.is_right`."""
        is_it = is_password(password_hash or nobodys_hash(), password)
        return is_it and password_hash is not None
