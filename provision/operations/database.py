"""A pod's databases: made empty for their owner, closed to everybody else, dropped."""

from __future__ import annotations

from provision.contract import PodPlaces
from provision.operations.commands import psql

_ROLE = """
SELECT format('CREATE ROLE %I LOGIN', :'role')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \\gexec
"""
_DATABASE = """
SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING ''UTF8''', :'name', :'role')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \\gexec
"""
_RIGHTS = """
ALTER DATABASE :"name" OWNER TO :"role";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE :"name" TO :"role";
"""
# WITH (FORCE): whoever is still connected does not keep it; also ends a half-done drop.
_DROP = "SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', :'name') \\gexec"
_DROP_ROLE = "SELECT format('DROP ROLE IF EXISTS %I', :'role') \\gexec"
_EXISTS = "SELECT count(*) FROM pg_database WHERE datname = :'name'"
_OF_POD = "SELECT datname FROM pg_database WHERE datname ~ ('^pod_' || :'pod' || '_[0-9]+$')"


def exists(name: str) -> bool:
    return psql(_EXISTS, {"name": name}) == "1"


def ensure(places: PodPlaces, name: str) -> None:
    """The pod's role and this database of it, with its rights; what is there stays."""
    psql(_ROLE + _DATABASE + _RIGHTS, {"role": places.user, "name": name})


def drop(name: str) -> None:
    psql(_DROP, {"name": name})


def drop_role(places: PodPlaces) -> None:
    psql(_DROP_ROLE, {"role": places.user})


def of_pod(places: PodPlaces) -> list[str]:
    """Every database of the pod, of whatever number."""
    return psql(_OF_POD, {"pod": places.name}).splitlines()


def size(name: str) -> int:
    """Its bytes on disk."""
    return int(psql("SELECT pg_database_size(:'name')", {"name": name}))
