"""Claim: in ten minutes on two cores the default GAN draws MNIST's digits, all ten, sharp, and no worse than a DCGAN.

A classifier of 99 % is trained once by a plain loop on the same pictures. Of 10,000 drawn ones it tells the histogram
of digits (its KL from that of the test pictures, in nats), the share it is at least 90 % sure of, how often a picture
asked for by class is of that class, and the Fréchet distance of its 128 features to those of the 10,000 test pictures,
beside that of real training pictures. Also printed: precision and recall in the same features, and how near the drawn
pictures are to training ones compared with how near test ones are: what merely copies is much nearer.

Beside the default: the other two losses, and a DCGAN as tutorials write it (BatchNorm, BCE, Adam 2e-4 with β1 0.5,
batches of 64), each for the same time. Every one gets the whole machine, one after the other.

    python benchmarks/gan_quality.py --data FOLDER [--seeds 3] [--seconds 600] [--only default,DCGAN] [--write]

FOLDER holds mnist.npz with x_train, y_train, x_test, y_test.
"""

import argparse
import math
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from table_quality import write_section
from torch import Tensor, nn
from torch.nn import functional

import netwright as nw
from netwright.metrics.generation import confident_share, frechet, label_kl, nearest, precision_recall

COUNT = 10_000
"""Pictures drawn of each."""
SOME = 2000
"""Of them, those whose neighbours are looked for."""
FIGURES = {"digits": 10, "KL": 0.05, "confident": 0.80}
"""What the default must reach: at least, at most, at least."""
LOSSES = ("relativistic", "non_saturating", "wgan_gp")


class Classifier(nn.Module):
    """Two convolutions and two linear layers; `features` (B, 128) are what the last one sees."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)
        self.third, self.last = nn.Linear(32 * 7 * 7, 128), nn.Linear(128, 10)

    def features(self, pictures: Tensor) -> Tensor:
        """(B, 1, 28, 28) uint8 → (B, 128)."""
        x = pictures.float() / 127.5 - 1
        for layer in (self.first, self.second):
            x = functional.max_pool2d(torch.relu(layer(x)), 2)
        return torch.relu(self.third(x.flatten(1)))

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 1, 28, 28) uint8 → (B, 10) logits."""
        return self.last(functional.dropout(self.features(pictures), 0.3, self.training))


def load(folder: Path) -> dict[str, Tensor]:
    """uint8 pictures (N, 1, 28, 28) and digits (N,) int64."""
    arrays = np.load(folder / "mnist.npz")
    pictures = {name: torch.from_numpy(arrays[name]).view(-1, 1, 28, 28) for name in ("x_train", "x_test")}
    return pictures | {name: torch.from_numpy(arrays[name]).long() for name in ("y_train", "y_test")}


def classifier(data: dict[str, Tensor], epochs: int = 4) -> Classifier:
    """Trained for about a minute; its accuracy is printed."""
    torch.manual_seed(0)
    model, x, y = Classifier(), data["x_train"], data["y_train"]
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, epochs * math.ceil(len(x) / 128))
    for _ in range(epochs):
        for index in torch.randperm(len(x)).split(128):
            optimizer.zero_grad()
            functional.cross_entropy(model(x[index]), y[index]).backward()
            optimizer.step()
            schedule.step()
    model.eval()
    right = seen(model, data["x_test"])[1].argmax(1) == data["y_test"].numpy()
    print(f"classifier: {right.mean():.2%} of the test digits right", flush=True)
    return model


@torch.no_grad()
def seen(model: Classifier, pictures: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, 128) and probabilities (N, 10), float64."""
    features = torch.cat([model.features(block) for block in pictures.split(500)])
    return features.double().numpy(), model.last(features).double().softmax(1).numpy()


def judged(model: Classifier, data: dict[str, Tensor], pictures: Tensor, asked: Tensor | None) -> dict[str, float]:
    """The figures of drawn pictures (N, 1, 28, 28) uint8; `asked` (N,) are the digits they were asked to be."""
    features, chances = seen(model, pictures)
    real = seen(model, data["x_test"])[0]
    digits = chances.argmax(1)
    counts = np.bincount(digits, minlength=10)
    precision, recall = precision_recall(real[:SOME], features[:SOME])
    training = data["x_train"].flatten(1).numpy() / 255.0
    away = [
        float(np.median(nearest(training, x[:SOME:10].flatten(1).numpy() / 255.0)[1]))
        for x in (pictures, data["x_test"])
    ]
    return {
        "digits": float(np.count_nonzero(counts)),
        "KL": label_kl(counts, np.bincount(data["y_test"].numpy(), minlength=10)),
        "confident": confident_share(chances),
        "of the class asked": float((digits == asked.numpy()).mean()) if asked is not None else math.nan,
        "Fréchet": frechet(features, real),
        "precision": precision,
        "recall": recall,
        "nearest training picture": away[0] / away[1],
    }


def by_netwright(
    data_file: Path, seed: int, seconds: float, options: dict[str, object], asked: Tensor
) -> tuple[Tensor, Tensor | None]:
    """The product's own way: train on the file, load what was kept, draw. Pictures, and the digits asked for."""
    with tempfile.TemporaryDirectory() as folder:
        nw.train(data_file, family="gan", output=f"{folder}/run", seed=seed, time_limit=seconds, **options)
        predictor = nw.load(f"{folder}/run")
    module = predictor.module
    labels = asked if module.classes else None
    return module.generate(COUNT, labels, torch.Generator().manual_seed(seed))[0], labels


def by_hand(data: dict[str, Tensor], seed: int, seconds: float) -> Tensor:
    """DCGAN (Radford et al. 2016) at 28 × 28, as tutorials train it."""
    torch.manual_seed(seed)
    generator = nn.Sequential(
        *(nn.ConvTranspose2d(100, 128, 7, bias=False), nn.BatchNorm2d(128), nn.ReLU()),
        *(nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()),
        *(nn.ConvTranspose2d(64, 1, 4, 2, 1, bias=False), nn.Tanh()),
    )
    discriminator = nn.Sequential(
        *(nn.Conv2d(1, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)),
        *(nn.Conv2d(64, 128, 4, 2, 1, bias=False), nn.BatchNorm2d(128), nn.LeakyReLU(0.2)),
        *(nn.Conv2d(128, 1, 7, bias=False), nn.Flatten()),
    )
    for network in (generator, discriminator):
        network.apply(start)
    criterion = nn.BCEWithLogitsLoss()
    draw, judge = (torch.optim.Adam(n.parameters(), 2e-4, (0.5, 0.999)) for n in (generator, discriminator))
    began, pictures = time.perf_counter(), data["x_train"]
    while time.perf_counter() - began < seconds:
        for index in torch.randperm(len(pictures)).split(64):
            real, one, zero = pictures[index].float() / 127.5 - 1, torch.ones(len(index), 1), torch.zeros(len(index), 1)
            fake = generator(torch.randn(len(index), 100, 1, 1))
            judge.zero_grad()
            (criterion(discriminator(real), one) + criterion(discriminator(fake.detach()), zero)).backward()
            judge.step()
            draw.zero_grad()
            criterion(discriminator(fake), one).backward()
            draw.step()
            if time.perf_counter() - began >= seconds:
                break
    generator.eval()
    with torch.no_grad():
        drawn = torch.cat([generator(torch.randn(500, 100, 1, 1)) for _ in range(COUNT // 500)])
    return ((drawn + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def start(layer: nn.Module) -> None:
    """The tutorial's weights before training."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--only", default=",".join(["default", *LOSSES, "DCGAN"]))
    parser.add_argument("--write", action="store_true", help="replace the section of docs/benchmarks.md")
    arguments = parser.parse_args()
    data = load(arguments.data)
    model = classifier(data)
    found = {"training pictures": [judged(model, data, data["x_train"][:COUNT], data["y_train"][:COUNT])]}
    for name in arguments.only.split(","):
        for seed in range(arguments.seeds):
            if name == "DCGAN":
                pictures, asked = by_hand(data, seed, arguments.seconds), None
            else:
                options = {} if name == "default" else {"config": {"loss": name}}
                source = arguments.data / "mnist.npz"
                pictures, asked = by_netwright(source, seed, arguments.seconds, options, data["y_test"])
            found.setdefault(name, []).append(judged(model, data, pictures, asked))
            print(name, seed, found[name][-1], flush=True)
    report = [*table(found), "", *verdict(found), "", *machine(arguments)]
    print("\n".join(report))
    if arguments.write:
        write_section("GAN: MNIST in ten minutes", "\n".join(report))


def table(found: dict[str, list[dict[str, float]]]) -> list[str]:
    """The mean over the seeds of each figure, with the range where there are several."""
    names = list(next(iter(found.values()))[0])
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for who, figures in found.items():
        cells = []
        for name in names:
            values = [f[name] for f in figures]
            spread = f" ({min(values):.3f}–{max(values):.3f})" if len(values) > 1 else ""
            cells.append("–" if math.isnan(values[0]) else f"{np.mean(values):.3f}{spread}")
        lines.append(f"| {who} | {' | '.join(cells)} |")
    return lines


def verdict(found: dict[str, list[dict[str, float]]]) -> list[str]:
    """Whether the default reaches the figures asked for."""
    if "default" not in found:
        return []
    own = found["default"]
    reached = {
        f"all {FIGURES['digits']} digits": all(f["digits"] == FIGURES["digits"] for f in own),
        f"KL ≤ {FIGURES['KL']}": all(f["KL"] <= FIGURES["KL"] for f in own),
        f"confident share ≥ {FIGURES['confident']}": all(f["confident"] >= FIGURES["confident"] for f in own),
    }
    if "DCGAN" in found:
        peer = np.mean([f["Fréchet"] for f in found["DCGAN"]])
        reached["Fréchet distance no worse than the DCGAN's"] = bool(np.mean([f["Fréchet"] for f in own]) <= peer)
    return ["Default: " + "; ".join(f"{what}: {'yes' if ok else 'NO'}" for what, ok in reached.items()) + "."]


def machine(arguments: argparse.Namespace) -> list[str]:
    """How to do it again."""
    return [
        f"{arguments.seconds:.0f} s each, {arguments.seeds} seed{'s' * (arguments.seeds > 1)}; nearest training "
        f"picture: median distance over that of test pictures. {platform.machine()}, {torch.get_num_threads()} threads "
        f"offered, torch {torch.__version__}, netwright {nw.__version__}.",
        "",
        "`python benchmarks/gan_quality.py --data FOLDER --write`",
    ]


if __name__ == "__main__":
    main()
