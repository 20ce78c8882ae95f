"""The first derivative: what backward gives, beside differences of forward."""

from netwright.doctor.layer.compare import Compared, compare
from netwright.doctor.layer.finding import Finding
from netwright.doctor.layer.guess import guess
from netwright.doctor.layer.raised import seen_and_mend
from netwright.doctor.layer.subject import Base, Subject, module_of

NAME = "first derivative"


def check(subject: Subject) -> Finding:
    """Every float input and parameter, its worst element, and what the mistake looks like."""
    try:
        base = subject.base
    except Exception as error:
        subject.broken = True
        seen, mend = seen_and_mend(error)
        if "not differentiable with respect to" in str(error):
            return Finding(NAME, "not supported", seen, LEFT_OUT)
        return Finding(NAME, "failed", seen, mend)
    if not any(c is not None for c in base.cotangents):
        return Finding(NAME, "failed", "no output is joined to the inputs: nothing is differentiated", DETACHED)
    compared = compare(subject, base)
    wrong = [c for c in compared if c.wrong]
    if not wrong:
        tried = sum(len(c.indices) for c in compared)
        told = f"as differences say, at {tried} elements of {_listed(subject, compared)}"
        return Finding(NAME, "passed", told + _untold(subject))
    untold = [c for c in wrong if not_given(subject, base, c)]
    if len(untold) == len(wrong):
        told = _told(subject, base, untold)
        subject.leave_out([c.name for c in untold])
        return Finding(NAME, "not supported", told, LEFT_OUT)
    return judged(subject, base, [c for c in wrong if c not in untold], compared)


DETACHED = "Leave out .detach(), .data, .item(), NumPy and torch.no_grad() between the inputs and the output."
LEFT_OUT = (
    "A target or a mask needs no gradient, and None says so. If it is to have one, return it; if not, call "
    "check_layer with requires_grad=True on the inputs that are to be differentiated, and it is left alone."
)


def judged(subject: Subject, base: Base, wrong: list[Compared], compared: list[Compared]) -> Finding:
    """The failure, told by its worst source."""
    subject.wrong = True
    first = max(wrong, key=lambda c: float((c.over / max(c.scale, 1e-12)).max()))
    mistake, mend = guess(first, compared, base, subject)
    seen = _told(subject, base, [first])
    count = int((first.over > 0).sum())
    seen += f" ({count} of {len(first.indices)} elements tried are off)" if count else ""
    others = [subject.shown(c.name) for c in wrong if c is not first]
    seen += f"; also off: {', '.join(others)}" if others else ""
    return Finding(NAME, "failed", f"{seen}. {mistake}", mend)


def not_given(subject: Subject, base: Base, compared: Compared) -> bool:
    """True for an input of a loss that backward gives None for, as for a target."""
    names = [name for name in base.sources if name.startswith("input ")]
    loss = base.outputs[0].dim() < base.sources[names[0]].dim() if names else False
    return (
        compared.gradient is None
        and compared.name in names[1:]
        and loss
        and any(base.gradients[name] is not None for name in names)
    )


def _told(subject: Subject, base: Base, compared: list[Compared]) -> str:
    return "; ".join(c.told(subject.shown(c.name), base.sources[c.name].shape) for c in compared)


def _untold(subject: Subject) -> str:
    names = [name for name, p in module_of(subject).named_parameters() if p.is_complex()]
    return f"; not looked at, because complex: {', '.join(names)}" if names else ""


def _listed(subject: Subject, compared: list[Compared]) -> str:
    names = [subject.shown(c.name) for c in compared]
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
