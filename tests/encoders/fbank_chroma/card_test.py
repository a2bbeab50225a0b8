import subprocess
import sys

from jaxprobe.encoders.fbank_chroma.card import CARD


def test_concat_is_as_wide_as_its_parts():
    widths = {layer.name: layer.width for layer in CARD.layers}
    assert widths == {'fbank': 80, 'chroma': 12, 'concat': 92}
    assert CARD.mix == ()
    assert CARD.window_samples == CARD.window_seconds * CARD.sample_rate


def test_reading_a_card_imports_no_jax():
    program = (
        'import sys; from jaxprobe.encoders import base;'
        '[base.card(name) for name in ("fbank_chroma", "musicnn_msd", "vgg_mtt")];'
        'sys.exit(any(m in sys.modules for m in ("jax", "flax", "librosa", "transformers")))'
    )
    assert subprocess.run([sys.executable, '-c', program], check=False).returncode == 0
