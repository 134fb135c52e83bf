"""Tiny NeMo models with random weights, made from configurations; nothing is fetched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SENTENCES = """the toll on the bridge was raised
so the field was sown in the spring
she heard the snow fall on the stone road
ann read the note that ben had sent to her
the router drops one packet in ten
ten men met near the east end of the street
"""
PIECES = 40
WIDTH = 16
DURATIONS = [0, 1, 2, 3, 4]
PREPROCESSOR = {
    "_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor",
    "sample_rate": 16000,
    "normalize": "per_feature",
    "window_size": 0.025,
    "window_stride": 0.01,
    "features": 16,
    "n_fft": 512,
    "dither": 1e-5,
}
ENCODER = {
    "_target_": "nemo.collections.asr.modules.ConformerEncoder",
    "feat_in": 16,
    "n_layers": 1,
    "d_model": WIDTH,
    "n_heads": 2,
    "subsampling": "dw_striding",
    "subsampling_factor": 8,
    "subsampling_conv_channels": 8,
    "conv_kernel_size": 9,
    "ff_expansion_factor": 2,
    "pos_emb_max_len": 500,
}
CTC_DECODER = {
    "_target_": "nemo.collections.asr.modules.ConvASRDecoder",
    "feat_in": WIDTH,
    "num_classes": -1,
    "vocabulary": [],
}


def pieces(folder: Path, size: int = PIECES) -> Path:
    """A folder with a SentencePiece model of the sentences, as NeMo wants it."""
    from nemo.collections.common.tokenizers.sentencepiece_tokenizer import create_spt_model

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "text.txt").write_text(SENTENCES, encoding="utf-8")
    create_spt_model(str(folder / "text.txt"), size, -1, do_lower_case=False, output_dir=str(folder))
    return folder


def stirred(model: Any) -> Any:
    """Random weights that differ enough for texts to differ."""
    import torch

    torch.manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.4)
    return model.eval()


def ctc(folder: Path) -> Any:
    from nemo.collections.asr.models import EncDecCTCModelBPE
    from omegaconf import OmegaConf

    return stirred(EncDecCTCModelBPE(OmegaConf.create(_config(folder, decoder=CTC_DECODER))))


def transducer(folder: Path, durations: list[int] | None = None, *, hybrid: bool = False) -> Any:
    """A transducer; with durations, a token-and-duration one; as a hybrid, with a CTC output beside it."""
    from nemo.collections.asr.models import EncDecHybridRNNTCTCBPEModel, EncDecRNNTBPEModel
    from omegaconf import OmegaConf

    decoder = {
        "_target_": "nemo.collections.asr.modules.RNNTDecoder",
        "normalization_mode": None,
        "random_state_sampling": False,
        "blank_as_pad": True,
        "prednet": {"pred_hidden": WIDTH, "pred_rnn_layers": 1, "dropout": 0.0},
        "vocab_size": -1,
    }
    joint = {
        "_target_": "nemo.collections.asr.modules.RNNTJoint",
        "log_softmax": None,
        "fuse_loss_wer": False,
        "jointnet": {"joint_hidden": WIDTH, "activation": "relu", "dropout": 0.0, "encoder_hidden": WIDTH,
                     "pred_hidden": WIDTH},
        "num_classes": -1,
        "vocabulary": [],
    }  # fmt: skip
    config = _config(folder, decoder=decoder, joint=joint)
    config["model_defaults"] = {"enc_hidden": WIDTH, "pred_hidden": WIDTH, "joint_hidden": WIDTH}
    config["decoding"] = {"strategy": "greedy_batch", "greedy": {"max_symbols": 10}}
    config["loss"] = {"loss_name": "default"}
    if durations:
        config["model_defaults"] |= {"tdt_durations": durations, "num_tdt_durations": len(durations)}
        joint["num_extra_outputs"] = len(durations)
        config["decoding"] |= {"model_type": "tdt", "durations": durations}
        config["loss"] = {"loss_name": "tdt", "tdt_kwargs": {"durations": durations, "sigma": 0.0, "omega": 0.0}}
    if hybrid:
        config["aux_ctc"] = {"ctc_loss_weight": 0.3, "decoder": CTC_DECODER, "decoding": {"strategy": "greedy"}}
    kind = EncDecHybridRNNTCTCBPEModel if hybrid else EncDecRNNTBPEModel
    model = stirred(kind(OmegaConf.create(config)))
    model.joint.joint_net[-1].bias.data[PIECES] = 1.5 if durations else 3.5  # the blank, so that a frame has few tokens
    return model


def canary(folder: Path) -> Any:
    """An attention model with Canary's prompts."""
    from nemo.collections.asr.models import EncDecMultiTaskModel
    from nemo.collections.common.tokenizers.canary_tokenizer import CanaryTokenizer
    from omegaconf import OmegaConf

    CanaryTokenizer.build_special_tokenizer(
        ["startoftranscript", "endoftext", "transcribe", "translate", "en", "de"], folder / "special"
    )
    config = _config(folder)
    del config["tokenizer"]
    config |= {
        "prompt_format": "canary",
        "restore_timestamps_model": False,  # it would look into the file that was loaded last
        "prompt_defaults": [
            {"role": "user", "slots": {"source_lang": "en", "target_lang": "en", "task": "asr", "pnc": "no"}}
        ],
        "tokenizer": {
            "type": "agg",
            "dir": None,
            "langs": {
                "spl_tokens": {"dir": str(folder / "special"), "type": "bpe"},
                "en": {"dir": str(pieces(folder / "en")), "type": "bpe"},
                "de": {"dir": str(pieces(folder / "de", 44)), "type": "bpe"},
            },
            "custom_tokenizer": {
                "_target_": "nemo.collections.common.tokenizers.canary_tokenizer.CanaryTokenizer",
                "tokenizers": None,
            },
        },
        "model_defaults": {"asr_enc_hidden": WIDTH, "lm_enc_hidden": WIDTH, "lm_dec_hidden": WIDTH},
        "transf_decoder": {
            "_target_": "nemo.collections.asr.modules.transformer.get_nemo_transformer",
            "model_name": None,
            "pretrained": False,
            "encoder": None,
            "pre_ln_final_layer_norm": True,
            "config_dict": {
                "max_sequence_length": 64,
                "num_token_types": 0,
                "embedding_dropout": 0.1,
                "learn_positional_encodings": False,
                "hidden_size": WIDTH,
                "inner_size": 2 * WIDTH,
                "num_layers": 2,
                "num_attention_heads": 2,
                "ffn_dropout": 0.1,
                "attn_score_dropout": 0.1,
                "attn_layer_dropout": 0.1,
                "hidden_act": "relu",
                "pre_ln": True,
                "vocab_size": None,
            },
        },
        "head": {
            "_target_": "nemo.collections.asr.parts.submodules.token_classifier.TokenClassifier",
            "num_layers": 1,
            "activation": "relu",
            "log_softmax": True,
            "hidden_size": WIDTH,
            "use_transformer_init": True,
            "dropout": 0.0,
        },
        "loss": {"_target_": "nemo.collections.common.losses.smoothed_cross_entropy.SmoothedCrossEntropyLoss"},
        "decoding": {"strategy": "beam", "beam": {"beam_size": 1}},
    }
    model = stirred(EncDecMultiTaskModel(OmegaConf.create(config)))
    bias = model.log_softmax.mlp.layer0.bias.data
    bias[: model.tokenizer.token_id_offset["en"]] = -10.0  # tokens of prompts
    bias[model.tokenizer.eos_id] = 1.0  # so that texts end
    return model


def _config(folder: Path, **parts: Any) -> dict[str, Any]:
    import torch

    torch.manual_seed(7)
    tokenizer = {"dir": str(pieces(folder / "pieces")), "type": "bpe"}
    return {"sample_rate": 16000, "preprocessor": PREPROCESSOR, "encoder": ENCODER, "tokenizer": tokenizer, **parts}
