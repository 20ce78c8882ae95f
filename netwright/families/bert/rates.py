"""How fast each layer of an encoder learns: the lower, the slower, for what they know is the most general.

Sources: discriminative rates (Howard and Ruder 2018); layer-wise decay for BERT (Sun et al. 2019; Zhang et al. 2021).
"""

from torch import nn

from netwright.core.errors import InputError


def depths(encoder: nn.Module) -> tuple[dict[str, int], int]:
    """By parameter: 0 for what lies under the first layer, i + 1 for layer i; what lies over the last counts as it.

    And how many layers there are. The layers are the list of modules that has the most parameters.
    """
    lists = {name: part for name, part in encoder.named_modules() if isinstance(part, nn.ModuleList)}
    sizes = {name: sum(p.numel() for p in part.parameters()) for name, part in lists.items()}
    inside = max(sizes, key=lambda name: (sizes[name], -len(name)))
    count, at = len(lists[inside]), 0
    found = {}
    for name, _ in encoder.named_parameters():
        if name.startswith(f"{inside}."):
            at = count
            found[name] = int(name.removeprefix(f"{inside}.").split(".")[0]) + 1
        else:
            found[name] = at
    return found, count


def groups(encoder: nn.Module, head: nn.Module, *, rate: float, decay: float, head_rate: float, freeze: int) -> list:
    """The optimizer's groups: by layer, with and without weight decay; the head learns `head_rate` times as fast.

    Of `freeze` layers and what lies under them nothing is trained. Raises InputError for more than there are.
    """
    depth, layers = depths(encoder)
    if freeze > layers:
        raise InputError(
            "There are not so many layers to keep as they are.",
            got=f"freeze={freeze} of a network of {layers} layers",
            wanted=f"a number from 0 to {layers}",
            fix=f"Give --set freeze={layers}, or less.",
        )
    found: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for name, parameter in encoder.named_parameters():
        if freeze and depth[name] <= freeze:
            parameter.requires_grad_(False)
        if parameter.requires_grad:
            found.setdefault((depth[name], parameter.dim() > 1), []).append(parameter)
    made = [_group(parameters, rate * decay ** (layers - at), decays) for (at, decays), parameters in found.items()]
    top = rate * head_rate
    return [*made, *(_group([p for p in head.parameters() if (p.dim() > 1) == d], top, d) for d in (True, False))]


def _group(parameters: list[nn.Parameter], rate: float, decays: bool) -> dict:
    """Biases and normalisations don't decay."""
    return {"params": parameters, "lr": rate} | ({} if decays else {"weight_decay": 0.0})
