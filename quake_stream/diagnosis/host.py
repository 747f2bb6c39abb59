"""Whether this machine lets the service keep its files and open its port.  Leaves nothing behind."""

import os
import tempfile
import time
from ipaddress import ip_address
from pathlib import Path

from quake_stream import build
from quake_stream.config import Config
from quake_stream.config_sections import MetricsSection, PublishSection
from quake_stream.diagnosis.report import CONFIGURATION, Finding, ok, problem, problems, warning
from quake_stream.errors import ConfigError, PublishError
from quake_stream.health import Health, HealthFile
from quake_stream.metrics.endpoint import listen, url_of
from quake_stream.publish.publisher import Publisher
from quake_stream.publish.sockets import replay_endpoint

_MAX_SOCKET_PATH = 107  # sun_path of Linux, without its final zero


def findings(config: Config, name: str) -> list[Finding]:
    """Folders and addresses; ``name`` is that of the instance, the stem of its configuration file."""
    health = HealthFile(config.runtime_dir / f"{name}.health.json").read(time.time())
    found = []
    if health.state != "down":
        found.append(ok("service", f"runs already with this configuration (process {health.pid})"))
    found.append(_folder("state folder", config.state_dir))
    if config.runtime_dir != config.state_dir:
        found.append(_folder("runtime folder", config.runtime_dir))
    return [*found, *_publishing(config.publish, health), *_metrics(config.metrics, health)]


def _folder(about: str, folder: Path) -> Finding:
    """Write a nameless file in the folder, or where it would be made."""
    place = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as exc:
        return problem(
            about, f"{folder}: {place} cannot be written ({exc.strerror}); change its owner or mode"
        )
    return ok(
        about, f"{folder} " + ("can be written" if folder.is_dir() else "will be made at the first start")
    )


def _publishing(section: PublishSection, health: Health) -> list[Finding]:
    about = "publish"
    scheme, _, place = section.bind.partition("://")
    replay = section.replay_bind or replay_endpoint(section.bind)
    if scheme == "ipc" and place:  # binding it would take it from a running service
        paths = [Path(address.removeprefix("ipc://")) for address in (section.bind, replay)]
        return [_socket_path(about, max(paths, key=lambda path: len(os.fsencode(path))))]
    try:
        key, clients = build.server_key(section), build.clients(section)
        with Publisher(
            section.bind,
            replay_bind=replay,
            key=key,
            clients=clients,
            allow_insecure=section.allow_insecure,
            linger_ms=0,
        ) as publisher:
            endpoint = publisher.endpoint
    except ConfigError as exc:
        return problems(CONFIGURATION, exc)
    except PublishError as exc:
        if health.state != "down":
            return [ok(about, f"{section.bind} is in use by the running service")]
        return [problem(about, f"{exc}; free the address, or set another publish.bind")]
    found = [ok(about, f"{section.bind} is free")]
    if key is not None and clients:
        found.append(ok(about, f"encrypted; who may subscribe: {', '.join(clients)}"))
    elif key is not None:
        found.append(warning(about, f"{section.clients} is empty, so nobody may subscribe"))
    elif (
        section.allow_insecure and scheme == "tcp" and "//127." not in endpoint and "//[::1]" not in endpoint
    ):
        found.append(warning(about, "anyone who reaches this address can read the feed (allow_insecure)"))
    return found


def _metrics(section: MetricsSection, health: Health) -> list[Finding]:
    about = "metrics"
    if section.address is None:
        return []
    url = url_of(*section.address)
    try:
        listen(*section.address).close()
    except OSError as exc:
        if health.state != "down":
            return [ok(about, f"{url} is in use, as by the running service")]
        if section.bind is None:
            return [ok(about, f"none: another program has {url}; for metrics elsewhere set metrics.bind")]
        return [
            warning(
                about,
                f"none: {url}: {os.strerror(exc.errno or 0)}; free the address, or set another metrics.bind",
            )
        ]
    if ip_address(section.address[0]).is_loopback:
        return [ok(about, f"{url} is free")]
    return [warning(about, f"anyone who reaches this machine can read {url} (allow_insecure)")]


def _socket_path(about: str, path: Path) -> Finding:
    if len(os.fsencode(path)) > _MAX_SOCKET_PATH:
        return problem(about, f"ipc://{path} is longer than the {_MAX_SOCKET_PATH} bytes that sockets allow")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        return problem(about, f"ipc://{path} cannot be made: {path.parent} is missing or cannot be written")
    return ok(about, f"ipc://{path} can be made")
