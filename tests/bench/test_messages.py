"""Messages of the benchmark: as the service sends them."""

import schemas

from quake_stream.bench.messages import detection, end_of_round


def test_the_messages_fit_their_schemas():
    schemas.validate(detection(created_ns=5))
    schemas.validate(end_of_round())
    assert detection(created_ns=5)["created_ns"] == 5
