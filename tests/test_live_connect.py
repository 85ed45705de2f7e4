"""Reaching a server: its URL, what it says it is, and what went wrong, without a password in any of it."""

from __future__ import annotations

import errno
import socket

import pytest
from scripted import Answer, Scripted, bulk, info

from rdbcodec.live.address import Options, has_password, parts_of, with_password, without_password
from rdbcodec.live.connect import Node, connect, nodes_of
from rdbcodec.live.errors import LiveError
from rdbcodec.live.identity import of_info
from rdbcodec.showing import masked

URLS = {
    "redis://:s3cret@host:6379/0": "redis://host:6379/0",
    "rediss://alice:s3cret@host/3?ssl_cert_reqs=none": "rediss://alice@host/3?ssl_cert_reqs=none",
    "redis://host?password=s3cret&db=2": "redis://host?db=2",
    "unix://bob:s3cret@/run/redis.sock": "unix://bob@/run/redis.sock",
    "unix:///run/redis.sock?password=s3cret": "unix:///run/redis.sock",
    "redis://:p/s3cret@host": "redis://...@host",
    "redis://:p@s3cret@host": "redis://...@host",
    "redis://[::1]:6379": "redis://[::1]:6379",
    "redis://:s3cret@[::1": "redis://...@[::1",
}


@pytest.mark.parametrize("url", URLS)
def test_a_url_is_shown_without_its_password(url: str) -> None:
    assert without_password(url) == URLS[url]
    assert "s3cret" not in masked(f"cannot open {url}")


def test_a_password_is_put_into_a_url_that_has_none() -> None:
    assert with_password("redis://alice@host:1/0", "a/b@c") == "redis://alice:a%2Fb%40c@host:1/0"
    assert with_password("unix:///run/s", "x") == "unix://:x@/run/s"
    assert with_password("redis://:given@host", "x") == "redis://:given@host"
    assert has_password("unix:///s?password=x")
    assert parts_of(with_password("unix:///run/s", "a b")).get("password") == "a b"


@pytest.mark.parametrize("url", ["redis://:p/s3cret@host", "redis://host:s3cret", "redis://:p#s3cret@host"])
def test_what_is_no_url_is_refused_without_being_told(url: str) -> None:
    with pytest.raises(LiveError, match="no URL of a server") as caught:
        parts_of(url)
    assert "s3cret" not in str(caught.value)


def test_a_database_has_a_number() -> None:
    with pytest.raises(LiveError, match="/ is followed by the number of a database"):
        parts_of("redis://host/shop")
    assert parts_of("valkeys://host/3")["db"] == 3


def test_certificates_are_for_tls() -> None:
    with pytest.raises(LiveError, match="certificates are for rediss:// URLs"):
        connect("redis://127.0.0.1:1", Options(cacert="ca.pem"))
    with pytest.raises(FileNotFoundError, match=r"there is no such file: 'ca\.pem'"):
        connect("rediss://127.0.0.1:1", Options(cacert="ca.pem"))


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"redis://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(LiveError) as caught:
        connect(url.replace("//", "//:s3cret@"))
    assert (caught.value.strerror, caught.value.filename) == (
        "the server is not reached: Connection refused",
        url,
    )


REFUSALS = {
    b"-WRONGPASS invalid username-password pair or user is disabled.": (
        "the user or the password is wrong, or the user is disabled (WRONGPASS)"
    ),
    b"-ERR invalid password": "the user or the password is wrong, or the user is disabled (WRONGPASS)",
    b"-ERR AUTH <password> called without any password configured for the default user. Are you sure your"
    b" configuration is correct?": "a password was given, and the server asks this user for none",
}


@pytest.mark.parametrize("said", REFUSALS)
def test_a_wrong_password_is_told_and_not_shown(said: bytes) -> None:
    with Scripted({"AUTH": said + b"\r\n"}) as server, pytest.raises(LiveError) as caught:
        connect(with_password(server.url, "s3cret"))
    assert caught.value.strerror == REFUSALS[said]
    assert "s3cret" not in str(caught.value)


def test_a_server_that_wants_a_password_and_one_that_still_loads() -> None:
    asks = Scripted({"INFO": b"-NOAUTH Authentication required.\r\n"})
    with asks as server, pytest.raises(LiveError, match="asks for a password, and none was given"):
        connect(server.url)
    loads = Scripted({"GET": b"-LOADING Redis is loading the dataset in memory\r\n"})
    with loads as server, connect(server.url) as live, pytest.raises(LiveError, match="still loads its data"):
        live.link.call("GET", "a")


def test_one_refused_command_among_many_stands_in_the_place_of_its_reply() -> None:
    answers = {
        "GET": b"+1\r\n",
        "SYNC": b"-NOPERM User bob has no permissions to run the 'sync' command\r\n",
        "RESTORE": b"-BUSYKEY Target key name already exists.\r\n",
        "SET": b"-MOVED 866 127.0.0.1:7001\r\n",
    }
    with Scripted(answers) as server, connect(server.url) as live:
        replies = live.link.calls([["GET", "a"], ["SYNC"], ["RESTORE", "k"], ["NOPE", "x"], ["SET", "k", 1]])
    assert replies[0] == b"1"
    assert [(one.code, one.strerror) for one in replies[1:]] == [
        ("NOPERM", "this user may not run SYNC (NOPERM)"),
        ("BUSYKEY", "there is such a key already (BUSYKEY)"),
        ("ERR", "the server does not know NOPE"),
        ("MOVED", "another node of the cluster holds this slot (MOVED)"),
    ]
    assert replies[4].detail == "866 127.0.0.1:7001"


def test_a_user_who_may_not_ask_info_is_told_by_hello() -> None:
    hello = b"*8\r\n" + b"".join(
        map(bulk, (b"server", b"valkey", b"version", b"8.0.1", b"mode", b"standalone", b"role", b"replica"))
    )
    answers = {"INFO": b"-NOPERM User bob has no permissions to run the 'info' command\r\n", "HELLO": hello}
    with Scripted(answers) as server, connect(server.url) as live:
        assert str(live.identity) == "Valkey 8.0.1"
        assert (live.identity.role, live.identity.databases) == ("slave", None)
    with Scripted({"INFO": answers["INFO"]}) as server, connect(server.url) as live:
        assert str(live.identity) == "Redis of a version it does not tell"


def test_a_port_without_tls_is_not_waited_for_longer_than_a_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"rediss://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(LiveError) as caught:
            connect(url, Options(connect_timeout=0.05))
    assert caught.value.strerror == "the server did not answer in time: is it a port for rediss://?"


def test_a_database_that_the_server_has_not_is_said() -> None:
    answers: dict[str, Answer] = {"SELECT": b"-ERR DB index is out of range\r\n"}
    with Scripted(answers) as server, pytest.raises(LiveError, match="has no database of this number"):
        connect(f"{server.url}/99")


def test_info_tells_product_version_modules_databases_and_service() -> None:
    modules = ("module:name=ReJSON,ver=20607,api=1", "module:name=vehicles,ver=1")
    keyspace = ("# Keyspace", "db0:keys=3,expires=0,avg_ttl=0", "db7:keys=1,expires=1")
    text = info(*modules, *keyspace, "maxmemory_policy:allkeys-lfu")
    found = of_info(text.partition(b"\r\n")[2], "shop.westeurope.redis.azure.net")
    assert str(found) == "Redis 7.2.6 at Azure Managed Redis"
    assert (found.databases, found.modules) == ({0: 3, 7: 1}, ("ReJSON", "vehicles"))
    assert found.policy == "allkeys-lfu"
    assert found.server is not None
    assert (found.server.name, found.server.modules) == (
        "redis-7.2.6",
        None,
    )  # nobody knows what vehicles has
    forks = {
        "valkey_version:9.1.2": "Valkey 9.1.2",
        "dragonfly_version:df-v1.30.0": "Dragonfly df-v1.30.0",
        "mvcc_depth:0": "KeyDB 6.3.4",
    }
    for line, product in forks.items():
        assert str(of_info(f"redis_version:6.3.4\r\n{line}".encode())) == product
    assert of_info(b"redis_version:99.0.0").server is None
    of_json = of_info(b"redis_version:7.2.6\r\nmodule:name=ReJSON,ver=20607").server
    assert of_json is not None
    assert of_json.modules == frozenset({"ReJSON-RL"})


def _slots(*rows: tuple[int, int, bytes, int]) -> bytes:
    listed = [
        b"*3\r\n:%d\r\n:%d\r\n*3\r\n%s:%d\r\n%s" % (first, last, bulk(host), port, bulk(b"id%d" % port))
        for first, last, host, port in rows
    ]
    return b"*%d\r\n%s" % (len(rows), b"".join(listed))


def test_a_cluster_is_its_primaries_and_must_be_whole() -> None:
    cluster = info("cluster_enabled:1", "redis_mode:cluster")
    whole = _slots((8000, 16383, b"", 7002), (0, 99, b"10.0.0.1", 7001), (100, 7999, b"10.0.0.1", 7001))
    with Scripted({"INFO": cluster, "CLUSTER": whole}) as server:
        with connect(server.url) as live:
            assert live.primaries() == (
                Node("10.0.0.1", 7001, "id7001", ((0, 99), (100, 7999))),
                Node("127.0.0.1", 7002, "id7002", ((8000, 16383),)),
            )
        with connect(server.url, Options(one_node=True)) as live:
            assert live.primaries() == (Node(),)
    holes = Scripted({"INFO": cluster, "CLUSTER": _slots((0, 99, b"a", 7001))})
    with holes as server, connect(server.url) as live, pytest.raises(LiveError, match="16284 slots of the"):
        live.primaries()
    assert nodes_of([], None) == ()


def test_a_server_that_hangs_up() -> None:
    with Scripted({"INFO": b"\0hang up"}) as server, pytest.raises(LiveError) as caught:
        connect(server.url)
    assert (caught.value.errno, caught.value.strerror) == (
        errno.ECONNRESET,
        "the server closed the connection",
    )


def test_a_sentinel_has_no_data() -> None:
    sentinel = Scripted({"INFO": bulk(b"# Server\r\nredis_version:7.2.6\r\nredis_mode:sentinel")})
    with sentinel as server, pytest.raises(LiveError, match="this is a Sentinel, which has no data"):
        connect(server.url)
