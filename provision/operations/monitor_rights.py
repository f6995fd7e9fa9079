"""What podfleet's monitor may read of a pod's live database: counts and dates, nobody's words.

Column by column, so that no key, password, mail address or text of anybody is among it; and only
columns that are there, for releases differ. Told again wherever a database becomes the live one.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

from provision.contract import MONITOR_USER
from provision.operations.commands import psql

# None: every column that there is.
READABLE: Mapping[str, tuple[str, ...] | None] = {
    "pods": None,
    "users": ("id", "created_at", "updated_at", "last_seen", "locked_at", "remove_after"),
    "people": ("id", "owner_id", "pod_id", "closed_account", "created_at"),
    "contacts": ("id", "user_id", "person_id", "sharing", "receiving", "created_at"),
    "posts": ("id", "author_id", "type", "public", "created_at"),
    "comments": ("id", "author_id", "created_at"),
    "schema_migrations": ("version",),
}
STATEMENT_SECONDS = 15

# Two pods of a host may be told of at the same time: one after the other.
_ROLE = """
SELECT pg_advisory_lock(hashtext(:'monitor')) \\g /dev/null
SELECT format('CREATE ROLE %I LOGIN', :'monitor')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'monitor') \\gexec
ALTER ROLE :"monitor" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD NULL;
ALTER ROLE :"monitor" SET default_transaction_read_only TO on;
ALTER ROLE :"monitor" SET statement_timeout TO :'timeout';
ALTER ROLE :"monitor" SET lock_timeout TO '2s';
ALTER ROLE :"monitor" SET idle_in_transaction_session_timeout TO :'timeout';
GRANT CONNECT ON DATABASE :"name" TO :"monitor";
"""
_TABLES = """
GRANT USAGE ON SCHEMA public TO :"monitor";
SELECT format('GRANT SELECT (%s) ON public.%I TO %I',
              string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position),
              table_name, :'monitor')
FROM information_schema.columns
WHERE table_schema = 'public'
  AND (table_name || '.' || column_name IN ({columns}) OR table_name IN ({tables}))
GROUP BY table_name \\gexec
"""


def grant(database: str) -> None:
    """The role, and what it may read of this database; granted again, nothing changes."""
    timeout = f"{STATEMENT_SECONDS}s"
    psql(_ROLE, {"monitor": MONITOR_USER, "name": database, "timeout": timeout})
    psql(_TABLES.format(**_listed()), {"monitor": MONITOR_USER}, database=database)


def try_to_grant(database: str) -> str | None:
    """Why it could not be done, in words: an operation does not fail for its monitor's sake."""
    try:
        grant(database)
    except subprocess.CalledProcessError as error:
        words = (error.stderr or b"").decode(errors="replace").strip()
        return f"the monitor cannot read {database}: {words[-300:]}"
    return None


def _listed() -> dict[str, str]:
    columns = [f"'{table}.{one}'" for table, of in READABLE.items() for one in of or ()]
    tables = [f"'{table}'" for table, of in READABLE.items() if of is None]
    return {"columns": ", ".join(columns), "tables": ", ".join(tables)}
