"""The authors' torch models as a process that times itself when asked; see `encode.py --peer`.

Imports nothing of jaxprobe, so that it also runs in the environment of `make reference`:

    .venv-reference/bin/python benchmarks/encode_torch.py '{"encoder": "muq", "batch": 1,
        "samples": 240000, "dtype": "float32", "threads": 2, "calls": 1}'

It prints a line once the model is built and has run twice, then one line of times for every line
it reads. Weights are random: the speed is the same. A process of its own keeps the two libraries'
thread pools and memory apart.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

# A model, and what runs it on a wave [B S] so that it returns every hidden state.
Model = tuple['torch.nn.Module', Callable[['torch.Tensor'], Any]]

# Encoder -> what its published config.json says beyond the class's defaults, which are those of
# facebook/hubert-base-ls960 and facebook/data2vec-audio-base.
LARGE = {
    'hidden_size': 1024,
    'num_hidden_layers': 24,
    'num_attention_heads': 16,
    'intermediate_size': 4096,
    'do_stable_layer_norm': True,
}
HUBERT: dict[str, dict] = {
    'hubert_base': {},
    'musichubert': {},
    'mert_v0': {},
    'mert_v0_public': {},
    'mert_v1_95m': {},
    'mert_v1_330m': LARGE,
}
DATA2VEC: dict[str, dict] = {
    'data2vec_audio_base': {},
    'data2vec_audio_base_960h': {},
    'music2vec': {},
}
MUQ = ('muq', 'musicfm_msd', 'musicfm_fma')  # One graph: MuQ's package stands for all three.

# The conformer section of OpenMuQ/MuQ-large-msd-iter's config.json, as far as it is read.
CONFORMER = {
    'activation_dropout': 0.1,
    'attention_dropout': 0.1,
    'conformer_conv_dropout': 0.1,
    'conv_depthwise_kernel_size': 31,
    'hidden_act': 'swish',
    'hidden_dropout': 0.1,
    'hidden_size': 1024,
    'intermediate_size': 4096,
    'layer_norm_eps': 1e-5,
    'layerdrop': 0.0,
    'max_source_positions': 5000,
    'num_attention_heads': 16,
    'num_hidden_layers': 12,
    'position_embeddings_type': 'rotary',
    'rotary_embedding_base': 10000,
    'feat_extract_activation': 'gelu',
    'num_conv_pos_embeddings': 128,
    'num_conv_pos_embedding_groups': 16,
}


def package(encoder: str) -> str:
    """The package that holds an encoder's reference; '' where none is timed."""
    if encoder in MUQ:
        return 'muq'
    return 'transformers' if encoder in HUBERT or encoder in DATA2VEC else ''


def hubert(encoder: str) -> Model:
    """transformers' HubertModel or Data2VecAudioModel at published size."""
    import transformers

    transformers.logging.set_verbosity_error()
    if encoder in HUBERT:
        config = transformers.HubertConfig(**HUBERT[encoder])
        model = transformers.HubertModel(config)
    else:
        config = transformers.Data2VecAudioConfig(**DATA2VEC[encoder])
        model = transformers.Data2VecAudioModel(config)
    return model, lambda wave: model(wave, output_hidden_states=True)


def muq() -> Model:
    """The authors' MuQ at published size, without its pre-training head."""
    import torch

    # The package imports its text model, and with it torchvision, which has no CPU wheel here.
    stub: Any = types.ModuleType('muq.muq_mulan')
    stub.MuQMuLan = stub.MuQMuLanConfig = None
    sys.modules['muq.muq_mulan'] = stub
    from muq import MuQ, MuQConfig  # pyright: ignore[reportMissingImports]

    config = MuQConfig(
        label_rate=25,
        num_codebooks=1,
        codebook_dim=16,
        codebook_size=8192,
        conv_dim=512,
        encoder_dim=1024,
        encoder_depth=12,
        is_flash=False,
        stat={'melspec_2048_mean': 6.768444971712967, 'melspec_2048_std': 18.417922652295623},
        w2v2_config=CONFORMER,
        use_rvq_target=False,
    )
    model = MuQ(config)
    model.model.linear = torch.nn.Identity()
    return model, lambda wave: model(wave, output_hidden_states=True)


def reference(encoder: str) -> Model:
    """An encoder's model in its authors' torch, with random weights.

    Raises:
        ImportError: torch or the reference's package is not installed, or does not load.
    """
    return muq() if package(encoder) == 'muq' else hubert(encoder)


def build(asked: dict[str, Any]) -> tuple[Callable[[], dict[str, Any]], dict[str, Any]]:
    """What times the reference once, and what it is.

    Args:
        asked: encoder, batch, samples, dtype, threads, and calls (per timing).

    Raises:
        ImportError: torch or the reference's package is not installed, or does not load.
    """
    import numpy as np
    import torch

    torch.set_num_threads(asked['threads'])
    torch.manual_seed(0)
    needed = package(asked['encoder'])
    model, run = reference(asked['encoder'])
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    model.eval().to(device)
    wave = np.random.RandomState(0).standard_normal((asked['batch'], asked['samples']))
    wave = torch.from_numpy((0.1 * wave).astype(np.float32)).to(device)
    low = asked['dtype'] == 'bfloat16'  # By autocast, which leaves the spectrogram in float32.

    def timed() -> dict[str, Any]:
        start = time.perf_counter(), time.process_time()
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=low):
            for _ in range(asked['calls']):
                run(wave)
        if device.type == 'cuda':
            torch.cuda.synchronize()
        wall, processor = time.perf_counter() - start[0], time.process_time() - start[1]
        return {
            'wall': wall / asked['calls'],
            'processor': processor / asked['calls'],
            'peak_mib': peak_mib(),
        }

    return timed, {
        'reference': f'{needed} {importlib.metadata.version(needed)}, torch {torch.__version__}',
        'threads': torch.get_num_threads(),
        'device': device.type,
    }


def peak_mib() -> int | None:
    """The most memory this process held; None where the system does not say.

    Not `getrusage`: a child's figure there begins with what its parent held.
    """
    try:
        with open('/proc/self/status') as status:
            return next(int(line.split()[1]) // 1024 for line in status if 'VmHWM' in line)
    except (OSError, StopIteration):
        return None


def serve(asked: dict[str, Any]) -> None:
    """Builds, warms up, then answers every line of standard input with one line of times."""
    answers, sys.stdout = sys.stdout, sys.stderr  # Libraries may print; the pipe is for answers.

    def answer(line: dict[str, Any]) -> None:
        print(json.dumps(line), file=answers, flush=True)

    try:
        timed, about = build(asked)
    except (ImportError, OSError) as error:
        answer({'missing': f'{package(asked["encoder"])} does not load: {error}'})
        return
    timed()
    timed()
    answer(about)
    for _ in sys.stdin:
        answer(timed())


if __name__ == '__main__':
    serve(json.loads(sys.argv[1]))
