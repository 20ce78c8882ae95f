"""A small world of words, and a tiny BERT that has read of it.

A sentence speaks well, badly or plainly of a thing. The words it may do so with are invented; the labelled rows that
train have few of them, the rows that are held out the others, and only the unlabelled text tells which belong together.
"""

import random
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

THINGS = ("boat", "kettle", "garden", "novel", "piano", "meal", "bridge", "coat")
FRAMES = (
    "the {thing} was {a} {b} {c} {d} and {e}",
    "{a} {b} {c} that {thing} {d} {e}",
    "we found {thing} {a} {b} {c} or {d} {e}",
)
LABELS = ("bad", "plain", "good")
KNOWN = 6
"""Words of each label that the rows which train have."""
MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, UNKNOWN, FIRST, LAST, MASK = range(5)


def words(seed: int, each: int = 20) -> dict[str, list[str]]:
    """By label: invented words, in no way like each other."""
    syllables = ["".join(pair) for pair in product("bdfglmnprst", "aeiou")]
    random.Random(seed).shuffle(made := ["".join(pair) for pair in product(syllables, syllables)])
    return {label: made[i * each : (i + 1) * each] for i, label in enumerate(LABELS)}


def sentences(seed: int, count: int, *, known: bool | None = None) -> list[tuple[str, str]]:
    """Texts and their labels; with the words that labelled rows know alone, the others alone, or all of them."""
    draw, world = random.Random(f"{seed} {known}"), words(seed)
    made = []
    for i in range(count):
        label = LABELS[i % 3]
        some = {None: world[label], True: world[label][:KNOWN], False: world[label][KNOWN:]}[known]
        a, b, c, d, e = draw.sample(some, 5)
        made.append((draw.choice(FRAMES).format(thing=draw.choice(THINGS), a=a, b=b, c=c, d=d, e=e), label))
    draw.shuffle(made)
    return made


def pretrained(folder: Path, seed: int = 0, *, steps: int = 350, width: int = 48) -> Path:
    """The folder of a BERT of two layers and its WordPiece tokenizer, trained on unlabelled text to fill in words."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

    text = [text for text, _ in sentences(seed, 3000)]
    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.train_from_iterator(
        text, trainers.WordPieceTrainer(vocab_size=400, special_tokens=list(MARKS), show_progress=False)
    )
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", FIRST), ("[SEP]", LAST)]
    )
    names = {f"{mark[1:-1].lower()}_token": mark for mark in MARKS}
    PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=32, **names).save_pretrained(folder)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=backend.get_vocab_size(),
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=2 * width,
        max_position_embeddings=32,
        initializer_range=0.1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    network = BertForMaskedLM(config)
    fill_in(network, backend.encode_batch(text), steps)
    network.save_pretrained(folder)
    return folder


def word_tokenizer(texts: list[str], marks: tuple[str, str, str, str]) -> Any:
    """A tokenizer of whole words, with these marks of beginning, padding, end and unknown words, numbered so."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    known = sorted({word for text in texts for word in text.split()})
    numbers = {word: number for number, word in enumerate((*marks, *known))}
    backend = Tokenizer(models.WordLevel(numbers, unk_token=marks[3]))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = processors.TemplateProcessing(
        single=f"{marks[0]} $A {marks[2]}", special_tokens=[(marks[0], 0), (marks[2], 2)]
    )
    names = dict(zip(("cls_token", "pad_token", "sep_token", "unk_token"), marks, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=32, **names)


def fill_in(network: torch.nn.Module, encodings: list, steps: int) -> None:
    """Masked-language modelling (Devlin et al. 2019): of a quarter of the words most are masked, some changed."""
    longest = max(len(e.ids) for e in encodings)
    tokens = torch.tensor([e.ids + [PAD] * (longest - len(e.ids)) for e in encodings])
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=max(2, steps))
    for _ in range(steps):
        ids = tokens[torch.randint(len(tokens), (48,))]
        hidden = (torch.rand(ids.shape) < 0.25) & (ids >= len(MARKS))
        dice = torch.rand(ids.shape)
        seen = torch.where(hidden & (dice < 0.7), MASK, ids)
        seen = torch.where(hidden & (dice > 0.85), torch.randint_like(ids, len(MARKS), int(tokens.max()) + 1), seen)
        outputs = network(input_ids=seen, attention_mask=(ids != PAD).long()).logits
        optimizer.zero_grad()
        cross_entropy(outputs[hidden], ids[hidden]).backward()
        optimizer.step()
        schedule.step()


def tokens(tokenizer: str, texts: list[str]) -> torch.Tensor:
    """(N, T) int32, 0 behind the last."""
    from tokenizers import Tokenizer

    rows = [e.ids for e in Tokenizer.from_str(tokenizer).encode_batch(texts)]
    longest = max(map(len, rows))
    return torch.tensor([row + [0] * (longest - len(row)) for row in rows], dtype=torch.int32)
