"""What the monitor may do in a pod's Redis: a real one, with the configuration of a pod, says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError

from provision.contract import MONITOR_USER
from tests.unit.monitoring import servers

GOLDEN = Path(__file__).parents[2] / "golden/pod/etc"


@pytest.fixture(scope="module")
def socket() -> Iterator[Path]:
    """Of a Redis as the golden pod has it, but in a directory of the test's own."""
    text = (GOLDEN / "redis/redis-pod-main.conf").read_text()
    with servers.directory() as where:
        for path in ("/run/redis-pod-main", "/var/lib/redis/pod-main"):
            assert path in text
            text = text.replace(path, str(where))
        (where / "redis.conf").write_text(text)
        server = servers.Server([servers.binary("redis-server"), str(where / "redis.conf")], where)
        server.start(where / "redis.sock")
        try:
            yield where / "redis.sock"
        finally:
            server.stop()


def monitor(socket: Path) -> Redis:
    return Redis(unix_socket_path=str(socket), username=MONITOR_USER, password="none")


def test_the_pod_may_do_all_that_it_could(socket: Path) -> None:
    pod = Redis(unix_socket_path=str(socket))
    pod.zadd("schedule", {"a job": 1.0})
    pod.lpush("queue:medium", "a job")
    assert pod.eval("return redis.call('zcard', 'schedule')", 0) == 1
    assert pod.config_get("maxmemory-policy")
    assert pod.acl_whoami() in (b"default", "default")


def test_the_monitor_reads_what_sidekiq_keeps(socket: Path) -> None:
    seen = monitor(socket)
    assert seen.ping()
    assert seen.info()["redis_version"]
    Redis(unix_socket_path=str(socket)).hset("one:1:2", mapping={"busy": 0})
    assert seen.hgetall("one:1:2")
    assert list(seen.scan_iter("one:*"))
    for read in (
        lambda: seen.zrange("schedule", 0, -1, withscores=True),
        lambda: list(seen.zscan_iter("schedule")),
        lambda: seen.zcard("dead"),
        lambda: seen.zcount("retry", "-inf", "+inf"),
        lambda: seen.llen("queue:medium"),
        lambda: seen.lindex("queue:medium", -1),
        lambda: seen.lrange("queue:medium", 0, 1),
        lambda: seen.smembers("queues"),
        lambda: seen.mget("stat:processed", "stat:failed"),
        lambda: seen.hmget("one:1:2", "busy", "beat"),
        lambda: seen.type("schedule"),
    ):
        read()
    for is_transaction in (False, True):
        pipe = seen.pipeline(transaction=is_transaction)
        pipe.get("a")
        pipe.scard("processes")
        assert pipe.execute() == [None, 0]


@pytest.mark.parametrize(
    "command",
    [
        *("SET a b", "DEL schedule", "ZADD schedule 1 x", "LPUSH queue:medium x", "HSET h a b"),
        *("EXPIRE schedule 1", "RENAME schedule x", "FLUSHALL", "EVAL return(1) 0", "KEYS *"),
        *("CONFIG GET dir", "CONFIG SET dir /", "SHUTDOWN", "SAVE", "MONITOR"),
        *("CLIENT LIST", "CLIENT KILL 1", "ACL LIST", "REPLICAOF a 1", "SYNC", "SUBSCRIBE a"),
        *("PUBLISH a b", "BLPOP a 0", "MIGRATE a 1 b 0 1", "MODULE LIST", "SORT a"),
    ],
)
def test_the_monitor_writes_nothing_and_commands_nobody(socket: Path, command: str) -> None:
    with pytest.raises(NoPermissionError):
        ask: Callable[..., object] = monitor(socket).execute_command
        ask(*command.split())


def test_the_socket_is_opened_for_the_monitor_with_each_start() -> None:
    """And a host without that user starts Redis all the same: the `-` says so."""
    text = (GOLDEN / "systemd/system/redis-server@pod-main.service.d/podfleet.conf").read_text()
    told = [line for line in text.splitlines() if line.startswith("ExecStartPost=")]
    assert told == [
        "ExecStartPost=-+/usr/bin/setfacl --modify u:podfleet-monitor:--x /run/redis-pod-main",
        "ExecStartPost=-+/usr/bin/setfacl --modify u:podfleet-monitor:rw- "
        "/run/redis-pod-main/redis.sock",
    ]
