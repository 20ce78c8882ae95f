"""Later sequences, brought to the form of those a network was trained on."""

from collections.abc import Sequence

from netwright.core.errors import InputError
from netwright.core.forms import SequenceForm
from netwright.data.sequences.collection import Sequences
from netwright.data.sequences.long import from_long
from netwright.data.sequences.read import read_sequences
from netwright.data.sequences.wide import from_wide
from netwright.data.table import Table


def conform_sequences(
    form: SequenceForm, source: object, *, target: Sequence[str] = (), beside: Sequence[str] = ()
) -> Sequences:
    """The sequences of a source; a table is read as the training table was: long where the form has an id, else wide.

    `target` are columns of labels, which need not be there; `beside` other columns that are no channels. Sequences may
    be of any length. Raises InputError where the channels differ.
    """
    if isinstance(source, Table):
        labels = [name for name in target if name in source.columns]
        sequences = _table(form, source, labels, beside)
    else:
        sequences = read_sequences(source, target=target[0] if target else None)
    if len(sequences.channels) != len(form.channels):
        raise InputError(
            f"{sequences.table.name} has not the channels the network was trained on.",
            got=f"{len(sequences.channels)} channels: {', '.join(sequences.channels[:20])}",
            wanted=f"{len(form.channels)}: {', '.join(form.channels[:20])}",
            fix="Give sequences of these channels, in this order.",
        )
    return sequences


def _table(form: SequenceForm, table: Table, target: Sequence[str], beside: Sequence[str]) -> Sequences:
    if form.id is None:
        rest = [name for name in beside if name in table.columns]
        return from_wide(table, target, beside=rest, steps=form.steps, sure=True)
    rest = [name for name in beside if name in table.columns and name != form.id]
    return from_long(table, id=form.id, order=form.order, target=target, beside=rest, channels=form.channels)
