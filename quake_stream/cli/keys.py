"""``quake-stream keys …``: keys of an encrypted feed, and who may subscribe to it."""

from pathlib import Path
from typing import Annotated

import typer

from quake_stream.cli.plain_help import PlainCommand, PlainGroup

app = typer.Typer(
    name="keys",
    cls=PlainGroup,
    help="Make keys that encrypt the feed, and say who may subscribe.",
    epilog="A running service takes changes on SIGHUP: systemctl reload quake-stream@NAME",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the service, such as that of its station.")
]
Client = Annotated[str, typer.Argument(metavar="CLIENT", help="Name of the subscriber.")]
Folder = Annotated[Path, typer.Option("--folder", "-d", metavar="FOLDER", help="Where the files are.")]
HERE = Path()


@app.command(cls=PlainCommand)
def new(
    name: Name,
    client: Annotated[str, typer.Option(metavar="CLIENT", help="Name of the first subscriber.")] = "client",
    folder: Folder = HERE,
) -> None:
    """
    Make the keys of a service and of a first subscriber, and say what to configure.

    Overwrites nothing.  The file of the subscriber goes to its machine, by a safe way; the other two stay.

    Example: `quake-stream keys new station --folder /etc/quake-stream`
    """
    from quake_stream.errors import ConfigError  # noqa: PLC0415  keep --help fast
    from quake_stream.publish.clients import check_name, write_clients  # noqa: PLC0415  likewise
    from quake_stream.publish.keys import new_pair, write_key  # noqa: PLC0415  likewise

    server, listed = _server_file(folder, check_name(name)), _list_file(folder, name)
    reader = _client_file(folder, name, check_name(client))
    if reader == server:
        raise ConfigError("'server' is the name of the service's own file: choose another for the subscriber")
    for path in (server, listed, reader):
        if path.exists():
            raise ConfigError(f"{path}: is there already; keys are never overwritten")
    pair, first = new_pair(), new_pair()
    write_key(server, pair, owner=name)
    write_key(reader, first, owner=f"{client}, a subscriber of {name}", server=pair.public)
    write_clients(listed, {client: first.public})
    print("# The first subscriber takes this file along and keeps it secret:")
    print(f"#   quake-stream listen tcp://HOST:5561 --key {reader.name}")
    print(f"#   {reader.absolute()}")
    print("# The service needs three lines of configuration:")
    print("[publish]")
    print('bind = "tcp://*:5561"')
    print(f'key = "{server.absolute()}"')
    print(f'clients = "{listed.absolute()}"')


@app.command(cls=PlainCommand)
def add(
    name: Name,
    client: Client,
    public_key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Public key of a subscriber that has keys; default: make a pair."),
    ] = None,
    folder: Folder = HERE,
) -> None:
    """
    Let one more subscriber in, from the service's next reload on.

    Example: `quake-stream keys add station observatory --folder keys`
    """
    from quake_stream.publish.clients import add_client, check_name  # noqa: PLC0415  keep --help fast
    from quake_stream.publish.keys import new_pair, read_server_key, write_key  # noqa: PLC0415  likewise

    listed = _list_file(folder, check_name(name))
    server = read_server_key(_server_file(folder, name)).public
    if public_key is not None:
        add_client(listed, client, public_key)
        print(f"public key of the service: {server}")
        return
    path, pair = _client_file(folder, name, check_name(client)), new_pair()
    write_key(path, pair, owner=f"{client}, a subscriber of {name}", server=server)
    try:
        add_client(listed, client, pair.public)
    except BaseException:
        path.unlink()  # a key that opens nothing
        raise
    print(path)


@app.command(cls=PlainCommand)
def remove(name: Name, client: Client, folder: Folder = HERE) -> None:
    """
    Shut a subscriber out, from the service's next reload on; its connections are closed then.

    Example: `quake-stream keys remove station observatory --folder keys`
    """
    from quake_stream.publish.clients import check_name, remove_client  # noqa: PLC0415  keep --help fast

    remove_client(_list_file(folder, check_name(name)), client)


@app.command("list", cls=PlainCommand)
def list_clients(name: Name, folder: Folder = HERE) -> None:
    """
    Print who may subscribe, with their public keys.

    Example: `quake-stream keys list station --folder /etc/quake-stream`
    """
    from quake_stream.publish.clients import check_name, read_clients  # noqa: PLC0415  keep --help fast

    for client, key in read_clients(_list_file(folder, check_name(name))).items():
        print(f"{client} {key}")


def _server_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.server.key"


def _list_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.clients"


def _client_file(folder: Path, name: str, client: str) -> Path:
    return folder / f"{name}.{client}.key"
