from jaxprobe.stages import contexts
from tests.stages import planted, variant_records


def longer(seconds, strength):
    return variant_records.varied('context', seconds, {'window_seconds': 5.0}, strength=strength)


def test_contexts_stand_in_order_of_their_length_after_the_window():
    own = variant_records.scored(planted.bank(strength=0.5))
    found = contexts.section(variant_records.context(own, longer(30.0, 3.0), longer(10.0, 1.0)))
    assert found is not None
    assert found['own_seconds'] == 5.0
    assert [row['seconds'] for row in found['rows']] == [5.0, 10.0, 30.0]
    assert found['rows'][0]['test'] < found['rows'][2]['test']
    assert len(found['rows'][1]['layers']) == 6


def test_windows_alone_are_no_axis():
    own = variant_records.scored(planted.bank())
    assert contexts.section(variant_records.context(own)) is None
