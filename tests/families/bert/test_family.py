"""Training on from what others have trained: it helps, it is slow where it should be, and others read it back."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import netwright as nw
from netwright.artifact.load import load
from netwright.cli.main import run
from netwright.core.batch import Batch
from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.core.forms import TextForm
from netwright.core.schema import CategoryColumn, NumberColumn, Schema
from netwright.families.bert.config import BertConfig
from netwright.families.bert.family import FAMILY
from netwright.families.bert.files import marks_of
from netwright.families.bert.network import BertNetwork
from netwright.tasks import Classification, MultiLabel, Regression
from tests.families.bert import made

NUMBER, TEXT = CellType(kind="number"), CellType(kind="string")
ARCHITECTURE = {
    "model_type": "bert",
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "vocab_size": 40,
    "max_position_embeddings": 16,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
ROWS = 24


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with bert/, which has read much, and few labelled rows: reviews.csv to train on, held.csv to test on."""
    return written(tmp_path_factory.mktemp("world"), seed=0)


def written(folder: Path, seed: int) -> Path:
    made.pretrained(folder / "bert", seed)
    for name, known, count in (("reviews", True, 120), ("held", False, 240)):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("text", "stars"), *made.sentences(seed, count, known=known)])
    return folder


def accuracy(folder: Path, output: Path, *more: str, network: Path | None = None) -> float:
    """Of what the command makes of the rows, on those held out."""
    asked = ["train", str(folder / "reviews.csv"), "--test", str(folder / "held.csv"), "--target", "stars", "--quiet"]
    assert (
        run([*asked, "--family", "bert", "--pretrained", str(network or folder / "bert"), "-o", str(output), *more])
        == 0
    )
    return json.loads((output / "metrics.json").read_text())["figures"]["accuracy"]


def test_what_was_read_before_helps_and_the_encoder_is_read_back_by_others(
    world: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    """Held-out rows have words that no labelled row has: only the text that was read before tells what they mean."""
    read = accuracy(world, tmp_path / "read", "--epochs", "8")
    fresh = accuracy(world, tmp_path / "fresh", "--epochs", "8", "--set", "from_scratch=true")
    assert read > 0.9 and read > fresh + 0.3
    assert "Loading weights" not in capfd.readouterr().err

    from transformers import AutoModel, AutoTokenizer

    folder = tmp_path / "read" / "model" / "encoder"
    encoder, told = AutoModel.from_pretrained(folder, output_loading_info=True)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert not any(told.values())
    network = load(tmp_path / "read")[1]
    assert isinstance(network, BertNetwork)
    texts = [text for text, _ in made.sentences(0, 9)]
    fed = tokenizer(texts, padding=True, return_tensors="pt")
    written = made.tokens((world / "bert" / "tokenizer.json").read_text(), texts)
    assert torch.equal(fed["input_ids"], written.long())
    with torch.no_grad():
        hidden = encoder.eval()(**fed).last_hidden_state
        assert torch.equal(hidden, network.encoder(input_ids=written.long(), attention_mask=fed["attention_mask"])[0])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_what_was_read_before_helps_with_any_seed(tmp_path: Path, seed: int):
    folder, given = written(tmp_path / "world", seed), ("--seed", str(seed))
    fresh = accuracy(folder, tmp_path / "fresh", *given, "--set", "from_scratch=true")
    assert accuracy(folder, tmp_path / "read", *given) > max(0.9, fresh + 0.3)


def test_a_run_is_whole_without_the_folder_it_began_with(world: Path, tmp_path: Path):
    copy = Path(shutil.copytree(world, tmp_path / "copy"))
    accuracy(copy, tmp_path / "run", "--epochs", "1", "--set", "freeze=1")
    shutil.rmtree(copy)
    with pytest.warns(nw.NetwrightWarning, match="2 of 3 rows"):
        answers = nw.load(tmp_path / "run").predict({"text": ["the boat was made", "", "  "]})
    assert len(answers) == 3


def test_a_tokenizer_that_pads_with_another_number_is_followed(world: Path, tmp_path: Path):
    """Of a roberta 0 begins a text and 1 pads: answers must be those of the network as transformers feeds it."""
    from transformers import AutoModel, AutoTokenizer, RobertaConfig, RobertaModel

    marks = ("<s>", "<pad>", "</s>", "<unk>")
    made.word_tokenizer([text for text, _ in made.sentences(0, 300)], marks).save_pretrained(tmp_path / "roberta")
    sizes = {name: value for name, value in ARCHITECTURE.items() if name != "model_type"}
    network = RobertaModel(RobertaConfig(**{**sizes, "vocab_size": 200, "max_position_embeddings": 40}))
    network.save_pretrained(tmp_path / "roberta")
    accuracy(world, tmp_path / "run", "--epochs", "1", network=tmp_path / "roberta")
    texts = ["the boat was", "", "the garden", "we found meal or nothing the the"]
    predictor = nw.load(tmp_path / "run")
    with pytest.warns(nw.NetwrightWarning, match="no text"):
        answers = predictor.predict_proba({"text": texts})
    encoder = AutoModel.from_pretrained(tmp_path / "run" / "model" / "encoder").eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "run" / "model" / "encoder")
    fed = tokenizer(texts, padding=True, return_tensors="pt")
    assert fed["input_ids"][1].tolist()[:4] == [0, 2, 1, 1]
    head = load(tmp_path / "run")[1].head
    with torch.no_grad():
        keep = fed["attention_mask"][..., None]
        pooled = (encoder(**fed).last_hidden_state * keep).sum(1) / keep.sum(1)
        assert np.allclose(answers, head(pooled).softmax(1).numpy(), atol=1e-5)  # type: ignore[operator]


def schema() -> Schema:
    common = {"why": "", "center": 0.0, "scale": 1.0, "lowest": 0.0, "highest": 1.0}
    columns = (
        NumberColumn(name="n", cell=NUMBER, **common),
        CategoryColumn(name="c", cell=TEXT, why="", values=("a", "b")),
    )
    return Schema(columns=columns, form=TextForm(columns=("text",), tokenizer="{}", pieces=40, length=12))


def rows(kind: str) -> tuple[Classification | Regression | MultiLabel, Batch]:
    """Texts whose second token says which row it is, and a target that follows from it."""
    tokens = torch.randint(5, 40, (ROWS, 12), generator=torch.Generator().manual_seed(0), dtype=torch.int32)
    tokens[::3, 6:] = 0
    high, every = (tokens[:, 1] > 22).numpy(), np.arange(ROWS)
    task: Classification | Regression | MultiLabel
    match kind:
        case "classification":
            values = {"y": np.where(high, "a", "b")}
            task = Classification.fit(values, {"y": TEXT}, every)
        case "regression":
            values = {"y": 10.0 * tokens[:, 1].numpy()}
            task = Regression.fit(values, {"y": NUMBER}, every)
        case _:
            values = {"y": high, "z": ~high}
            task = MultiLabel.fit(values, {"y": TEXT, "z": TEXT}, every)
    none, fold = torch.zeros(ROWS, 0, dtype=torch.int32), torch.full((ROWS,), -1)
    inputs = (tokens, none, none.float(), torch.randn(ROWS, 1), torch.zeros(ROWS, 1, dtype=torch.int64))
    return task, Batch(inputs=inputs, target=torch.from_numpy(task.encode(values)), fold=fold)


def config(**asked: object) -> BertConfig:
    made = FAMILY.configured({"architecture": ARCHITECTURE, "from_scratch": True, **asked})
    assert isinstance(made, BertConfig)
    return made


def built(settings: BertConfig, kind: str = "classification") -> tuple[nn.Module, Batch, Classification]:
    torch.manual_seed(0)
    task, batch = rows(kind)
    module = FAMILY.build(settings, schema(), task, nn)
    assert FAMILY.prepare is not None
    FAMILY.prepare(module, settings, task, batch, batch)
    return module, batch, task  # type: ignore[return-value]


@pytest.mark.parametrize("kind", ["classification", "regression", "multilabel"])
def test_training_lowers_the_loss_of_each_task(kind: str):
    settings = config(learning_rate=1e-4)
    module, batch, task = built(settings, kind)
    assert FAMILY.phases is not None
    (phase,) = FAMILY.phases(module, settings, task, 30, lambda: 0.0)
    losses = []
    for _ in range(30):
        phase.optimizer.zero_grad()
        loss = phase.loss(module, batch)
        assert isinstance(loss, Tensor)
        loss.backward()
        phase.optimizer.step()
        assert phase.scheduler is not None
        phase.scheduler.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
    assert all(group["lr"] == 0 for group in phase.optimizer.param_groups), "the rates end at zero"


def test_lower_layers_learn_slower_and_the_head_faster():
    settings = config(layer_decay=0.5, head_rate=4.0, warm_up=0.1)
    module, _, task = built(settings)
    assert FAMILY.phases is not None
    gone = [0.0]
    (phase,) = FAMILY.phases(module, settings, task, 100, lambda: gone[0])
    names = {id(p): name for name, p in module.named_parameters()}
    rates = {names[id(p)]: g["initial_lr"] / 9.6e-4 for g in phase.optimizer.param_groups for p in g["params"]}
    wanted = {f"encoder.encoder.layer.{i}.output.dense.weight": rate for i, rate in enumerate((0.25, 0.5, 1.0))}
    wanted |= {"encoder.embeddings.word_embeddings.weight": 0.125, "head.weight": 4.0, "head.bias": 4.0}
    assert {name: rates[name] for name in wanted} == pytest.approx(wanted)
    trained = [name for name, p in module.named_parameters() if p.requires_grad]
    assert sorted(rates) == sorted(trained), "each once"
    still = {names[id(p)] for g in phase.optimizer.param_groups if g["weight_decay"] == 0 for p in g["params"]}
    assert still == {name for name in trained if "LayerNorm" in name or name.endswith("bias")}
    assert phase.scheduler is not None
    share = phase.scheduler.lr_lambdas[0]  # type: ignore[attr-defined]
    assert 0 < share(0) < share(5) < share(10) == 1 and share(55) == pytest.approx(0.5)
    gone[0] = 0.775
    assert share(20) == pytest.approx(0.25), "they follow the time where it goes faster than the steps"


def test_frozen_layers_stay_as_they_are():
    settings = config(freeze=2)
    module, batch, task = built(settings)
    before = {name: p.clone() for name, p in module.named_parameters()}
    assert FAMILY.phases is not None
    (phase,) = FAMILY.phases(module, settings, task, 10, lambda: 0.0)
    loss = phase.loss(module, batch)
    assert isinstance(loss, Tensor)
    loss.backward()
    phase.optimizer.step()
    moved = {name for name, p in module.named_parameters() if not torch.equal(p, before[name])}
    assert moved and all(name.startswith(("head.", "encoder.encoder.layer.2.")) for name in moved)
    with pytest.raises(InputError, match="not so many layers"):
        FAMILY.phases(module, config(freeze=4), task, 10, lambda: 0.0)


def test_it_needs_a_network_to_go_on_from():
    task, _ = rows("classification")
    with pytest.raises(InputError, match="Which network"):
        FAMILY.build(BertConfig(), schema(), task, nn)


@pytest.mark.parametrize(
    ("post", "marks"),
    [
        ({"type": "BertProcessing"}, 2),
        ({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "[CLS]"}}, {"Sequence": {"id": "A"}}]}, 1),
        ({"type": "Sequence", "processors": [{"type": "ByteLevel"}, {"type": "RobertaProcessing"}]}, 2),
        (None, 0),
        (3, 0),
    ],
)
def test_texts_cut_to_their_marks_are_refused(post: object, marks: int):
    tokenizer = json.dumps({"post_processor": post})
    assert marks_of(tokenizer) == marks and marks_of("[") == marks_of("[]") == 0
    task, config = rows("classification")[0], BertConfig(architecture=ARCHITECTURE)

    def form(length: int) -> Schema:
        return schema().model_copy(
            update={"form": TextForm(columns=("text",), tokenizer=tokenizer, pieces=40, length=length)}
        )

    with torch.device("meta"):
        FAMILY.build(config, form(marks + 1), task, nn)
        if marks:
            with pytest.raises(InputError, match="marks around it") as error:
                FAMILY.build(config, form(marks), task, nn)
            assert "--window" in error.value.fix
    with pytest.raises(InputError, match="gpt2"):
        FAMILY.configured({"architecture": {"model_type": "gpt2"}})


@pytest.mark.parametrize("count", [1, 30, 500, 20_000, 10_000_000])
def test_defaults_suit_any_size(count: int):
    settings = FAMILY.defaults(count, 1, schema(), rows("classification")[0])
    assert isinstance(settings, BertConfig) and 3 <= settings.epochs <= 20 and 8 <= settings.batch_size <= 32
    assert FAMILY.configured(settings.model_dump()) == settings


class Own(nn.Module):
    """What a person writes around a network of transformers."""

    def __init__(self) -> None:
        super().__init__()
        from transformers import BertConfig, BertForSequenceClassification

        values = {name: value for name, value in ARCHITECTURE.items() if name != "model_type"}
        self.bert = BertForSequenceClassification(BertConfig(**values, num_labels=2, classifier_dropout=0.0))

    def forward(self, tokens: Tensor) -> Tensor:
        return self.bert(input_ids=tokens, attention_mask=(tokens != 0).long()).logits


def test_a_network_of_ones_own_is_trained_as_by_the_loop_one_would_write():
    _, batch = rows("classification")
    tokens, target = batch.inputs[0].long(), batch.target
    torch.manual_seed(0)
    by_hand, given = Own(), Own()
    given.load_state_dict(by_hand.state_dict())
    optimizer = torch.optim.AdamW(by_hand.parameters(), lr=1e-3)
    losses = []
    for _ in range(3):
        for start in range(0, ROWS, 8):
            optimizer.zero_grad()
            loss = cross_entropy(by_hand(tokens[start : start + 8]), target[start : start + 8])
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
    fitted = nw.fit(
        given,
        (tokens, target),
        loss=cross_entropy,
        optimizer=torch.optim.AdamW(given.parameters(), lr=1e-3),
        epochs=3,
        batch_size=8,
        shuffle=False,
        progress=False,
    )
    assert fitted.losses["loss"].tolist() == pytest.approx(losses, rel=1e-5)
    for name, tensor in by_hand.state_dict().items():
        assert torch.allclose(tensor, given.state_dict()[name], atol=1e-5), name
