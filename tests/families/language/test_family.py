import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from netwright.core.errors import InputError
from netwright.core.forms import CorpusForm
from netwright.core.schema import Schema
from netwright.engine.gate import proven
from netwright.engine.job import Job
from netwright.families.family import Family
from netwright.families.language.config import BUDGET, EPOCH, LARGEST_VOCABULARY, TABLE_BYTES, LanguageConfig
from netwright.families.language.family import GPT, GRU, LSTM, RNN
from netwright.families.language.model import LanguageModel
from netwright.families.language.muon import MuonAdam
from netwright.families.language.training import at_once
from netwright.tasks.language import Language
from tests.families.language.made import SCHEMA, TASK, TRAINING, VALIDATION, VOCABULARY, WINDOW, built

FAMILIES = (GPT, LSTM, GRU, RNN)
every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)


def train(family: Family, module: LanguageModel, config: object, steps: int) -> float:
    (phase,) = family.phases(module, config, TASK, steps, lambda: 0.0)
    generator = torch.Generator().manual_seed(0)
    module.train()
    for _ in range(steps):
        rows = torch.randint(0, len(TRAINING), (16,), generator=generator)
        batch = type(TRAINING)(
            inputs=(TRAINING.inputs[0][rows],), target=TRAINING.target[rows], fold=TRAINING.fold[rows]
        )
        loss = phase.loss(module, batch)
        phase.optimizer.zero_grad()
        loss.backward()
        phase.optimizer.step()
        phase.scheduler.step()
    return float(loss.detach())


def judged(family: Family, module: LanguageModel, config: object) -> float:
    assert family.judge is not None
    losses = family.judge(module, config, TASK, VALIDATION)
    assert losses.shape == (len(VALIDATION),) and not losses.requires_grad
    return float(losses.mean())


@every_family
def test_training_and_settling_foretell_a_new_text_better(family: Family):
    module, config = built(family)
    start = judged(family, module, config)
    train(family, module, config, 30)
    trained = judged(family, module, config)
    assert trained < start
    before = {name: p.clone() for name, p in module.named_parameters()}
    assert family.finish is not None
    family.finish(module, config, TASK, TRAINING, VALIDATION)
    assert judged(family, module, config) < trained
    changed = {name for name, p in module.named_parameters() if not torch.equal(p, before[name])}
    assert changed == {"trust.bias", "prior.discounts", "prior.nearness"}


@every_family
@pytest.mark.parametrize("orders", [0, 3])
def test_a_network_alone_learns_too(family: Family, orders: int):
    module, config = built(family, orders=orders)
    first = train(family, module, config, 1)
    assert train(family, module, config, 20) < first


@every_family
@pytest.mark.parametrize("orders", [0, 3])
@pytest.mark.parametrize("parts", [[16], [1] * 16, [3, 1, 12]])
def test_token_by_token_gives_the_numbers_of_the_whole(family: Family, orders: int, parts: list[int]):
    module, config = built(family, orders=orders)
    train(family, module, config, 3)
    module.double().eval()
    tokens = VALIDATION.inputs[0][:4]
    state, found = module.start(4), []
    with torch.no_grad():
        for part in tokens.split(parts, 1):
            logits, state = module.step(part, state)
            found.append(logits)
        assert torch.allclose(torch.cat(found, 1), module(tokens), atol=1e-8)
        for _ in range(WINDOW):
            logits, state = module.step(logits[:, -1:].argmax(-1), state)
    assert torch.isfinite(logits).all() and state.last.shape[1] == (WINDOW + orders if orders else 0)


@every_family
def test_no_logit_sees_ahead(family: Family):
    module, config = built(family)
    train(family, module, config, 3)
    module.eval()
    tokens = VALIDATION.inputs[0][:4]
    other = tokens.clone()
    other[:, 9:] = 1
    assert torch.equal(module(tokens)[:, :9], module(other)[:, :9])


@every_family
def test_everything_is_in_the_weights_and_it_is_built_without_memory(family: Family):
    module, config = built(family)
    with torch.device("meta"):
        fresh = family.build(config, SCHEMA, TASK, nn)
    fresh.to_empty(device="cpu").load_state_dict(module.state_dict(), strict=True)
    tokens = VALIDATION.inputs[0]
    assert torch.equal(fresh.eval()(tokens), module.eval()(tokens))


@every_family
def test_every_parameter_is_trained_once_and_moves(family: Family):
    module, config = built(family)
    (phase,) = family.phases(module, config, TASK, 100, lambda: 0.0)
    trained = [p for group in phase.optimizer.param_groups for p in group["params"]]
    assert {id(p) for p in trained} == {id(p) for p in module.parameters()}
    assert len(trained) == len({id(p) for p in trained})
    before = {name: p.clone() for name, p in module.named_parameters()}
    train(family, module, config, 3)
    assert not [name for name, p in module.named_parameters() if torch.equal(p, before[name])]


@every_family
def test_a_step_can_be_recorded(family: Family):
    module, config = built(family)
    phases = family.phases(module, config, TASK, 100, lambda: 0.0)
    first, second = (
        type(TRAINING)(inputs=(TRAINING.inputs[0][rows],), target=TRAINING.target[rows], fold=TRAINING.fold[rows])
        for rows in (slice(0, 8), slice(8, 16))
    )
    module.train()
    program, _ = proven(Job(module=module, phases=phases, source=None), first, phases, [second])
    assert list(program.calls())


def test_the_rate_rises_stands_and_falls_with_the_time():
    module, config = built(GPT)
    spent = [0.0]
    (phase,) = GPT.phases(module, config, TASK, 1000, lambda: spent[0])
    assert isinstance(phase.optimizer, MuonAdam)
    rates, schedule = [], phase.scheduler
    for share in [0.0] * 40 + [0.3, 0.5, 0.75, 1.0, 1.5]:
        spent[0] = share
        phase.optimizer.step()
        schedule.step()
        rates.append(phase.optimizer.param_groups[0]["lr"] / config.learning_rate)
    assert rates[0] < 0.1 and rates[38] == 1 and rates[41] == 1
    assert rates[42] == pytest.approx(0.5) and rates[43] == rates[44] == pytest.approx(0.01)


def schema_of(vocabulary: int, window: int = 128) -> Schema:
    words = ("", *(chr(1000 + i) for i in range(vocabulary - 1)))
    return Schema(columns=(), form=CorpusForm(level="characters", vocabulary=words, window=window))


@every_family
@pytest.mark.parametrize("rows", [1, 100, 20_000, 1_000_000, 100_000_000])
@pytest.mark.parametrize("vocabulary", [2, 66, 5000])
def test_defaults_suit_any_text(family: Family, rows: int, vocabulary: int):
    for window in (16, 128, 512):
        config = family.defaults(rows, 1, schema_of(vocabulary, window), TASK)
        assert isinstance(config, LanguageConfig) and family.config.model_validate(config.model_dump()) == config
        assert config.epochs == 1 or config.epochs * min(rows, EPOCH) <= BUDGET
        assert config.places * vocabulary <= 2 * TABLE_BYTES
        assert (config.orders > 0) == (vocabulary <= LARGEST_VOCABULARY)


@every_family
def test_it_says_what_it_is(family: Family):
    assert family.phrase and family.fits == {"corpus": ("language",)}
    with pytest.raises(InputError, match="no_such"):
        family.configured({"no_such": 1})


def test_the_prior_is_worth_it():
    """Of a short text a network alone learns little in a few steps; beside counts it begins where they are."""
    losses = {}
    for orders in (0, 3):
        module, config = built(GPT, orders=orders)
        train(GPT, module, config, 10)
        losses[orders] = judged(GPT, module, config)
    assert losses[3] < losses[0] - 0.3
    uniform = cross_entropy(torch.zeros(1, len(VOCABULARY)), torch.zeros(1, dtype=torch.long))
    assert losses[0] < float(uniform)


@every_family
@pytest.mark.parametrize("values", [{"hidden_size": 10**9}, {"num_layers": 10**9}, {"places": 2**40}])
def test_sizes_that_no_machine_holds_are_refused(family: Family, values: dict[str, object]):
    with pytest.raises(InputError, match=next(iter(values))):
        family.configured(values)


@every_family
def test_a_task_of_other_tokens_is_refused(family: Family):
    for task in (Language(level="characters", tokens=3), Language(level="pieces", tokens=len(VOCABULARY))):
        with pytest.raises(InputError, match="other tokens"):
            family.build(family.configured({}), SCHEMA, task, nn)


def test_long_windows_are_read_few_at_once():
    assert at_once(256, 400) == 32 and at_once(1024, 400) == 16 and at_once(2**16, 400) == 1
    assert at_once(256, 8192) == 8
