from jaxprobe.encoders.toy_conformer.card import CARD


def test_says_that_it_is_a_control():
    text = f'{CARD.title} {CARD.status} {CARD.weights_licence} {CARD.training_data}'
    assert text.count('random') >= 4
    assert CARD.weights.kind == 'none'


def test_layers_and_mix():
    assert len(CARD.layers) == 7
    assert CARD.mix == (1, 2, 3, 4, 5, 6)
    assert CARD.window_samples == CARD.window_seconds * CARD.sample_rate
