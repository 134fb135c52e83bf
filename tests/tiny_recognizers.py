"""Tiny recognizers of transformers with random weights, as folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

WORDS = [
    "the",
    "a",
    "sea",
    "see",
    "ship",
    "sheep",
    "bay",
    "by",
    "bridge",
    "toll",
    "tall",
    "was",
    "is",
    "in",
    "on",
    "of",
]
WORDS += ["to", "from", "and", "then", "when", "road", "rode", "rain", "reign", "plain", "plane", "night", "knight"]
WORDS += ["hour", "our", "wear", "where", "right", "write"]
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "__eng__", "__deu__", "<lang:en>", "<lang:de>"]
#: Every vocabulary: special tokens first.
VOCABULARY = {token: number for number, token in enumerate([*SPECIAL, *WORDS])}
BEGIN, PAD, END = 0, 1, 2
SUPPRESSED = [BEGIN, PAD, *range(3, len(SPECIAL))]

_ENDS = {"bos_token_id": BEGIN, "pad_token_id": PAD, "eos_token_id": END, "decoder_start_token_id": END}
_WAVE = {"conv_dim": (16, 16, 16), "conv_kernel": (10, 8, 4), "conv_stride": (8, 8, 5), "conv_bias": True}
_WAVE |= {"num_feat_extract_layers": 3, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4}
_SIZES = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
_BART = {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48}
_BART |= {"encoder_attention_heads": 4, "decoder_attention_heads": 4, "max_target_positions": 64}
_SEAMLESS = {"hidden_size": 32, "encoder_layers": 1, "decoder_layers": 2, "encoder_attention_heads": 4}
_SEAMLESS |= {"decoder_attention_heads": 4, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48}
_SEAMLESS |= {"speech_encoder_layers": 1, "speech_encoder_attention_heads": 4, "speech_encoder_intermediate_size": 48}
_SEAMLESS |= {"feature_projection_input_dim": 160, "t2u_encoder_layers": 1, "t2u_decoder_layers": 1}
_SEAMLESS |= {"vocoder_num_speakers": 2, "upsample_initial_channel": 16, "max_position_embeddings": 64}

#: By model type: classes of the model and the feature extractor, and what makes it small.
SEQUENCES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "speech_to_text": (
        "Speech2TextForConditionalGeneration",
        "Speech2TextFeatureExtractor",
        _BART | {"num_conv_layers": 2, "conv_kernel_sizes": (5, 5), "conv_channels": 32, "max_source_positions": 600},
    ),
    "speecht5": (
        "SpeechT5ForSpeechToText",
        "SpeechT5FeatureExtractor",
        {name: value for name, value in _BART.items() if name not in ("d_model", "max_target_positions")}
        | _WAVE
        | {"hidden_size": 32, "max_text_positions": 64},
    ),
    "moonshine": (
        "MoonshineForConditionalGeneration",
        "Wav2Vec2FeatureExtractor",
        _SIZES
        | {"encoder_num_hidden_layers": 1, "decoder_num_hidden_layers": 2, "max_position_embeddings": 64}
        | {"encoder_num_attention_heads": 4, "decoder_num_attention_heads": 4}
        | {"encoder_num_key_value_heads": 4, "decoder_num_key_value_heads": 4},
    ),
    "seamless_m4t_v2": ("SeamlessM4Tv2ForSpeechToText", "SeamlessM4TFeatureExtractor", _SEAMLESS),
}
#: What texts begin with in English, behind the first token of the decoder.
PROMPTS = {"speech_to_text": [6], "seamless_m4t_v2": [4]}
#: How much larger the weights of the end are than those of words; found by trying.
ENDS = {"speech_to_text": 5.0, "speecht5": -12.0, "moonshine": -5.0, "seamless_m4t_v2": -5.0}
CTC: dict[str, tuple[str, dict[str, Any]]] = {
    "wav2vec2": ("Wav2Vec2ForCTC", {"feat_extract_norm": "group"}),
    "hubert": ("HubertForCTC", {"feat_extract_norm": "layer", "do_stable_layer_norm": True}),
    "wavlm": ("WavLMForCTC", {"feat_extract_norm": "layer"}),
}
LETTERS = ["<pad>", "<s>", "</s>", "<unk>", "|", *"etaonihsr"]


def save(model: Any, folder: Path, std: float = 0.25, end: float = 1.0) -> None:
    """Fill a model with random weights, large enough that all it hears makes a difference, and save it."""
    import torch

    torch.manual_seed(7)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=std)
    if model.config.is_encoder_decoder:
        with torch.no_grad():
            head = model.get_output_embeddings()
            head.weight *= 0.5
            head.weight[END] *= end  # so that texts end
    model.save_pretrained(folder)


def sequence(folder: Path, kind: str) -> Path:
    """A sequence model that writes some of `WORDS`."""
    import transformers

    model, extractor, sizes = SEQUENCES[kind]
    config = transformers.AutoConfig.for_model(
        kind, vocab_size=len(VOCABULARY), tie_word_embeddings=False, **_ENDS | sizes
    )
    config.architectures = [model]
    made = getattr(transformers, model)(config)
    # What the model's makers set besides must change no score.
    made.generation_config.update(
        **_ENDS, suppress_tokens=SUPPRESSED, begin_suppress_tokens=[END], repetition_penalty=1.3, no_repeat_ngram_size=2
    )
    save(made, folder, end=ENDS[kind])
    options = {"feature_size": 1} if "Wave" in extractor or "Wav2" in extractor or "T5" in extractor else {}
    getattr(transformers, extractor)(return_attention_mask=True, **options).save_pretrained(folder)
    _word_tokenizer(folder)
    return folder


def _word_tokenizer(folder: Path) -> None:
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(models.WordLevel(VOCABULARY, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    special = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, additional_special_tokens=SPECIAL[4:], **special
    ).save_pretrained(folder)


def ctc(folder: Path, kind: str) -> Path:
    """A CTC model that writes some of `LETTERS`."""
    import transformers

    model, more = CTC[kind]
    config = transformers.AutoConfig.for_model(
        kind, vocab_size=len(LETTERS), **_WAVE | _SIZES | more, pad_token_id=0, bos_token_id=1, eos_token_id=2
    )
    config.architectures = [model]
    save(getattr(transformers, model)(config), folder)
    transformers.Wav2Vec2FeatureExtractor(return_attention_mask=more["feat_extract_norm"] == "layer").save_pretrained(
        folder
    )
    (folder / "vocab.json").write_text(json.dumps({letter: number for number, letter in enumerate(LETTERS)}), "utf-8")
    transformers.Wav2Vec2CTCTokenizer(str(folder / "vocab.json")).save_pretrained(folder)
    return folder
