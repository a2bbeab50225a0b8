"""Runs the authors' own MusicFM (github.com/minzwon/musicfm, torch) on small random weights.

Not a test, and not part of `make reference` until somebody has the repository: it is on no package
registry. In an environment with transformers before 5 (`tests/reference/requirements.txt`):

    git clone https://github.com/minzwon/musicfm     # The folder has to be called musicfm.
    .venv-reference/bin/python tests/reference/musicfm_live.py musicfm runs/reference/musicfm
    F=runs/reference/musicfm
    .venv/bin/jaxprobe check encoder musicfm_msd --weights=$F/pretrained_msd.pt \\
        --arch=$F/config.json --reference=$F/io.npz
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import Wav2Vec2ConformerConfig

CONFORMER = {
    'conv_depthwise_kernel_size': 31,
    'hidden_act': 'swish',
    'hidden_size': 96,
    'intermediate_size': 192,
    'layer_norm_eps': 1e-5,
    'num_attention_heads': 4,
    'num_hidden_layers': 4,
    'position_embeddings_type': 'rotary',
    'rotary_embedding_base': 10000,
    'num_conv_pos_embeddings': 16,
    'num_conv_pos_embedding_groups': 4,
}
STAT = {'melspec_2048_mean': 6.768444971712967, 'melspec_2048_std': 18.417922652295623}


def main(checkout: Path, folder: Path) -> None:
    """Builds a small MusicFM and writes a checkpoint as published, a config, hidden states."""
    sys.path.insert(0, str(checkout.resolve().parent))
    # The class asks the hub for the sizes of its conformer; these are ours.
    Wav2Vec2ConformerConfig.from_pretrained = lambda _: Wav2Vec2ConformerConfig(**CONFORMER)
    from musicfm.model.musicfm_25hz import MusicFM25Hz

    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'stats.json').write_text(json.dumps(STAT))
    torch.manual_seed(0)
    sizes = {'conv_dim': 24, 'encoder_dim': 96, 'encoder_depth': 4, 'codebook_size': 64}
    model = MusicFM25Hz(**sizes, stat_path=folder / 'stats.json', model_path=None).eval()
    with torch.no_grad():
        for name, buffer in model.named_buffers():  # Statistics a trained model would have.
            if name.endswith('running_mean'):
                buffer.normal_(0, 0.2)
            if name.endswith('running_var'):
                buffer.uniform_(0.5, 1.5)
    state = {f'model.{name}': tensor for name, tensor in model.state_dict().items()}
    torch.save({'state_dict': state}, folder / 'pretrained_msd.pt')
    config = {'stat': STAT, 'w2v2': CONFORMER, **sizes, 'hop_length': 240, 'n_mels': 128}
    (folder / 'config.json').write_text(json.dumps(config))
    arrays = {}
    for case, shape in {'two': (2, 24000), 'odd': (1, 50017), 'long': (1, 240000)}.items():
        wave = np.random.RandomState(len(case)).uniform(-0.5, 0.5, shape).astype(np.float32)
        with torch.no_grad():
            _, states = model.get_predictions(torch.from_numpy(wave))
        arrays |= {f'{case}_wav': wave, f'{case}_hidden_states': torch.stack(states).numpy()}
    np.savez(folder / 'io.npz', **arrays)
    print(f'musicfm: {len(states)} states of {shape} in {folder}')


if __name__ == '__main__':
    main(Path(sys.argv[1]), Path(sys.argv[2]))
