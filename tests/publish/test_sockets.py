import pytest
import zmq

from quake_stream.errors import ConfigError, PublishError
from quake_stream.publish.sockets import bound, connected, replay_endpoint


@pytest.mark.parametrize(
    ("endpoint", "replay"),
    [
        ("tcp://127.0.0.1:5561", "tcp://127.0.0.1:5562"),
        ("tcp://[::1]:5561", "tcp://[::1]:5562"),
        ("tcp://127.0.0.1:*", "tcp://127.0.0.1:*"),
        ("tcp://127.0.0.1:0", "tcp://127.0.0.1:0"),
        ("ipc:///run/feed", "ipc:///run/feed.replay"),
        ("inproc://feed", "inproc://feed.replay"),
        ("tcp://nowhere", "tcp://nowhere"),
    ],
)
def test_a_feed_replays_beside_where_it_publishes(endpoint: str, replay: str) -> None:
    assert replay_endpoint(endpoint) == replay


def test_no_socket_uses_the_heartbeats_that_abort_the_process() -> None:
    """
    With ZMQ_HEARTBEAT_IVL, libzmq 4.3.5 asserts when a peer dies while its messages wait.

    A listener that is busy while the service restarts would be killed, and so would a service by a peer
    that floods it and leaves.
    """
    with (
        zmq.Context() as context,
        bound(context, zmq.XPUB, "tcp://127.0.0.1:*", options=(), insecure=False) as server,
        connected(context, zmq.SUB, "tcp://127.0.0.1:1") as client,
    ):
        assert server.get(zmq.HEARTBEAT_IVL) == client.get(zmq.HEARTBEAT_IVL) == 0
        assert server.get(zmq.TCP_KEEPALIVE) == client.get(zmq.TCP_KEEPALIVE) == 1


def test_an_address_that_cannot_be_used_leaves_no_socket_behind() -> None:
    with zmq.Context() as context:  # whose end waits for every socket
        with pytest.raises(ConfigError, match="can be reached from other machines"):
            bound(context, zmq.XPUB, "tcp://0.0.0.0:*", options=(), insecure=False)
        with bound(context, zmq.XPUB, "tcp://127.0.0.1:*", options=(), insecure=False) as server:
            taken = server.get_string(zmq.LAST_ENDPOINT)
            with pytest.raises(PublishError, match="Address already in use"):
                bound(context, zmq.ROUTER, taken, options=(), insecure=False)
        with pytest.raises(ConfigError, match="cannot subscribe to"):
            connected(context, zmq.SUB, "nowhere")
