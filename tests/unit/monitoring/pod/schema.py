"""The tables of a pod's database that the monitor reads, as diaspora* 0.9.1.0 has them."""

from __future__ import annotations

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
# What the monitor may read: columns, never a table as a whole.
READABLE = {
    "pods": "id, host, ssl, status, checked_at, offline_since, error, port, blocked",
    "users": "id, last_seen",
    "people": "id, owner_id, closed_account, pod_id",
    "contacts": "id, person_id",
    "posts": "id, author_id, type",
    "comments": "id, author_id",
}
ROLE = '"podfleet-monitor"'


def grants(readable: dict[str, str] = READABLE) -> list[str]:
    return [f"GRANT SELECT ({columns}) ON {table} TO {ROLE}" for table, columns in readable.items()]
