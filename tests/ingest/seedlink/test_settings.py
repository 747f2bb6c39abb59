"""Times and limits."""

from quake_stream.ingest.seedlink.settings import SeedLinkSettings


def test_defaults_are_fit_for_public_servers() -> None:
    settings = SeedLinkSettings()
    assert settings.keepalive_s == 240.0
    assert (settings.connect_timeout_s, settings.command_timeout_s) == (10.0, 20.0)
    assert (settings.retry_first_s, settings.retry_limit_s) == (1.0, 60.0)
    assert settings.max_stations == 20_000


def test_two_keepalives_may_stay_unanswered() -> None:
    assert SeedLinkSettings().network_timeout_s == 600.0
    assert SeedLinkSettings(keepalive_s=30.0).network_timeout_s == 75.0
