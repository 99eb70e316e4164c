"""What can be searched: the entities of the API, their fields, what each is made of, and what it is related to.

Names and enumerations are those of the Camunda 8 REST API (spec section 7.3 to 7.5) as its official client knows them.
`column` is an SQL expression over the tables of `exporters/sqlite/schema.sql`; stores of documents go by `path`.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

KEY = "KEY"  # a 64-bit number, on the API a string of digits
BASIC_KEY = "BASIC_KEY"  # the same, but any other text is allowed and is equal to none
STRING_KEY = "STRING_KEY"  # the same, and $like
STRING = "STRING"
ENUM = "ENUM"
INTEGER = "INTEGER"
NUMBER = "NUMBER"  # with a fraction: only in documents
BOOLEAN = "BOOLEAN"
DATE = "DATE"
STRINGS = "STRINGS"  # a JSON array of texts: only in documents
OBJECT = "OBJECT"  # a JSON object: only in documents
NULLABLE_OBJECT = "NULLABLE_OBJECT"  # the same, null when there is none
OBJECTS = "OBJECTS"  # a JSON array of objects: only in documents
ERRORS = "ERRORS"  # the errors of a batch operation: only in documents
METRIC = "METRIC"  # a JSON array of a count and the date of the last change: only in documents


#: Characters of a long text that are indexed.
BEGINNING_SIZE = 32


class Field(Struct, frozen=True):
    """One property. `values`: of an ENUM; `sorts`, `filters`, `shown`: where it may be used.

    `nullable`: may be missing (missing values sort last); `beginning`: an indexed expression, the start of a long text;
    `only`: the one operator that a filter has, which a plain value means; `path`: what documents of a store without
    tables call it, if it is not what follows the last dot of `column`.
    """

    name: str
    kind: str
    column: str
    values: tuple[str, ...] = ()
    sorts: bool = True
    filters: bool = True
    shown: bool = True
    nullable: bool = False
    beginning: str = ""
    only: str = ""
    path: str = ""


class Relation(Struct, frozen=True):
    """Rows that belong to a searched one. `source`: their table; `link`: a column equal to the `owner` column there.

    `correlated`: the source to use when every owner is looked up by itself; `match`: what then ties its rows to the
    owner, if not `link` alone.
    """

    name: str
    source: str
    link: str
    owner: str
    correlated: str
    match: str = ""


class RelatedField(Struct, frozen=True):
    """A filter property that asks about related rows: about `field`, or without one whether there are any.

    `many`: all values together belong to the owner, so `$neq` means that none is equal.
    """

    relation: Relation
    field: Field | None = None
    many: bool = False


class Owner(Struct, frozen=True):
    """What a searched row belongs to: the only row of `entity` for which `match` holds."""

    entity: Entity
    match: str


class Entity(Struct, frozen=True):
    """What is searched. `identity`: columns that tell rows apart, the last of every order.

    Filter properties beside the fields: `related`; `variables` and `tags`, lists (the latter is called `tags_name`);
    `alternatives`: if there is `$or`.
    `synonyms`: names of one property, of which a filter may use one; `required`: those that a filter must have.
    `definition`: the column that names the definition whose columns `d` are joined.
    `owners`: properties that are filters of what a row belongs to.
    `within`: what a search may be narrowed to by its place in the API, as conditions about `{key}`.
    `made`: rows are made by the query. Its source may hold `{key}`, and `{matching}` where its filter goes.
    """

    name: str
    source: str
    identity: tuple[str, ...]
    fields: tuple[Field, ...]
    related: Mapping[str, RelatedField] = {}
    variables: Mapping[str, Relation] = {}
    tags: Relation | None = None
    tags_name: str = "tags"
    alternatives: bool = False
    synonyms: tuple[tuple[str, str], ...] = ()
    required: tuple[str, ...] = ()
    definition: str = ""
    owners: Mapping[str, Owner] = {}
    within: Mapping[str, str] = {}
    made: bool = False

    def filters(self) -> dict[str, Field]:
        """Fields that a filter may name."""
        return {field.name: field for field in self.fields if field.filters}

    def sorts(self) -> dict[str, Field]:
        """Fields that an order may name."""
        return {field.name: field for field in self.fields if field.sorts}

    def shown(self) -> tuple[Field, ...]:
        """Fields of the document, in order."""
        return tuple(field for field in self.fields if field.shown)


def filter_only(name: str, kind: str, column: str, values: tuple[str, ...] = (), *, path: str = "") -> Field:
    """A field that is neither shown nor an order."""
    return Field(name, kind, column, values, sorts=False, shown=False, nullable=True, path=path)


def shown_only(name: str, kind: str, column: str, *, path: str = "") -> Field:
    """A field of the document alone."""
    return Field(name, kind, column, sorts=False, filters=False, nullable=True, path=path)


def made_field(name: str, kind: str, column: str, *, sorts: bool = True, nullable: bool = False) -> Field:
    """A field of rows that are made: no filter."""
    return Field(name, kind, column, sorts=sorts, filters=False, nullable=nullable)
