"""One encoder that all can load: a transformers folder of HuBERT's layout, random weights.

Run by a peer's python, which has transformers and torch: python checkpoint.py DIR SIZE
"""

import sys

# MERT-v1-95M's depth in all, so that there are 13 states; `base` has its width too.
SIZES = {
    'small': {
        'hidden_size': 96,
        'num_attention_heads': 4,
        'intermediate_size': 192,
        'conv_dim': (48,) * 7,
        'num_conv_pos_embeddings': 32,
        'num_conv_pos_embedding_groups': 4,
    },
    'base': {},
}


def main(folder: str, size: str) -> None:
    """Writes config.json and the weights."""
    import torch
    from transformers import (  # pyright: ignore
        HubertConfig,
        HubertModel,
        Wav2Vec2FeatureExtractor,
    )

    torch.manual_seed(0)
    HubertModel(HubertConfig(**SIZES[size])).save_pretrained(folder, safe_serialization=True)
    front = Wav2Vec2FeatureExtractor(
        sampling_rate=24000, do_normalize=True, return_attention_mask=True
    )
    front.save_pretrained(folder)


if __name__ == '__main__':
    main(*sys.argv[1:])
