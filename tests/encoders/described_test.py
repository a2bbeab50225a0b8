import dataclasses

import pytest

from jaxprobe.encoders import base
from jaxprobe.encoders.described import of_weights

CARD = base.card('clmr')


@pytest.mark.parametrize('resized', [False, True])
def test_random_weights_keep_nothing_of_the_trained_model(resized):
    card = of_weights(CARD, 'random-3', 'random', resized=resized)
    assert card.title == f'{CARD.title}, RANDOM weights'
    assert (card.weights.kind, card.weights.source) == ('none', 'random-3')
    assert card.weights_licence == card.training_data == 'none: random weights'
    assert card.parity is None


def test_the_published_file_keeps_its_card():
    assert of_weights(CARD, 'abc', '') == CARD
    assert of_weights(CARD, 'abc', '/any/name.ckpt', 'abc') == CARD


@pytest.mark.parametrize(('published', 'resized'), [('def', False), ('', True), ('abc', True)])
def test_another_file_says_so(published, resized):
    card = of_weights(CARD, 'abc', '/home/me/own.ckpt', published, resized=resized)
    assert card.title.endswith('weights of own.ckpt (not the published file)')
    assert (card.weights.kind, card.weights.filename) == ('file', 'own.ckpt')
    assert card.weights_licence == card.training_data == 'that of the file given'
    assert card.parity is None


def test_a_file_that_nobody_can_tell_is_named_and_not_called_published():
    card = of_weights(CARD, 'abc', '/home/me/own.ckpt')
    assert card.title == f'{CARD.title}, weights of own.ckpt (published hash not known)'
    assert (card.weights.kind, card.weights.filename) == ('file', 'own.ckpt')
    for said, theirs in (
        (card.weights_licence, CARD.weights_licence),
        (card.training_data, CARD.training_data),
    ):
        assert said == f'that of the file given; published: {theirs}'
    assert card.parity == CARD.parity


def test_only_what_says_whose_weights_they_are_changes():
    card = of_weights(CARD, 'random-0', 'random')
    said = ('title', 'weights', 'weights_licence', 'training_data', 'parity')
    kept = {name: getattr(CARD, name) for name in said}
    assert dataclasses.replace(card, **kept) == CARD
