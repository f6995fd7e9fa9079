"""The tables of a pod's database that the monitor reads, as diaspora* 0.9.1.0 has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from provision.operations.monitor_rights import READABLE

TABLES = (
    """CREATE TABLE pods (id serial PRIMARY KEY, host varchar NOT NULL, ssl boolean,
    created_at timestamp NOT NULL DEFAULT now(), updated_at timestamp NOT NULL DEFAULT now(),
    status integer, checked_at timestamp, offline_since timestamp, response_time integer,
    software varchar, error varchar, port integer NOT NULL DEFAULT -1, blocked boolean,
    scheduled_check boolean NOT NULL DEFAULT false, UNIQUE (host, port))""",
    """CREATE TABLE users (id serial PRIMARY KEY, username varchar NOT NULL,
    serialized_private_key text, email varchar NOT NULL DEFAULT '',
    encrypted_password varchar NOT NULL DEFAULT '', last_seen timestamp)""",
    """CREATE TABLE people (id serial PRIMARY KEY, guid varchar NOT NULL DEFAULT '',
    diaspora_handle varchar NOT NULL DEFAULT '', owner_id integer, closed_account boolean,
    pod_id integer)""",
    """CREATE TABLE contacts (id serial PRIMARY KEY, user_id integer NOT NULL,
    person_id integer NOT NULL, sharing boolean NOT NULL DEFAULT true,
    receiving boolean NOT NULL DEFAULT true)""",
    """CREATE TABLE posts (id serial PRIMARY KEY, author_id integer NOT NULL,
    public boolean NOT NULL DEFAULT false, type varchar NOT NULL, text text)""",
    """CREATE TABLE comments (id serial PRIMARY KEY, author_id integer NOT NULL,
    text text NOT NULL DEFAULT '')""",
)
ROLE = '"podfleet-monitor"'


def grants() -> list[str]:
    """What root's operations grant, of the columns that are here."""
    return [sql for table, columns in READABLE.items() for sql in _grants(table, columns)]


def _grants(table: str, columns: Sequence[str] | None) -> Iterator[str]:
    there = next((sql for sql in TABLES if sql.startswith(f"CREATE TABLE {table} (")), None)
    if there is not None:
        known = re.findall(r"(\w+) (?:serial|integer|varchar|boolean|timestamp|text)\b", there)
        named = [each for each in known if columns is None or each in columns]
        yield f"GRANT SELECT ({', '.join(named)}) ON {table} TO {ROLE}"
