"""Passwords: hashed and compared with Argon2, never kept. Nothing here writes one anywhere, nor into an error."""

from __future__ import annotations

from functools import cache

import argon2

#: Longer ones are refused before they cost anything.
PASSWORD_LENGTH_MAX = 1_024

_HASHER = argon2.PasswordHasher()


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
