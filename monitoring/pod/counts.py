"""What is counted in a pod's database: a table of queries, and which columns each needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from monitoring.board import Sample
from monitoring.metrics import COMMENTS, DATABASE_BYTES, DATABASE_SESSIONS, POSTS, USERS

Columns = Mapping[str, AbstractSet[str]]
ACTIVE = ("total", "month", "half_year")


@dataclass(frozen=True)
class Count:
    """A query of one row, and what its values say of a pod."""

    what: str
    needs: Columns
    sql: str
    samples: Callable[[str, Sequence[Any]], list[Sample]]
    # How long what was counted is good; 0: it is dirt cheap.
    seconds: float = 0


COUNTS: tuple[Count, ...] = (
    Count(
        "sessions",
        {},
        """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
        """,
        lambda pod, row: [(DATABASE_SESSIONS, (pod,), row[0])],
    ),
    Count(
        "size",
        {},
        "SELECT pg_database_size(current_database())",
        lambda pod, row: [(DATABASE_BYTES, (pod,), row[0])],
        seconds=300,
    ),
    Count(
        "users",
        {"users": {"id", "last_seen"}, "people": {"owner_id", "closed_account"}},
        """
        SELECT count(*),
          count(*) FILTER (WHERE users.last_seen > localtimestamp - interval '1 month'),
          count(*) FILTER (WHERE users.last_seen > localtimestamp - interval '6 months')
        FROM users JOIN people ON people.owner_id = users.id
        WHERE people.closed_account IS NOT TRUE
        """,
        lambda pod, row: [
            (USERS, (pod, active), count) for active, count in zip(ACTIVE, row, strict=True)
        ],
        seconds=600,
    ),
    Count(
        "posts",
        {"posts": {"author_id", "type"}, "people": {"id", "owner_id"}},
        """
        SELECT count(*) FROM posts JOIN people ON people.id = posts.author_id
        WHERE posts.type = 'StatusMessage' AND people.owner_id IS NOT NULL
        """,
        lambda pod, row: [(POSTS, (pod,), row[0])],
        seconds=600,
    ),
    Count(
        "comments",
        {"comments": {"author_id"}, "people": {"id", "owner_id"}},
        """
        SELECT count(*) FROM comments JOIN people ON people.id = comments.author_id
        WHERE people.owner_id IS NOT NULL
        """,
        lambda pod, row: [(COMMENTS, (pod,), row[0])],
        seconds=600,
    ),
)

CONTACTS_NEED: Columns = {"contacts": {"person_id"}, "people": {"id", "pod_id"}}
CONTACTS = """
SELECT people.pod_id, count(*) FROM contacts JOIN people ON people.id = contacts.person_id
WHERE people.pod_id IS NOT NULL GROUP BY people.pod_id
"""

PODS_NEED: Columns = {"pods": {"id", "host"}}
# What a row of the table of pods gives, in the order in which it is read.
_PODS = {
    "host": "left(host, 255)",
    "port": "port",
    "ssl": "ssl",
    "status": "status",
    # Its beginning tells the reason; the rest is as long as a stranger likes.
    "error": "left(error, 300)",
    "offline_since": "extract(epoch FROM offline_since)::float8",
}


def pods_sql(columns: AbstractSet[str]) -> str:
    """So many rows after an id; a column that is not there in this version is NULL."""
    shown = ", ".join(sql if name in columns else "NULL" for name, sql in _PODS.items())
    wanted = "AND blocked IS NOT TRUE" if "blocked" in columns else ""
    return f"SELECT id, {shown} FROM pods WHERE id > :after {wanted} ORDER BY id LIMIT :most"


def has(readable: Columns, needs: Columns) -> bool:
    """Whether all these columns are there, and may be read."""
    return all(columns <= readable.get(table, set()) for table, columns in needs.items())
