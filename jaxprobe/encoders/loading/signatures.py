"""Which model a checkpoint belongs to, judged by names that only that model uses."""

import fnmatch
from collections.abc import Iterable

# Pattern of a tensor's name -> the model it gives away; the first that matches anything wins.
SIGNATURES = {
    '*rvq.quantizers.*': "MuQ (encoder 'muq')",
    '*preprocessor_melspec_2048.*': "MusicFM (encoders 'musicfm_msd' and 'musicfm_fma')",
    '*quantizer_melspec_2048_0.*': "MusicFM (encoders 'musicfm_msd' and 'musicfm_fma')",
    '*quantizer_melspec_2048.*': "MuQ (encoder 'muq')",
    '*lm_head.weight': 'a model fine-tuned for speech recognition (data2vec_audio_base_960h is)',
    '*encoder.pos_conv_embed.layers.*': 'data2vec-audio or music2vec',
    '*quantizer.codevectors': 'wav2vec 2.0',
    '*encoder.pos_conv_embed.conv.*': 'HuBERT or MERT',
    '*conv_module.depthwise_conv.*': 'a speech conformer',
    '*audio_embedding_layer/*': "OpenL3 (encoder 'openl3')",
    '*weight_standardization*': "MULE (encoder 'mule')",
    'layer_with_weights-*/gain/.ATTRIBUTES/VARIABLE_VALUE': "MULE (encoder 'mule')",
    '*div_enc/split_fc_layers/*': "NeuralFP (encoder 'neuralfp')",
    '*sequential.10.1.running_mean': "CLMR (encoder 'clmr')",
    '*vggish/fc2/*': "VGGish (encoder 'vggish')",
    '*embeddings.4.weight': "VGGish (encoder 'vggish')",
    '*attn.c_enc_kv.*': 'a Jukebox prior with lyrics; jukebox_5b reads the one of 5b',
    '*conditioner_blocks.*': 'a Jukebox upsampler (prior_level_0 or prior_level_1)',
    '*transformer._attn_mods.*': "a top prior of Jukebox (encoder 'jukebox_5b')",
    '*bottleneck.level_blocks.*.k': "the VQ-VAE of Jukebox (encoder 'jukebox_5b')",
}


def looks_like(names: Iterable[str]) -> str | None:
    """Names the model these tensors seem to belong to, or None."""
    names = list(names)
    for pattern, model in SIGNATURES.items():
        if fnmatch.filter(names, pattern):
            return model
    return None
