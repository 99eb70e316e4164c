"""What a text is like: the patterns of `$like`, for everybody who compares a value that is here and in no index."""

from __future__ import annotations

ANY_RUN, ANY_ONE = "any run", "any one"
WILDCARDS = {"*": ANY_RUN, "?": ANY_ONE}


def is_like(text: str, pattern: str) -> bool:
    """Whether a text is like a pattern: `*` any run, `?` one character, a backslash takes the next literally.

    Goes back to the last run only, so the time is at most the product of both lengths.
    """
    wanted = _parts(pattern)
    at = part = 0
    run, run_end = -1, 0
    while at < len(text):
        if part < len(wanted) and wanted[part] == ANY_RUN:
            run, run_end, part = part, at, part + 1
        elif part < len(wanted) and wanted[part] in (ANY_ONE, text[at]):
            at, part = at + 1, part + 1
        elif run >= 0:
            run_end += 1
            at, part = run_end, run + 1
        else:
            return False
    return all(one == ANY_RUN for one in wanted[part:])


def literal(pattern: str) -> str | None:
    """The only text that is like the pattern, None if there may be more."""
    parts = _parts(pattern)
    return None if ANY_RUN in parts or ANY_ONE in parts else "".join(parts)


def _parts(pattern: str) -> list[str]:
    """What must come one after another: characters, or names of what stands for others, which are longer."""
    found = []
    characters = iter(pattern)
    for character in characters:
        if character in WILDCARDS:
            found.append(WILDCARDS[character])
        else:
            found.append(next(characters, "\\") if character == "\\" else character)
    return found
