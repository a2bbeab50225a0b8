import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.jukebox import prior, vqvae, weights
from jaxprobe.encoders.jukebox.architecture import TINY, Architecture

EXACT = precision('float32')


@pytest.fixture(scope='module')
def params():
    return weights.random(TINY, 0)[0]


@pytest.fixture(scope='module')
def codes():
    return np.random.RandomState(0).randint(0, TINY.bins, (2, TINY.n_ctx)).astype(np.int32)


@pytest.fixture(scope='module')
def states(params, codes):
    return np.asarray(run(params, codes))


@functools.partial(jax.jit, static_argnums=2)  # One compilation per shape and dtype.
def run(params, codes, numbers=EXACT):
    """Every state, [B L T D]."""
    return prior.states(TINY, numbers, params, codes, lambda x: x)


def test_tokens_stand_one_place_later(params, codes):
    x = np.asarray(prior.embedded(params, jnp.asarray(codes)))
    table, places = np.asarray(params['prior.tokens']), np.asarray(params['prior.positions'])
    np.testing.assert_allclose(x[0, 0], params['prior.start'] + places[0], rtol=1e-6)
    np.testing.assert_allclose(x[1, 5], table[codes[1, 4]] + places[5], rtol=1e-6)


def test_nothing_looks_ahead(params, codes, states):
    """Token k enters at place k + 1, and no place before it moves."""
    other = codes.copy()
    other[:, 100] = (other[:, 100] + 1) % TINY.bins
    moved = np.abs(np.asarray(run(params, other)) - states).max(axis=(0, 1, 3))
    assert moved[:101].max() == 0
    assert moved[101] > 1e-3


def test_a_shorter_window_is_the_start_of_a_longer_one(params, codes, states):
    """What makes `tokens` a matter of cost alone: the model only looks back."""
    short = np.asarray(run(params, codes[:, :64]))
    np.testing.assert_allclose(short, states[:, :, :64], rtol=1e-5, atol=1e-5)


@functools.cache
def reach(kind):
    """Which places [query, key] a kind of attention reads from: 1 where a value passes."""
    tokens, block, state = TINY.n_ctx, TINY.block, TINY.state
    a = TINY._replace(heads=1)
    seen = np.zeros((tokens, tokens), bool)
    attend = jax.jit(lambda qkv: prior.attention(a, EXACT, kind, qkv))
    for key in (0, 5, block, 2 * block + 3, tokens - 1):
        qkv = np.zeros((1, tokens, 3 * state), np.float32)
        qkv[0, key, 2 * state :] = 1.0
        seen[:, key] = np.asarray(attend(jnp.asarray(qkv)))[0, :, 0] > 0
    return seen


@pytest.mark.parametrize('key', [0, 5, 16, 35, 255])
def test_attention_within_a_block(key):
    expected = [q for q in range(256) if q // 16 == key // 16 and q >= key]
    assert np.flatnonzero(reach(1)[:, key]).tolist() == expected


@pytest.mark.parametrize('key', [0, 5, 16, 35, 255])
def test_attention_across_blocks(key):
    expected = [q for q in range(256) if q % 16 == key % 16 and q >= key]
    assert np.flatnonzero(reach(2)[:, key]).tolist() == expected


@pytest.mark.parametrize('key', [0, 5, 16, 35, 255])
def test_attention_to_the_block_before(key):
    """Unmasked: every place of a block reads every place of the one before."""
    expected = [q for q in range(256) if q // 16 == key // 16 + 1]
    assert np.flatnonzero(reach(3)[:, key]).tolist() == expected


def test_the_first_block_has_nothing_before_it():
    """Zeros as keys and values; what is left of the layer is its projection's bias."""
    qkv = np.random.RandomState(0).standard_normal((1, 256, 3 * TINY.state))
    out = np.asarray(prior.attention(TINY, EXACT, 3, jnp.asarray(qkv, jnp.float32)))
    assert np.abs(out[0, :16]).max() == 0
    assert np.abs(out[0, 16:]).min() > 0


def test_the_mlp_reads_what_attention_added():
    """By hand: LN, attention, LN of the sum, MLP with x sigmoid(1.702 x), one sum of three."""
    a = TINY._replace(n_ctx=2, blocks=2, prior_width=4, heads=1)  # Blocks of one token.
    draw = np.random.RandomState(1).standard_normal
    p = {name: jnp.asarray(draw(s), jnp.float32) for name, s in prior.layer_shapes(a).items()}
    x = draw((1, 2, 4)).astype(np.float32)
    w = {name: np.asarray(leaf, np.float64) for name, leaf in p.items()}

    def norm(name, x):
        centred = x - x.mean(-1, keepdims=True)
        normed = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
        return normed * w[f'{name}.scale'] + w[f'{name}.bias']

    qkv = norm('ln_0', x) @ w['attn.c_attn.kernel'] + w['attn.c_attn.bias']
    attended = qkv[..., 2:] @ w['attn.c_proj.kernel'] + w['attn.c_proj.bias']  # Only itself.
    hidden = norm('ln_1', x + attended) @ w['mlp.c_fc.kernel'] + w['mlp.c_fc.bias']
    hidden = hidden / (1 + np.exp(-1.702 * hidden))
    expected = x + attended + hidden @ w['mlp.c_proj.kernel'] + w['mlp.c_proj.bias']
    ours = prior.layer(a, EXACT, 1, p, jnp.asarray(x))
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)


def test_pooling(states):
    last = jnp.asarray(states[:, 6])
    clip = np.asarray(prior.clip_mean(TINY.block)(last))
    block = np.asarray(prior.block_means(TINY.block)(last))
    assert clip.shape == (2, 1, 48)
    assert block.shape == (2, 16, 48)
    exact = states[:, 6].astype(np.float64)
    np.testing.assert_allclose(clip[:, 0], exact.mean(axis=1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(block[:, 3], exact[:, 48:64].mean(axis=1), rtol=1e-5, atol=1e-6)


def test_compiled_size_does_not_grow_with_depth():
    """One program for any depth: layers are scanned, and their states never leave as a whole."""

    def lowered(depth):
        a = TINY._replace(prior_depth=depth)
        params = {n: jax.ShapeDtypeStruct(s, np.float32) for n, s in prior.table_shapes(a).items()}
        for name, shape in prior.layer_shapes(a).items():
            params[f'layers.{name}'] = jax.ShapeDtypeStruct((depth // 3, 3, *shape), np.float16)
        codes = jax.ShapeDtypeStruct((1, a.n_ctx), np.int32)
        run = jax.jit(lambda p, z: prior.states(a, EXACT, p, z, prior.clip_mean(a.block)))
        return run.lower(params, codes).as_text()

    assert lowered(36).count('dot_general') == lowered(3).count('dot_general')


@pytest.mark.parametrize('dtype', [jnp.bfloat16, jnp.float16])
def test_half_precision_is_near_and_comes_out_in_float32(params, states, dtype):
    numbers = EXACT._replace(dtype=dtype, matmul=jax.lax.Precision.DEFAULT)
    third = {n.removeprefix('layers.'): p[0, 2] for n, p in params.items() if 'layers.' in n}
    run_layer = jax.jit(lambda p, x: prior.layer(TINY, numbers, 3, p, x))
    half = run_layer(third, jnp.asarray(states[:, 2]))
    assert half.dtype == np.float32
    error = np.abs(np.asarray(half) - states[:, 3]).max() / states[:, 3].std()
    assert 1e-5 < error < 0.05


@pytest.mark.slow
@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
def test_working_memory_at_full_size(dtype):
    """Compiled only. Stacks held in bfloat16 became float32 as a whole on CPU: 11 GB, not 0.9."""
    a, numbers = Architecture(), precision(dtype)
    params = {
        name: jax.ShapeDtypeStruct(shape, np.float32)
        for name, shape in (vqvae.shapes(a) | prior.table_shapes(a)).items()
    }
    for name, shape in prior.layer_shapes(a).items():
        held = np.float16 if name.endswith('kernel') else np.float32
        params[f'layers.{name}'] = jax.ShapeDtypeStruct((12, 3, *shape), held)

    def encode(params, wave):
        codes = vqvae.codes(params, vqvae.latent(a, params, wave))
        return prior.states(a, numbers, params, codes, prior.clip_mean(a.block))

    wave = jax.ShapeDtypeStruct((1, 1048576), np.float32)
    before = jax.config.read('jax_disable_most_optimizations')
    jax.config.update('jax_disable_most_optimizations', False)
    try:
        memory = jax.jit(encode).lower(params, wave).compile().memory_analysis()
    finally:
        jax.config.update('jax_disable_most_optimizations', before)
    held, working = memory.argument_size_in_bytes / 1e9, memory.temp_size_in_bytes / 1e9
    print(f'{dtype}: {held:.2f} GB held, {working:.2f} GB working memory for one window')
    assert held == pytest.approx(5.18, abs=0.01)
    assert working < 1.5
