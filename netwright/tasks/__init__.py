"""What is asked of a network. Each task is a frozen record that is written into the artifact.

All tasks have the same members. N rows, O outputs, K members trained at once (a plain network has no such axis):

| member | meaning |
|---|---|
| `kind`, `title`, `targets` | its name in files, in words, and the target columns |
| `output_size` | O |
| `encode(values)` | raw target values by column → (N, …) training target |
| `losses(outputs, target)` | (N, O) or (N, K, O) → the loss of each row, (N,) or (N, K) |
| `predictions(outputs)` | outputs → NumPy predictions: probabilities, or numbers in the target's own unit |
| `truth(values)` | raw target values → what `metrics` compare predictions with |
| `decode(target)` | (N, …) training target → the same |
| `metrics` | name → function (prediction, truth) → number, the main one first |
| `constant(truth)` | the best prediction that ignores the inputs, (N, …) |
| `columns(predictions)` | predictions → the columns a person is given |

`forecasting` and `language` foretell what comes next: their `losses` are of windows, and `evaluate` measures each in
its own way. Tasks without a target to be learned (`reduction`, `anomaly`, `denoising`, `generation`) have `kind`,
`title`, `targets`, `output_size`, `encode`, and, where they answer for a row, `predictions` and `columns`; how good
they are is measured by `evaluate`, each in its own way.
"""

from typing import Annotated

from pydantic import Field

from netwright.tasks.anomaly import Anomaly
from netwright.tasks.classification import Classification
from netwright.tasks.denoising import Denoising
from netwright.tasks.forecasting import Forecasting
from netwright.tasks.generation import Generation
from netwright.tasks.language import Language
from netwright.tasks.multilabel import MultiLabel
from netwright.tasks.reduction import Reduction
from netwright.tasks.regression import Regression

Answering = Regression | Classification | MultiLabel
"""What has a target to be learned, and an answer for each row."""
Supervised = Annotated[Answering, Field(discriminator="kind")]
Unsupervised = Annotated[Reduction | Anomaly | Denoising | Generation, Field(discriminator="kind")]
Task = Annotated[
    Regression | Classification | MultiLabel | Forecasting | Language | Reduction | Anomaly | Denoising | Generation,
    Field(discriminator="kind"),
]

__all__ = [
    "Anomaly",
    "Answering",
    "Classification",
    "Denoising",
    "Forecasting",
    "Generation",
    "Language",
    "MultiLabel",
    "Reduction",
    "Regression",
    "Supervised",
    "Task",
    "Unsupervised",
]
