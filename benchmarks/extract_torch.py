"""An extraction as one writes it with torch, in a process of its own; see `extract.py --peer`.

File after file: librosa (soundfile and soxr) loads, downmixes and resamples; the authors' model
(transformers, or the `muq` package) runs on the file's windows with `output_hidden_states=True`;
every state is averaged over time; `np.save` writes one array [windows, layers, width] per file.
Weights are drawn, and written to a file, so that the other side can load the same.

It prints a line once the model is built and has seen every file, then one line of times for every
folder that it reads from standard input and fills.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import encode_torch


class Loop:
    """The model and the files."""

    def __init__(self, asked: dict[str, Any]):
        """Builds the model.

        Args:
            asked: encoder; files; seconds of each, 0 for all; sample_rate; window in samples;
                batch of windows at most; zscore of the file; threads; weights, a file to write.
        """
        import safetensors.torch
        import torch

        torch.set_num_threads(asked['threads'])
        torch.manual_seed(0)
        self.asked = asked
        self.model, self.run = encode_torch.reference(asked['encoder'])
        self.model.eval()
        tensors = {name: tensor.contiguous() for name, tensor in self.model.state_dict().items()}
        safetensors.torch.save_file(tensors, asked['weights'])

    def windows(self, path: str) -> Any:
        """A file's windows, [n, samples]."""
        import librosa
        import torch

        asked = self.asked
        wave, _ = librosa.load(path, sr=asked['sample_rate'], duration=asked['seconds'] or None)
        if asked['zscore']:
            wave = (wave - wave.mean()) / (wave.var() + 1e-7) ** 0.5
        n = len(wave) // asked['window']
        return torch.from_numpy(wave[: n * asked['window']]).reshape(n, asked['window'])

    def __call__(self, folder: Path) -> dict[str, float]:
        """All files once: seconds on the clock, and of the processor."""
        import numpy as np
        import torch

        start = time.perf_counter(), time.process_time()
        with torch.inference_mode():
            for index, path in enumerate(self.asked['files']):
                pooled = []
                for batch in self.windows(path).split(self.asked['batch']):
                    states = self.run(batch).hidden_states
                    pooled.append(torch.stack([state.mean(dim=1) for state in states], dim=1))
                np.save(folder / f'{index}.npy', torch.cat(pooled).numpy())
        wall, processor = time.perf_counter() - start[0], time.process_time() - start[1]
        return {'wall': wall, 'processor': processor}


def main() -> None:
    """Builds, warms up in the first folder, then answers every folder with a line of times."""
    asked = json.loads(sys.argv[1])
    needed = encode_torch.package(asked['encoder'])
    answers, sys.stdout = sys.stdout, sys.stderr  # Libraries may print; the pipe is for answers.

    def answer(line: dict[str, Any]) -> None:
        print(json.dumps(line), file=answers, flush=True)

    try:
        loop = Loop(asked)
        loop(Path(asked['folder']))
    except ImportError as error:
        answer({'missing': f'torch, {needed} or librosa does not load: {error}'})
        return
    used = (needed, 'torch', 'librosa')
    about = ', '.join(f'{name} {importlib.metadata.version(name)}' for name in used)
    answer({'reference': about})
    for line in sys.stdin:
        answer(loop(Path(line.rstrip('\n'))))


if __name__ == '__main__':
    main()
