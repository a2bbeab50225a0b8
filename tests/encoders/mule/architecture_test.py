import json
import math
import re

import pytest

from jaxprobe.encoders import base
from jaxprobe.encoders.mule import architecture as arch
from jaxprobe.encoders.mule import weights
from jaxprobe.encoders.mule.architecture import TINY, Arch


@pytest.fixture(scope='module')
def manifest(shared):
    """The authors' layers that hold weights, in the order of the graph: (name, shapes)."""
    layers = {}
    path = shared / 'fixtures' / 'mule' / 'seeded_manifest.json'
    for _, layer, _, shape in json.loads(path.read_text()):
        layers.setdefault(layer, []).append(tuple(shape))
    return layers


def by_number(names):
    return sorted(names, key=lambda name: int((re.findall(r'_(\d+)$', name) or ['0'])[0]))


def test_names_count_parts_in_the_order_of_construction(manifest):
    """The order within a class is ours of construction, the order of all ours of the graph."""
    a = Arch()
    kinds = {
        'weight_standardization': list(arch.convolutions(a)),
        'dense': list(arch.dense(a)),
        'scalar_multiply': list(arch.scalars(a)),
    }
    parts = {}
    for kind, ours in kinds.items():
        theirs = by_number(name for name in manifest if re.sub(r'_\d+$', '', name) == kind)
        parts |= dict(zip(theirs, ours, strict=True))
    assert tuple(parts[name] for name in manifest) == arch.graph_order(a)


def test_every_shape_is_the_manifests(manifest):
    a = Arch()
    convolutions, dense = arch.convolutions(a), arch.dense(a)
    for part, shapes in zip(arch.graph_order(a), manifest.values(), strict=True):
        if part in convolutions:
            width = convolutions[part][-1:]
            assert shapes == [convolutions[part], width, width], part
        elif part in dense:
            assert shapes == [dense[part], dense[part][-1:]], part
        else:
            assert shapes == [()], part


def test_the_model_has_the_published_number_of_values():
    a = Arch()
    gains = sum(shape[-1] for shape in arch.convolutions(a).values())
    ours = sum(math.prod(shape) for shape in weights.template(a).values())
    assert ours + gains == 62_345_742
    counts = [len(part(a)) for part in (arch.convolutions, arch.dense, arch.scalars)]
    assert counts == [120, 48, 24]


def test_probe_points_are_those_of_the_card():
    layers = base.card('jaxprobe.encoders.mule.card:MULE').layers
    assert tuple((layer.name, layer.width) for layer in layers) == arch.probe_points(Arch())
    assert arch.probe_points(Arch())[-1] == ('embedding', 1728)


@pytest.mark.parametrize('a', [Arch(), TINY])
def test_both_orders_name_the_same_parts(a):
    constructed = {*arch.convolutions(a), *arch.dense(a), *arch.scalars(a)}
    assert len(arch.graph_order(a)) == len(constructed)
    assert set(arch.graph_order(a)) == constructed


def test_beta_starts_anew_with_every_stage():
    assert arch.beta(0, 0) == 1.0
    for stage in (1, 2, 3):
        assert arch.beta(stage, 0) == pytest.approx(1.04**-0.5)
    assert arch.beta(2, 5) == pytest.approx(1.24**-0.5)
