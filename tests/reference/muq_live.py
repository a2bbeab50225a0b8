"""Runs the authors' own MuQ (package `muq`, torch) and saves what it computes, in its own formats.

Not a test: `make reference` runs this in an environment of its own (torch, torchaudio and a
transformers older than 5, which would fight with ours), then holds our port to the files:

    .venv-reference/bin/python tests/reference/muq_live.py runs/reference/muq
    .venv/bin/jaxprobe check encoder muq --weights=runs/reference/muq/model.safetensors \\
        --arch=runs/reference/muq/config.json --reference=runs/reference/muq/io.npz
"""

import json
import sys
import types
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

CONFORMER = {
    'activation_dropout': 0.1,
    'attention_dropout': 0.1,
    'conformer_conv_dropout': 0.1,
    'conv_depthwise_kernel_size': 31,
    'hidden_act': 'swish',
    'hidden_dropout': 0.1,
    'hidden_size': 96,
    'intermediate_size': 192,
    'layer_norm_eps': 1e-5,
    'layerdrop': 0.0,
    'max_source_positions': 5000,
    'num_attention_heads': 4,
    'num_hidden_layers': 24,
    'position_embeddings_type': 'rotary',
    'rotary_embedding_base': 10000,
    'feat_extract_norm': 'layer',
    'feat_extract_activation': 'gelu',
    'conv_bias': True,
    'do_stable_layer_norm': True,
    'num_conv_pos_embeddings': 16,
    'num_conv_pos_embedding_groups': 4,
}


def main(folder: Path) -> None:
    """Builds a small MuQ with random weights and writes weights, config and hidden states."""
    # The package imports its text model, and with it torchvision, which has no CPU wheel here.
    sys.modules['muq.muq_mulan'] = stub = types.ModuleType('muq.muq_mulan')
    stub.MuQMuLan = stub.MuQMuLanConfig = None
    from muq import MuQ, MuQConfig

    torch.manual_seed(0)
    config = MuQConfig(
        label_rate=25,
        num_codebooks=1,
        codebook_dim=16,
        codebook_size=64,
        conv_dim=24,
        encoder_dim=96,
        encoder_depth=4,
        is_flash=False,
        stat={'melspec_2048_mean': 6.768444971712967, 'melspec_2048_std': 18.417922652295623},
        w2v2_config=CONFORMER,
        use_rvq_target=False,
    )
    model = MuQ(config).eval()
    with torch.no_grad():
        for name, buffer in model.named_buffers():  # Statistics a trained model would have.
            if name.endswith('running_mean'):
                buffer.normal_(0, 0.2)
            if name.endswith('running_var'):
                buffer.uniform_(0.5, 1.5)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {k: v.contiguous() for k, v in model.state_dict().items()}, folder / 'model.safetensors'
    )
    (folder / 'config.json').write_text(json.dumps({**vars(config), 'w2v2_config': CONFORMER}))
    arrays = {}
    for case, shape in {'two': (2, 24000), 'odd': (1, 50017), 'long': (1, 240000)}.items():
        wave = np.random.RandomState(len(case)).uniform(-0.5, 0.5, shape).astype(np.float32)
        with torch.no_grad():
            states = model(torch.from_numpy(wave), output_hidden_states=True).hidden_states
        arrays |= {f'{case}_wav': wave, f'{case}_hidden_states': torch.stack(states).numpy()}
    np.savez(folder / 'io.npz', **arrays)
    print(f'muq: {len(states)} states of {shape} in {folder}')


if __name__ == '__main__':
    main(Path(sys.argv[1]))
