"""Where Redis or Valkey is: one server, a cluster, or whatever server Sentinel names as the master."""

from __future__ import annotations

import ssl
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.connection import parse_url
from redis.exceptions import RedisClusterException
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

CONNECT_SECONDS: Final = 5
STREAM_SCHEMES: Final = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster")
CONTROL_SCHEMES: Final = STREAM_SCHEMES[:5]
_PORTS: Final = {"server": 6379, "cluster": 6379, "sentinel": 26379}

Client = redis.Redis | RedisCluster


class Endpoint(NamedTuple):
    """A URL, read."""

    kind: Literal["server", "cluster", "sentinel"]
    nodes: list[tuple[str, int]]
    """Host and port: of the server, of some nodes of the cluster, of the sentinels. Empty for a Unix socket."""
    options: dict[str, Any]
    """What redis-py's connections take: ``username``, ``password``, ``db``, ``path``, ``ssl_ca_certs`` …"""
    tls: bool
    service: str = ""
    """The name under which the sentinels know the master."""

    @property
    def ssl_context(self) -> ssl.SSLContext | None:
        """What a connection of our own checks a server's certificate and name with; ``None`` without TLS."""
        if not self.tls:
            return None
        context = ssl.create_default_context(cafile=self.options.get("ssl_ca_certs"), capath=self.options.get("ssl_ca_path"))
        if "ssl_certfile" in self.options:
            context.load_cert_chain(self.options["ssl_certfile"], self.options.get("ssl_keyfile"))
        return context

    @property
    def sentinel_options(self) -> dict[str, Any]:
        """What connections to the sentinels take: the same certificates, their own password."""
        named = {name: self.options.get(f"sentinel_{name}") for name in ("username", "password")}
        found = {name: value for name, value in self.options.items() if name.startswith("ssl")}
        return found | {name: value for name, value in named.items() if value}

    @property
    def server_options(self) -> dict[str, Any]:
        """What connections to servers take."""
        return {name: value for name, value in self.options.items() if not name.startswith("sentinel_")}


def read_endpoint(url: str) -> Endpoint:
    """Return what *url* says; raise ``ValueError`` where it can't be read.

    ``redis+cluster://user:password@one:7000,two:7000`` names some nodes of a cluster, ``redis+sentinel://:password@one,two
    /master/0`` sentinels, the master's name and a database; ``rediss…`` is the same with TLS. Options stand in the query.
    """
    scheme, _, rest = url.partition("://")
    plain, _, kind = scheme.partition("+")
    if not kind:
        options = _options(url)
        host, port = options.pop("host", "localhost"), options.pop("port", 6379)
        return Endpoint("server", [] if "path" in options else [(host, port)], options, scheme == "rediss")
    if kind not in ("cluster", "sentinel"):
        raise ValueError(f"unknown scheme {scheme}")
    place, mark, query = rest.partition("?")
    authority, _, path = place.partition("/")
    account, at, hosts = authority.rpartition("@")
    service, _, database = path.partition("/")
    nodes = [_node(one, _PORTS[kind]) for one in hosts.split(",")]
    options = _options(f"{plain}://{account}{at}localhost/{database if kind == 'sentinel' else ''}{mark}{query}")
    for name in ("host", "port"):
        options.pop(name, None)
    if (kind == "sentinel") != bool(service):
        raise ValueError("a Sentinel URL names the master: redis+sentinel://host:26379/mymaster; a cluster has no path")
    tls = plain == "rediss"
    return Endpoint("cluster" if kind == "cluster" else "sentinel", nodes, options, tls, service)


def connect(url: str, **options: Any) -> Client:
    """Return a client for *url*; one of a cluster asks at once what nodes there are, the others connect on first use."""
    endpoint = read_endpoint(url)
    common: dict[str, Any] = {"socket_connect_timeout": CONNECT_SECONDS, "protocol": 2, **options}
    if endpoint.kind == "server":
        return redis.Redis.from_url(url, **common)
    tls: dict[str, Any] = {"ssl": True} if endpoint.tls else {}
    if endpoint.kind == "sentinel":
        sentinel = Sentinel(  # type: ignore[no-untyped-call]
            endpoint.nodes,
            sentinel_kwargs={"socket_timeout": CONNECT_SECONDS, **tls, **endpoint.sentinel_options},
            **tls,
            **common,
            **endpoint.server_options,
        )
        return sentinel.master_for(endpoint.service)  # type: ignore[no-untyped-call, no-any-return]
    nodes = [ClusterNode(host, port) for host, port in endpoint.nodes]  # type: ignore[no-untyped-call]
    try:
        return ClusterClient(startup_nodes=nodes, **tls, **common, **endpoint.options)
    except RedisClusterException as error:
        raise redis.ConnectionError(str(error)) from error


class ClusterClient(RedisCluster):
    """A client of a cluster whose failures are all ``redis.RedisError``: those of the client itself are not."""

    def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command on the node that it belongs to."""
        try:
            return super().execute_command(*args, **kwargs)  # type: ignore[no-untyped-call]
        except RedisClusterException as error:
            raise redis.ConnectionError(str(error)) from error


def answers(client: Client, commands: list[tuple[Any, ...]], *, raise_on_error: bool = True) -> list[Any]:
    """Return the answers to *commands*, each about one key: in one round trip to each server."""
    pipeline: Any = client.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    try:
        found: list[Any] = pipeline.execute(raise_on_error=raise_on_error)
    except RedisClusterException as error:
        raise redis.ConnectionError(str(error)) from error
    return found


def from_each_server(client: Client, command: str, *arguments: str) -> list[Any]:
    """Return the answer of the server, or of every master of a cluster, to a command that is about no key."""
    asked: Any = client  # whose methods bear no types
    if isinstance(client, RedisCluster):
        return [asked.execute_command(command, *arguments, target_nodes=node) for node in asked.get_primaries()]
    return [asked.execute_command(command, *arguments)]


def hurried(client: Client, seconds: float) -> Client:
    """Return another client of the same servers, which gives up after *seconds*, and one more try."""
    soon: dict[str, Any] = {"socket_timeout": seconds, "socket_connect_timeout": seconds, "retry": Retry(NoBackoff(), 1)}
    if isinstance(client, RedisCluster):
        manager = client.nodes_manager
        return ClusterClient(startup_nodes=list(manager.startup_nodes.values()), **{**manager.connection_kwargs, **soon})
    pool: Any = client.connection_pool
    options = {**pool.connection_kwargs, **soon}
    if isinstance(pool, SentinelConnectionPool):
        options.pop("connection_pool", None)
        own = SentinelConnectionPool(pool.service_name, pool.sentinel_manager, ssl=_is_tls(pool), **options)  # type: ignore[no-untyped-call]
        return redis.Redis(connection_pool=own)
    return redis.Redis(connection_pool=redis.ConnectionPool(pool.connection_class, **options))


def _is_tls(pool: SentinelConnectionPool) -> bool:
    return issubclass(pool.connection_class, redis.SSLConnection)


def _options(url: str) -> dict[str, Any]:
    options: dict[str, Any] = dict(parse_url(url))  # type: ignore[no-untyped-call]
    options.pop("connection_class", None)
    return options


def _node(text: str, default_port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError("a host is missing")
    return parts.hostname, parts.port or default_port
