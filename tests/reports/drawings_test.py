from jaxprobe.reports import drawings


def test_every_figure_of_a_report(found):
    kinds = {}
    for drawing in drawings.draw(found):
        kinds.setdefault(drawing.kind, []).append(drawing)
    assert [d.about for d in kinds['curve']] == ['emotion', 'tags2', 'tags10']
    assert [d.about for d in kinds['layers']] == ['muq', 'musicnn', 'toy']
    assert [d.about for d in kinds['weights']] == ['muq', 'toy']
    assert len(kinds['rates']) == 9
    names = [d.name for group in kinds.values() for d in group]
    assert len(set(names)) == len(names)


def test_names_become_file_names():
    assert drawings.slug('curve', '../a b/c:民謡') == 'curve-.._a_b_c_民謡'
    assert len(drawings.slug('x' * 500)) == 60


def test_names_that_become_equal_are_told_apart(found):
    two = [found[0], found[0]._replace(task='emotion!'), found[0]._replace(task='emotion?')]
    names = [drawing.name for drawing in drawings.draw(two)]
    assert len(set(names)) == len(names)
