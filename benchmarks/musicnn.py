"""Two decisions of the MusiCNN port in numbers, one JSON line per case.

    python -m benchmarks.musicnn --audio ../shared/data/music

`speed`: normalising after the maximum over frequency, as the port does, beside normalising
before it, as the reference does; x real time, the best of runs taken in turns.

`windows`: what cutting windows before the spectrogram changes, on the first 30 seconds of real
recordings. The reference computes the spectrogram of a whole file, reflected at its start, and
cuts that. Beside it, the port's windows (with the 256 samples before them); the same windows
each reflected at its own start, which was the port's first version; and windows of 48 128
samples that need neither but whose patches lie one frame later. `window_error` is the distance
of pooled windows over their norm, `item_error` that of their means.
"""

import argparse
import json
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxprobe.audio import decode
from jaxprobe.audio.window import Windowing, cut
from jaxprobe.encoders import base
from jaxprobe.encoders.musicnn import model
from jaxprobe.encoders.musicnn.card import LEAD_SAMPLES as LEAD
from jaxprobe.encoders.musicnn.card import WINDOW_SAMPLES as WINDOW

SECONDS = 30.0


def normalised_first(params, wave):
    """`model.encode_musicnn` with the front end's steps in the reference's order."""
    patch = model.log_mel(params, wave)
    pads = {'timbral_74': (3, 3), 'timbral_77': (3, 3)}
    pads |= {'temporal_128': (63, 64), 'temporal_64': (31, 32), 'temporal_32': (15, 16)}

    def affine(block, x):
        return x * block['scale'].reshape(1, 1, 1, -1) + block['shift'].reshape(1, 1, 1, -1)

    x, front = affine(params['input'], patch[..., None]), []
    for name, pad in pads.items():
        y = jax.lax.conv_general_dilated(
            x,
            params[name]['kernel'],
            (1, 1),
            (pad, (0, 0)),
            dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
        )
        y = jax.nn.relu(y + params[name]['bias'].reshape(1, 1, 1, -1))
        front.append(affine(params[name], y).max(axis=2))
    return model.back_end(params, jnp.concatenate(front, axis=-1))


def speed(encoder: base.Encoder, batch: int, repeats: int) -> dict[str, float]:
    """Best x real time of both orders, measured in turns."""
    wave = jnp.float32(0.1 * np.random.RandomState(0).standard_normal((batch, LEAD + WINDOW)))
    ways = {'ours': jax.jit(encoder.encode), 'normalised_first': jax.jit(normalised_first)}
    results = {name: jax.block_until_ready(f(encoder.params, wave)) for name, f in ways.items()}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, encode in ways.items():
            start = time.perf_counter()
            jax.block_until_ready(encode(encoder.params, wave))
            times[name].append(time.perf_counter() - start)
    audio = batch * WINDOW / 16000
    rates = {name: audio / min(taken) for name, taken in times.items()}
    pairs = zip(*results.values(), strict=True)
    return rates | {'largest_difference': max(float(jnp.abs(a - b).max()) for a, b in pairs)}


def grids(params, wave: np.ndarray) -> dict[str, np.ndarray]:
    """Patches [R 187 96] of the reference's whole-file spectrogram and of three ways to cut."""
    whole = np.pad(wave, (LEAD, 0), mode='reflect')
    spectrogram = np.asarray(model.log_mel(params, jnp.asarray(whole)[None]))[0]
    count = (len(wave) - 256) // WINDOW
    reference = spectrogram[: 187 * count].reshape(count, 187, 96)
    windows, _ = cut(wave, Windowing(WINDOW, WINDOW, lead=LEAD))
    alone = np.pad(windows[:, LEAD:], ((0, 0), (LEAD, 0)), mode='reflect')
    return {
        'reference': reference,
        'ours': np.asarray(model.log_mel(params, jnp.asarray(windows)))[:count],
        'reflected': np.asarray(model.log_mel(params, jnp.asarray(alone)))[:count],
        'one_frame_later': spectrogram[1 : 187 * count + 1].reshape(count, 187, 96),
    }


def window_lines(encoder: base.Encoder, folder: Path) -> list[dict]:
    """Median over recordings of the distance to the reference, per layer and way to cut."""
    layers = jax.jit(model.musicnn_layers)
    errors: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for path in sorted(folder.glob('*.ogg')):
        patches = grids(encoder.params, decode.read(path, 16000, duration=SECONDS))
        if len(patches['reference']) < 2:
            continue
        pooled = {
            way: [np.asarray(layer.mean(1)) for layer in layers(encoder.params, jnp.asarray(x))]
            for way, x in patches.items()
        }
        for way in ('ours', 'reflected', 'one_frame_later'):
            for layer, mine, theirs in zip(
                encoder.card.layers, pooled[way], pooled['reference'], strict=True
            ):
                window = np.linalg.norm(mine - theirs) / np.linalg.norm(theirs)
                item = np.linalg.norm((mine - theirs).mean(0)) / np.linalg.norm(theirs.mean(0))
                errors.setdefault((way, layer.name), []).append((float(window), float(item)))
    return [
        {
            'case': 'windows',
            'way': way,
            'layer': layer,
            'window_error': float(f'{np.median(found, axis=0)[0]:.2g}'),
            'item_error': float(f'{np.median(found, axis=0)[1]:.2g}'),
            'recordings': len(found),
        }
        for (way, layer), found in errors.items()
    ]


def main(arguments: list[str] | None = None) -> None:
    """Prints the cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else '')
    parser.add_argument('--audio', type=Path, help='a folder of recordings, for `windows`')
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--repeats', type=int, default=10)
    asked = parser.parse_args(arguments)
    encoder = base.load('musicnn_msd')
    figures = {k: float(f'{v:.4g}') for k, v in speed(encoder, asked.batch, asked.repeats).items()}
    device = jax.devices()[0].device_kind
    print(json.dumps({'case': 'speed', 'batch': asked.batch, 'device': device} | figures))
    for line in window_lines(encoder, asked.audio) if asked.audio else []:
        print(json.dumps(line))


if __name__ == '__main__':
    main()
