"""What no upgrade may change: rows, uploads and secrets, as digests that are taken and compared.

Rows are those that were there when the digest was taken, column by column: what an expand
migration adds and a breaking one drops is named, and nothing else may differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from provision.contract import PodPlaces
from tests.lab.operations.pod_lab import PodLab
from tests.lab.upgrades.sql import sql

# What a pod writes by itself while it serves: whoever signs in, refreshes a token, is checked.
_BY_ITSELF = frozenset({"updated_at", "last_seen", "current_sign_in_at", "last_sign_in_at"})
_OWN_TABLES = frozenset({"pods", "o_auth_access_tokens", "ar_internal_metadata"})
_COLUMNS = """
SELECT c.table_name || '.' || c.column_name FROM information_schema.columns c
WHERE c.table_schema = 'public' AND EXISTS (
  SELECT FROM information_schema.columns i WHERE i.table_schema = 'public'
  AND i.table_name = c.table_name AND i.column_name = 'id')
ORDER BY 1
"""
_FILES = """
cd "$1"; find -L . -type f -print0 | sort -z | xargs -0 -r sha256sum
find -L . -printf '%p %m %U\\n' | sort
"""


@dataclass(frozen=True)
class Stays:
    """One moment of one pod."""

    marks: Mapping[str, int]
    columns: Mapping[str, str]
    uploads: str
    keys: str


def taken(lab: PodLab, pod: str, marks: Mapping[str, int] | None = None) -> Stays:
    """What is there now, of rows up to these marks, or of all."""
    record = lab.facts(pod).record
    assert record is not None
    host, database = lab.host_of(pod), str(record["database"])
    names = [
        name
        for name in sql(lab, host, database, _COLUMNS).splitlines()
        if name.split(".")[0] not in _OWN_TABLES and name.split(".")[1] not in _BY_ITSELF
    ]
    marks = marks if marks is not None else _marks(lab, host, database, names)
    digests = [_digest(name, marks[name.split(".")[0]]) for name in names
               if name.split(".")[0] in marks]  # fmt: skip
    said = sql(lab, host, database, " UNION ALL ".join(digests))
    places = PodPlaces(pod)
    return Stays(
        marks,
        dict(line.split("|", 1) for line in said.splitlines()),
        lab.on(host, "sh", "-euc", _FILES, "files", str(places.uploads)),
        lab.on(host, "sh", "-euc", _FILES, "files", str(places.keys)),
    )


def differences(lab: PodLab, pod: str, before: Stays) -> set[str]:
    """What is not as it was, by name; `+` and `-` before columns that came and went."""
    now = taken(lab, pod, before.marks)
    found = {f"+{name}" for name in now.columns.keys() - before.columns.keys()}
    found |= {f"-{name}" for name in before.columns.keys() - now.columns.keys()}
    both = now.columns.keys() & before.columns.keys()
    found |= {name for name in both if now.columns[name] != before.columns[name]}
    # New uploads may have come; none of the old ones may be gone or another one.
    gone = set(before.uploads.splitlines()) - set(now.uploads.splitlines())
    found |= {f"upload {line}" for line in gone}
    return found | ({"secrets"} if now.keys != before.keys else set())


def _marks(lab: PodLab, host: str, database: str, names: list[str]) -> dict[str, int]:
    tables = sorted({name.split(".")[0] for name in names})
    asked = [f"SELECT '{name}', coalesce(max(id), 0) FROM \"{name}\"" for name in tables]
    said = sql(lab, host, database, " UNION ALL ".join(asked))
    return {line.split("|")[0]: int(line.split("|")[1]) for line in said.splitlines()}


def _digest(name: str, mark: int) -> str:
    table, column = name.split(".")
    said = f"""md5(string_agg(id || ':' || coalesce("{column}"::text, '~'), ',' ORDER BY id))"""
    return f"""SELECT '{name}', count(*) || ' ' || coalesce({said}, '') FROM "{table}"
               WHERE id <= {mark}"""
