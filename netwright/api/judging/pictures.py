"""The pictures a report shows, made from rows and what a network says of them."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

from netwright.api.rows import Rows
from netwright.core.arrays import as_bytes, as_tensor, at_once
from netwright.evaluate.panels import Panel
from netwright.evaluate.plots.codes import codes as code_plot
from netwright.evaluate.plots.gallery import gallery, rows_of
from netwright.evaluate.plots.scores import scores
from netwright.evaluate.plots.timeline import timeline
from netwright.evaluate.plots.wrong import wrong
from netwright.families.cnn.attention import attention
from netwright.tasks import Classification, Generation

SHOWN = 12
"""Pictures in a row of a panel."""
WRONG = 24
MADE = 48
POINTS = 3000


def wrong_pictures(
    rows: Rows, module: nn.Module, held: np.ndarray, predictions: np.ndarray, truth: np.ndarray, error: np.ndarray
) -> tuple[Panel, ...]:
    """The held-out pictures it errs on with the greatest confidence, and where it looked."""
    task, images = rows.task, rows.encoded.images
    if not isinstance(task, Classification) or images is None:
        return ()
    order = [i for i in np.argsort(-error, kind="stable")[:WRONG] if predictions[i].argmax() != truth[i]]
    caption = "Beside each picture, where the network looked to say so: the warmer, the more it mattered (Grad-CAM)."
    title = "Pictures it gets wrong, the surest first"
    if not order:
        order = list(np.argsort(-error, kind="stable")[:SHOWN])
        title = "It got no held-out picture wrong; these it was least sure of"
    pictures, said = images[held[order]], predictions[order].argmax(1)
    heat = _heat(module, pictures, said)
    html = wrong(
        pictures,
        [task.classes[int(truth[i])] for i in order],
        [task.classes[int(c)] for c in said],
        predictions[order].max(1),
        heat,
    )
    return (Panel(section="Pictures", title=title, html=html, caption=caption),)


def _heat(module: nn.Module, pictures: np.ndarray, said: np.ndarray) -> np.ndarray:
    """(n, H, W) from 0 to 1."""
    device = next(module.parameters()).device
    given = as_tensor(pictures).to(device), as_tensor(said).to(device)
    with torch.enable_grad():
        parts = zip(*(x.split(at_once((pictures,))) for x in given), strict=True)
        return torch.cat([attention(module, *part).detach().cpu() for part in parts]).numpy()


def rebuilt_pictures(rows: Rows, versions: Mapping[str, np.ndarray]) -> tuple[Panel, ...]:
    """The first held-out pictures in several versions, (N, D) values from 0 to 1, one above the other."""
    column = rows.schema.image
    if column is None:
        return ()
    shape = (-1, column.channels, column.height, column.width)
    pictures = [as_bytes(flat[:SHOWN].reshape(shape)) for flat in versions.values()]
    html = rows_of(pictures, list(versions))
    return (Panel(section="Pictures", title="Held-out pictures, made again", html=html, caption=""),)


def code_space(rows: Rows, held: np.ndarray, codes: np.ndarray) -> tuple[Panel, ...]:
    """The codes (N, Z) of held-out rows as points in the plane: their first two principal components."""
    if codes.shape[1] < 2 or len(codes) < 3:
        return ()
    points = codes[:POINTS].astype(np.float64)
    if points.shape[1] > 2:
        centred = points - points.mean(0)
        points = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    classes = rows.task.classes if hasattr(rows.task, "classes") else ()
    labels = rows.target[held[: len(points)]] if classes else None
    caption = "Each point is a held-out row" + (
        ", coloured by its label, which the network was not shown." if classes else "."
    )
    html = code_plot(points, labels, list(classes))
    return (Panel(section="The space of the codes", title="Codes in two dimensions", html=html, caption=caption),)


def score_plot(predictions: np.ndarray, strange: np.ndarray | None) -> tuple[Panel, ...]:
    """How the combined scores are spread; above the threshold is an alarm."""
    alarm, score = predictions[:, 3] > 0.5, predictions[:, 2]
    if not alarm.any() or alarm.all():
        threshold = float(score.max() if not alarm.any() else score.min())
    else:
        threshold = float((score[alarm].min() + score[~alarm].max()) / 2)
    ordinary = score if strange is None else score[~strange]
    html = scores(ordinary, None if strange is None else score[strange], threshold)
    return (
        Panel(section="Scores", title="How strange the rows are", html=html, caption="Right of the line is an alarm."),
    )


def strangest_pictures(rows: Rows, which: np.ndarray, score: np.ndarray) -> tuple[Panel, ...]:
    """The pictures with the highest scores."""
    if rows.encoded.images is None:
        return ()
    html = gallery(rows.encoded.images[which], [f"score {value:.2f}" for value in score])
    return (Panel(section="Pictures", title="The strangest", html=html, caption=""),)


def made_pictures(rows: Rows, made: np.ndarray, labels: np.ndarray | None, near: np.ndarray) -> tuple[Panel, ...]:
    """Pictures (m, C, H, W) that were made, and `near` (k, C, H, W), the training pictures nearest to the first k.

    `labels` (m,) are the class numbers they were asked to be of; None where the network knows no classes.
    """
    classes = rows.task.classes if isinstance(rows.task, Generation) else ()
    names = [""] * len(made[:MADE]) if labels is None else [classes[int(c)] for c in labels[:MADE]]
    beside = rows_of([made[: len(near)], near], ["made", "nearest training picture"])
    return (
        Panel(section="Pictures", title="Made by the network", html=gallery(made[:MADE], names), caption=""),
        Panel(
            section="Pictures",
            title="Does it copy?",
            html=beside,
            caption="Below each picture that was made, the training picture nearest to it: alike in kind is right, the "
            "same picture would be a copy.",
        ),
    )


def over_time(frames: Sequence[tuple[str, np.ndarray]]) -> tuple[Panel, ...]:
    """What a network made from the same noise as training went on."""
    if not frames:
        return ()
    caption = "Each row is drawn from the same noise, after as many epochs as it says."
    return (Panel(section="Pictures", title="Samples over time", html=timeline(frames), caption=caption),)
