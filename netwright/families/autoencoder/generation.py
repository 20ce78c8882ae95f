"""Generation: a variational autoencoder of pictures or rows, and a mixture over its codes to draw from.

B rows, D length of the flat vector, Z code size, C channels, H height, W width.

Sources: Auto-Encoding Variational Bayes (Kingma and Welling 2014); free bits (Kingma et al. 2016); one learned variance
(σ-VAE, Rybkin et al. 2021).
"""

from types import ModuleType

import torch
from torch import Tensor, nn

from netwright.core.batch import Batch
from netwright.core.schema import Schema
from netwright.families.autoencoder import likelihoods
from netwright.families.autoencoder.config import AutoencoderConfig
from netwright.families.autoencoder.convolutional import ConvDecoder, ConvEncoder
from netwright.families.autoencoder.mixture import Mixture
from netwright.families.autoencoder.principal import Chunks
from netwright.families.autoencoder.rows import Flat, evenly, seeded
from netwright.families.autoencoder.variational import LOG_VARIANCE, drawn, kl_divergence
from netwright.families.mlp import MLP
from netwright.tasks import Generation, Task

NEARLY_BINARY = 0.8
"""Share of pixel values below 0.1 or above 0.9 from which pixels are taken for coins."""
MOST_CODES = 20_000
"""Training rows whose codes the mixture is laid over at most."""
PARTS = 32
"""Parts of the mixture over codes, shared among the classes."""


class GenerationNetwork(nn.Module):
    """`forward(*inputs)` gives rows made again from the mean of their codes, (B, C, H, W) or (B, D).

    `generate(count, labels, generator)` gives new rows. Nearly binary pictures (`binary` is 1) have a probability for
    each pixel, others a mean and one learned spread; columns of numbers a mean each and a learned spread, categories
    probabilities.
    """

    def __init__(self, flat: Flat, down: nn.Module, up: nn.Module, config: AutoencoderConfig, classes: int) -> None:
        super().__init__()
        self.flat, self.down, self.up, self.likelihood = flat, down, up, config.likelihood
        self.warmup, self.free_bits = config.kl_warmup, config.free_bits
        self.log_spread = nn.Parameter(torch.zeros(1 if flat.shape is not None else flat.numbers))
        self.mixture = Mixture(config.code_size, max(classes, 1), max(2, PARTS // max(classes, 1)))
        self.center: Tensor
        self.spread: Tensor
        self.binary: Tensor
        self.register_buffer("center", torch.zeros(flat.size))
        self.register_buffer("spread", torch.ones(()))
        self.register_buffer("binary", torch.zeros(()))
        self.updates: Tensor
        self.register_buffer("updates", torch.zeros(()))

    def forward(self, *inputs: Tensor) -> Tensor:
        """(B, C, H, W) or (B, D)."""
        made = self.reconstruct(*inputs)
        return made if self.flat.shape is None else made.unflatten(1, self.flat.shape)

    def encode(self, *inputs: Tensor) -> Tensor:
        """Means of the codes, (B, Z)."""
        return self.posterior(self.flat(*inputs))[0]

    def reconstruct(self, *inputs: Tensor) -> Tensor:
        """Rows made again from the means of their codes, (B, D)."""
        return self.expected(self.decode(self.encode(*inputs)))

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, D) → mean and log-variance of the code, (B, Z) each."""
        mean, log_variance = self.down((x - self.center) / self.spread).chunk(2, dim=1)
        return mean, log_variance.clamp(*LOG_VARIANCE)

    def decode(self, code: Tensor) -> Tensor:
        """(B, Z) → what the likelihood takes, (B, D): logits, or means and logits."""
        return self.up(code)

    def expected(self, outputs: Tensor) -> Tensor:
        """The mean of a row under these outputs, (B, D): pixels, numbers, probabilities of places."""
        if self.flat.shape is not None:
            return torch.where(self.binary > 0, outputs.sigmoid(), outputs.clamp(0, 1))
        parts = [outputs[:, : self.flat.numbers]]
        parts += [block.softmax(1) for block in outputs[:, self.flat.numbers :].split(self.flat.places, 1)]
        return torch.cat(parts, dim=1)

    def seen(self, batch: Batch, binary: bool, generator: torch.Generator | None = None) -> Tensor:
        """The rows to be explained, (B, D): a pixel that is a coin is thrown anew each time."""
        x = self.flat(*batch.inputs)
        if not binary:
            return x
        return (torch.rand(x.shape, generator=generator, dtype=x.dtype, device=x.device) < x).to(x.dtype)

    def log_likelihood(self, x: Tensor, outputs: Tensor, binary: bool) -> Tensor:
        """Of each row, (B,), in nats."""
        if binary:
            return likelihoods.bernoulli(x, outputs)
        if self.flat.shape is not None:
            return likelihoods.gaussian(x, outputs, self.log_spread)
        count = self.flat.numbers
        numbers = likelihoods.gaussian(x[:, :count], outputs[:, :count], self.log_spread)
        return numbers + likelihoods.categorical(x[:, count:], outputs[:, count:], self.flat.places)

    def terms(self, batch: Batch, binary: bool, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Log-likelihood of each row from one code drawn, (B,), and the divergence of the code's numbers, (B, Z)."""
        x = self.seen(batch, binary, generator)
        mean, log_variance = self.posterior(x)
        outputs = self.decode(drawn(mean, log_variance, generator))
        return self.log_likelihood(x, outputs, binary), kl_divergence(mean, log_variance)

    def loss(self, batch: Batch, binary: bool) -> Tensor:
        """While training: −ELBO, its divergence with a weight that rises to one and bits that cost nothing, ()."""
        likely, divergence = self.terms(batch, binary)
        self.updates.add_(1)
        weight = (self.updates / max(self.warmup, 1)).clamp(max=1)
        paid = divergence.mean(0)
        if self.free_bits:
            paid = paid.clamp(min=self.free_bits)
        return weight * paid.sum() - likely.mean()

    def judged(self, batch: Batch, task: Task) -> Tensor:
        """−ELBO of each row, (B,), in nats, with one code a row and coins that are always the same."""
        likely, divergence = self.terms(batch, bool(self.binary), seeded(self.center.device))
        return divergence.sum(1) - likely

    def prepare(self, task: Task, training: Batch) -> None:
        """Measure the mean of the rows, and whether pictures are nearly binary."""
        chunks = Chunks(self.flat, training.inputs)
        mean = chunks.mean()
        self.center.copy_(mean)
        if self.flat.shape is None:
            return
        extreme = sum(float(((x < 0.1) | (x > 0.9)).float().mean(1).sum()) for x in chunks) / chunks.rows
        binary = extreme >= NEARLY_BINARY if self.likelihood == "auto" else self.likelihood == "bernoulli"
        self.binary.fill_(float(binary))
        variance = float(chunks.variance(mean).mean())
        if not binary:
            self.spread.fill_(variance**0.5 or 1.0)
            self.log_spread.data.fill_(0.5 * max(variance, 1e-4) ** 0.5).log_()

    def finish(self, task: Task, training: Batch, validation: Batch) -> None:
        """Lay the mixture over codes drawn for the training rows."""
        codes = []
        noise = seeded(self.center.device)
        *inputs, labels = evenly((*training.inputs, training.target), MOST_CODES)
        for x in Chunks(self.flat, tuple(inputs)):
            codes.append(drawn(*self.posterior(x), noise))
        assert isinstance(task, Generation)
        labels = labels if task.classes else torch.zeros_like(labels)
        self.mixture.fit(torch.cat(codes), labels)

    @torch.no_grad()
    def generate(self, count: int, labels: Tensor | None, generator: torch.Generator) -> tuple[Tensor, ...]:
        """New rows as the network's inputs have them: pictures uint8, or numbers and categories.

        `labels` (count,) are class numbers. Codes come from the mixture over the codes of training rows. Of a picture
        the expected one is given; of a table numbers and categories are drawn.
        """
        outputs = self.decode(self.mixture.draw(count, labels, generator))
        if self.flat.shape is not None:
            pictures = (self.expected(outputs) * 255).round().to(torch.uint8)
            return (pictures.unflatten(1, self.flat.shape),)
        count_of_numbers = self.flat.numbers
        means = outputs[:, :count_of_numbers]
        noise = torch.randn(means.shape, generator=generator, dtype=means.dtype, device=generator.device)
        spread = self.log_spread.clamp(min=likelihoods.LEAST_LOG_SPREAD).exp()
        taken = []
        for block in outputs[:, count_of_numbers:].split(self.flat.places, 1):
            chances = block.softmax(1).to(generator.device)
            taken.append(torch.multinomial(chances, 1, generator=generator).to(outputs.device))
        categories = torch.cat(taken, 1) if taken else torch.zeros(count, 0, dtype=torch.int64, device=outputs.device)
        return means + spread * noise.to(means.device), categories


def build(config: AutoencoderConfig, schema: Schema, task: Task, layers: ModuleType) -> GenerationNetwork:
    """The encoder and the decoder, dense or convolutional."""
    assert isinstance(task, Generation)
    flat, size, hidden = Flat(schema), config.code_size, config.hidden_sizes
    if config.convolutional and flat.shape is not None:
        channels, image = flat.shape[0], flat.shape[1:]
        options = {"image_size": image, "channels": hidden, "activation": config.activation, "layers": layers}
        down: nn.Module = nn.Sequential(nn.Unflatten(1, flat.shape), ConvEncoder(channels, 2 * size, **options))
        up: nn.Module = nn.Sequential(ConvDecoder(size, channels, **options), layers.Flatten())
    else:
        down = MLP(flat.size, hidden, 2 * size, activation=config.activation, layers=layers)
        up = MLP(size, hidden[::-1], flat.size, activation=config.activation, layers=layers)
    return GenerationNetwork(flat, down, up, config, len(task.classes))
