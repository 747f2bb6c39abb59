"""``quake-stream replay``: a SeedLink server for recordings."""

import ssl
import sys
from pathlib import Path
from typing import Annotated

import typer


def replay(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATHS", help="miniSEED files, folders or SDS archives.")
    ],
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="PORT", help="Port to listen on; 0 takes a free one.", min=0, max=65535)
    ] = 18000,
    speed: Annotated[
        float,
        typer.Option(
            metavar="TIMES", help="How much faster than it happened; 0: as fast as clients read.", min=0
        ),
    ] = 1.0,
    restamp: Annotated[
        bool, typer.Option("--now/--as-recorded", help="Shift all times so that it happens now, or do not.")
    ] = True,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again at the end.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Begin when a client asks for data.")] = False,
    repack: Annotated[
        bool, typer.Option("--repack", help="Send 512-byte records only, for clients that need that.")
    ] = False,
    wildcards: Annotated[
        bool, typer.Option(help="Accept wildcards and SeedLink 4, or be an old server.")
    ] = True,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Encrypt: certificate of this host (PEM).")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its key, if not in the same file.")
    ] = None,
    user: Annotated[str | None, typer.Option(metavar="NAME", help="Admit this user only.")] = None,
    password: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Holds the user's password, mode 600.")
    ] = None,
    stream: Annotated[
        list[str] | None,
        typer.Option(metavar="STREAM", help='Streams to serve, repeatable: "CX.*..HH?"; default: all.'),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LIST",
            help='What goes wrong, repeatable: "drop=0.01,cut=30s".',
        ),
    ] = None,
    fault_seed: Annotated[
        int, typer.Option(metavar="N", help="Another number makes other faults of the same kinds.")
    ] = 0,
) -> None:
    """
    Serve recorded miniSEED over SeedLink 3 and 4, to this service or to any other client.

    Ends when all is sent and read, or with Ctrl-C.

    To rehearse, let it go wrong: drop=0.01, repeat=0.01, swap=0.01 and corrupt=0.001 are shares of the
    records, refuse=0.5 of the connections, cut=30s and silence=60s the age at which a connection ends or
    says nothing more; reset=1000 counts sequences anew after so many records.  At the end stands what the
    server did wrong, to be compared with what the service reports.

    Example: `quake-stream replay /data/sds --speed 10 --fault drop=0.01,cut=30s`
    """
    from quake_stream.counters import Counters, by_reason, merge  # noqa: PLC0415  keep --help fast
    from quake_stream.mseed import archive  # noqa: PLC0415  likewise
    from quake_stream.replay.rehearsal import rehearse  # noqa: PLC0415  likewise
    from quake_stream.replay.server import ReplayServer  # noqa: PLC0415  likewise
    from quake_stream.selection import parse_list  # noqa: PLC0415  likewise
    from quake_stream.supervision import StopSignals  # noqa: PLC0415  likewise

    counters, injected = Counters(), Counters()
    try:
        include = parse_list(stream or []) or archive.ALL_STREAMS
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint="--stream") from exc
    try:
        faults = rehearse(fault or [], seed=fault_seed, counters=injected)
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint="--fault") from exc
    tls, admitted = (
        _encryption(tls_cert, tls_key),
        _admitted(user, password, is_encrypted=bool(tls_cert)),
    )
    index = archive.index(paths, counters=counters, include=include)
    try:
        server = ReplayServer(
            index,
            host=host,
            port=port,
            speed=speed,
            restamp=restamp,
            loop=loop,
            # As fast as possible, all would be over before anybody could connect.
            wait_for_clients=int(wait or speed == 0),
            repack=repack,
            wildcards=wildcards,
            faults=faults,
            tls=tls,
            admitted=admitted,
        )
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc
    with StopSignals() as signals, server:
        print(f"{len(index)} records at {server.url}; Ctrl-C ends", file=sys.stderr)
        # Asked first, as it raises what has ended the server's thread.
        while not (server.wait_until_drained(0.0) and server.finished.is_set()) and not signals.stop:
            signals.wait(0.5)
    for name, n in by_reason(merge([counters.snapshot(), server.counts(), injected.snapshot()])).items():
        print(f"  {name}: {n}", file=sys.stderr)


def _encryption(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if certificate is None:
        if key is not None:
            raise typer.BadParameter("needs --tls-cert as well", param_hint="--tls-key")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key, password="")  # an empty one: never ask at the terminal
    except OSError as exc:
        raise typer.BadParameter(f"{certificate}: {exc.strerror or exc}", param_hint="--tls-cert") from exc
    return context


def _admitted(user: str | None, password: Path | None, *, is_encrypted: bool) -> list[str]:
    from quake_stream.ingest.seedlink.credentials import (  # noqa: PLC0415  keep --help fast
        Credentials,
        CredentialsError,
    )

    if user is None and password is None:
        return []
    if user is None or password is None or not is_encrypted:
        raise typer.BadParameter("--user, --password and --tls-cert belong together")
    try:
        login = Credentials(user=user, secret_file=password).command()
    except CredentialsError as exc:
        raise typer.BadParameter(str(exc), param_hint="--password") from exc
    return [login.removeprefix("AUTH ")]
