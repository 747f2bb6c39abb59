"""Problems of a configuration: the key as it is written in the file, and no word of Python."""

import pytest
from pydantic import ValidationError

from quake_stream.config import Config
from quake_stream.config_problems import explain

SOURCE = {"url": "seedlink://a"}


def lines(change):
    with pytest.raises(ValidationError) as caught:
        Config.model_validate({"source": [SOURCE]} | change)
    return explain(caught.value, Config)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"source": SOURCE}, "source: write [[source]], in double brackets"),
        ({"source": "seedlink://a"}, "source: must be a list, not 'seedlink://a'"),
        ({"source": ["seedlink://a"]}, "source[1]: must be a table, not 'seedlink://a'"),
        ({"source": [SOURCE, {}]}, "source[2].url: missing; it is required"),
        ({"source": [SOURCE | {"streams": "IU"}]}, "source[1].streams: must be a list, not 'IU'"),
        (
            {"source": [SOURCE | {"streams": ["A.B", 1]}]},
            "source[1].streams[2]: must be text in quotes, not 1",
        ),
        ({"model": 5}, "model: must be a table, not 5"),
        ({"stations": 5}, "stations: must be a table, not 5"),
        ({"stations": {"CX.A": 5}}, 'stations."CX.A": must be a table, not 5'),
        ({"publish": {"allow_insecure": "yes"}}, "publish.allow_insecure: must be true or false, not 'yes'"),
        ({"service": {"state_dir": 5}}, "service.state_dir: must be a path in quotes, not 5"),
        ({"model": {"threads": 1.5}}, "model.threads: must be a valid integer, not 1.5"),
        (
            {"stations": {"CX.A": {"on": 0.1, "off": 0.2}}},
            'stations."CX.A": off (0.2) must not be above on (0.1)',
        ),
        ({"stations": {"CX": {}}}, "stations.CX: write the station as \"NET.STA\", not 'CX'"),
    ],
)
def test_a_problem_is_told_in_the_words_of_the_file(change, line):
    assert lines(change) == [line]


def test_an_unknown_key_is_told_with_those_of_its_own_section():
    (line,) = lines({"stations": {"CX.A": {"onn": 1}}})
    assert line.startswith("stations.\"CX.A\".onn: unknown key; did you mean 'on'? (allowed: classes,")
    assert "url" not in line
    (line,) = lines({"nonsense": 1})
    assert line.startswith("nonsense: unknown key (allowed: metrics, model, publish,")


def test_the_name_of_a_class_is_never_shown():
    wrong = {"model": 1, "windows": 1, "trigger": [], "stations": {"CX.A": ""}, "source": [[]]}
    found = lines(wrong)
    assert len(found) == 5
    assert not any(word in line for line in found for word in ("Section", "dictionary", "class", "tuple"))
