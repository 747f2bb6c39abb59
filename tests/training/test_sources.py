from quake_stream.training.sources import KNOWN, Source, read_source


def test_terms_are_read_from_the_text_beside_a_set(tmp_path):
    (tmp_path / "SOURCE.txt").write_text(
        "Repository: https://x.org\nLicence: MIT: of the code\nLicence: no\n"
    )
    assert read_source(tmp_path) == Source(licence="MIT: of the code", citation="https://x.org")
    (tmp_path / "SOURCE.txt").write_text("Repository: https://x.org\nCitation: A. et al. 2020\n")
    assert read_source(tmp_path) == Source(licence="", citation="A. et al. 2020")


def test_a_set_without_a_text_has_no_terms_unless_it_is_known(tmp_path):
    assert read_source(tmp_path / "mine") == Source()
    assert read_source(tmp_path / "STEAD") == KNOWN["stead"]
    assert all(source.licence and "doi:" in source.citation for source in KNOWN.values())
