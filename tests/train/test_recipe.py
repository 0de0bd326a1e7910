"""Recipes: what is said by flags counts before them, what is not known is refused, and those in the box are nets."""

import argparse

import pytest
import torch

from antiphon.faces.train import add_arguments
from antiphon.train.checkpoint import RunError
from antiphon.train.families import net_of
from antiphon.train.loop import TrainConfig
from antiphon.train.nets import NetConfig
from antiphon.train.recipe import config_of, read_recipe, recipe_names


def parsed(*words: str) -> dict[str, object]:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return vars(parser.parse_args(["corpus", *words]))


def test_without_a_recipe_what_is_not_said_is_as_ever():
    assert config_of({}, parsed()) == TrainConfig()
    assert config_of({}, parsed("--width", "64", "--no-augment")) == TrainConfig(net=NetConfig(width=64), augment=False)


def test_flags_count_before_the_recipe():
    config = config_of(read_recipe("tiny"), parsed("--layers", "3", "--size", "4"))
    assert (config.net.width, config.net.layers, config.size, config.learning_rate) == (128, 3, 4, 2e-3)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("tiny", 2e5, 1e6),
        ("small", 1e6, 5e6),
        ("base", 2e7, 4e7),
        ("large", 1.5e8, 2.5e8),
        ("token-gru", 2e5, 4e5),
        ("token-transformer", 1e6, 2e6),
    ],
)
def test_those_in_the_box_are_as_large_as_they_say(name, least, most):
    assert list(recipe_names()) == ["tiny", "small", "base", "large", "token-gru", "token-transformer", "markov"]
    with torch.device("meta"):
        net = net_of(config_of(read_recipe(name), {}).net)
    assert least < sum(p.numel() for p in net.parameters()) < most


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("sise = 3", "there is no setting 'sise'"),
        ("size = 'big'", "size cannot be 'big'"),
        ("size = true", "size cannot be True"),
        ("[net]\nbody = 'organ'", "no body is called 'organ'"),
        ("net = 3", "there is no setting 'net'"),
        ("size = ", "not TOML"),
        ("size = 0", "size must be 1 or more"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, text, complaint):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=complaint) as error:
        config_of(read_recipe(str(path)), {}, "mine.toml")
    assert "\n" not in str(error.value)


def test_a_recipe_that_is_not_there_names_those_that_are():
    with pytest.raises(RunError, match="tiny, small, base, large"):
        read_recipe("huge")
