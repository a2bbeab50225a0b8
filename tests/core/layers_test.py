from jaxprobe.core.layers import width_groups


def test_equal_widths_are_one_group():
    assert width_groups([8] * 3) == {8: (0, 1, 2)}


def test_groups_keep_depth_order_and_first_appearance():
    assert list(width_groups([561, 64, 200, 64]).items()) == [
        (561, (0,)),
        (64, (1, 3)),
        (200, (2,)),
    ]


def test_no_layers():
    assert width_groups([]) == {}
