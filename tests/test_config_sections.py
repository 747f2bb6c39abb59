"""Each section of the configuration by itself."""

import pytest
from pydantic import ValidationError

from quake_stream.config_sections import MetricsSection, PublishSection, SourceSection


@pytest.mark.parametrize("url", ["file://", "file:data", "file://data/sds", "file:data/sds"])
def test_a_folder_is_written_with_its_whole_path(url):
    with pytest.raises(ValidationError, match="write the whole path after three slashes: file:///folder"):
        SourceSection(url=url)


@pytest.mark.parametrize(
    "url", ["seedlink://a/x", "seedlink://me:secret@a", "seedlink://a?x", "seedlink://a#x"]
)
def test_what_a_server_address_would_ignore_is_refused(url):
    with pytest.raises(ValidationError, match="write host and port only: seedlink://host:port"):
        SourceSection(url=url)


def test_streams_are_read_in_all_three_notations():
    section = SourceSection(
        url="seedlink://h", streams=("IU.ANMO.00.BH?", "IU_ANMO:00BH?", "FDSN:IU_ANMO_00_B_H_?")
    )
    assert len(set(section.include_patterns)) == 1


@pytest.mark.parametrize("key", ["key", "clients"])
def test_keys_without_a_list_of_clients_are_refused_and_the_other_way_round(key):
    with pytest.raises(ValidationError, match="key and clients belong together: set both, or neither"):
        PublishSection.model_validate({key: "/x"})


@pytest.mark.parametrize(
    ("bind", "address"),
    [
        (None, ("127.0.0.1", 9561)),
        ("127.0.0.1:9100", ("127.0.0.1", 9100)),
        ("localhost:9100", ("127.0.0.1", 9100)),
        ("[::1]:9100", ("::1", 9100)),
        ("", None),
    ],
)
def test_metrics_are_served_on_this_machine_or_not_at_all(bind, address):
    assert MetricsSection(bind=bind).address == address


@pytest.mark.parametrize("bind", ["0.0.0.0:9561", "[::]:9561", "192.0.2.7:9561"])
def test_metrics_are_served_beyond_this_machine_only_to_who_insists(bind):
    with pytest.raises(ValidationError, match="can be reached from other machines"):
        MetricsSection(bind=bind)
    assert MetricsSection(bind=bind, allow_insecure=True).address is not None


@pytest.mark.parametrize(
    "bind", ["9561", "127.0.0.1", ":9561", "*:9561", "host:9561", "127.0.0.1:x", "127.0.0.1:99999", "a@::1:1"]
)
def test_an_address_of_metrics_that_is_none_is_refused(bind):
    with pytest.raises(ValidationError, match=r'write ADDRESS:PORT, such as "127\.0\.0\.1:9561", or ""'):
        MetricsSection(bind=bind)
