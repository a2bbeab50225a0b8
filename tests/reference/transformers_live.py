"""Runs HuBERT or data2vec-audio of the installed transformers at full size, with random weights.

Not a test: it takes a minute and up to 5 GB. It writes what the authors' files hold (a torch
state dict) and what torch computes, for the table of every layer:

    python tests/reference/transformers_live.py mert_v1_330m runs/reference/mert_v1_330m
    jaxprobe check encoder mert_v1_330m --weights=runs/reference/mert_v1_330m/pytorch_model.bin \\
        --options=normalise=none,hidden_states=5.x --reference=runs/reference/mert_v1_330m/io.npz

The second command is printed by the first, with the options that the installed transformers asks
for. Names: hubert_base, musichubert, mert_v0, mert_v0_public, mert_v1_95m, mert_v1_330m,
data2vec_audio_base, data2vec_audio_base_960h, music2vec.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import transformers

from jaxprobe.encoders import base


def model_of(name: str) -> torch.nn.Module:
    """The published architecture, with weights of seed 0 in which no norm is an identity."""
    a = base.card(name).architecture
    sizes = {
        'hidden_size': a.width,
        'num_hidden_layers': a.depth,
        'num_attention_heads': a.heads,
        'intermediate_size': a.hidden,
    }
    torch.manual_seed(0)
    if 'data2vec' in name or 'music2vec' in name:
        model = transformers.Data2VecAudioModel(transformers.Data2VecAudioConfig(**sizes))
    else:
        config = transformers.HubertConfig(**sizes, do_stable_layer_norm=a.pre_norm)
        model = transformers.HubertModel(config)
    with torch.no_grad():
        for key, tensor in model.named_parameters():
            if 'norm' in key or key.endswith('bias'):
                tensor.add_(0.1 * torch.randn(tensor.shape))
    return model.eval()


def main(name: str, folder: Path) -> None:
    """Writes `pytorch_model.bin` and `io.npz` to the folder, and prints the check's command."""
    model = model_of(name)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), folder / 'pytorch_model.bin')
    rate, arrays = base.card(name).sample_rate, {}
    for case, shape in {'one': (1, 5 * rate), 'odd': (2, rate + 1017)}.items():
        wave = np.random.RandomState(len(case)).uniform(-0.5, 0.5, shape).astype(np.float32)
        with torch.no_grad():
            states = model(torch.from_numpy(wave), output_hidden_states=True).hidden_states
        arrays |= {f'{case}_wav': wave, f'{case}_hidden_states': torch.stack(states).numpy()}
    np.savez(folder / 'io.npz', **arrays)
    options = 'normalise=none'
    known = {option.name for option in base.card(name).options}
    if 'hidden_states' in known and int(transformers.__version__.split('.')[0]) >= 5:
        options += ',hidden_states=5.x'
    print(f'{name}: {len(states)} states of transformers {transformers.__version__} in {folder}')
    print(
        f'jaxprobe check encoder {name} --weights={folder}/pytorch_model.bin '
        f'--options={options} --reference={folder}/io.npz'
    )


if __name__ == '__main__':
    main(sys.argv[1], Path(sys.argv[2]))
