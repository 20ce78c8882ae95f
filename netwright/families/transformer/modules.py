"""The Transformer of the tutorials: an encoder, and a linear layer on the mean of what it holds.

B rows, T positions, V vocabulary, O outputs.
"""

from types import ModuleType

import torch
from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.families.transformer.encoder import Encoder
from netwright.families.transformer.masks import within


class Transformer(nn.Module):
    """Attention over the steps of a sequence, and a linear layer on their mean (Vaswani et al. 2017).

    `forward(x (B, T, input_size), lengths (B,))` gives (B, output_size): raw numbers or logits, no softmax. `lengths`
    are the steps of each sequence that are no padding; without them all are. With `vocabulary_size` x is tokens (B, T),
    whole numbers below it, each of which becomes `input_size` numbers that are learned. With `causal` no step sees a
    later one and each has an answer of its own, (B, T, output_size): a language model, where the target is the tokens
    one further on. Raises InputError for sizes or shapes that can't be.

    >>> Transformer(3, 32, 2)(torch.zeros(5, 7, 3), torch.tensor([7, 7, 4, 1, 2])).shape
    torch.Size([5, 2])
    >>> Transformer(32, 32, 65, causal=True, vocabulary_size=65)(torch.zeros(5, 7, dtype=torch.long)).shape
    torch.Size([5, 7, 65])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        *,
        num_layers: int = 2,
        num_heads: int = 4,
        dropout: float = 0.1,
        causal: bool = False,
        vocabulary_size: int | None = None,
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        if min(input_size, output_size, vocabulary_size or 1) < 1 or vocabulary_size == 0:
            raise InputError(
                "A Transformer needs sizes of one or more.",
                got=f"input_size={input_size}, output_size={output_size}, vocabulary_size={vocabulary_size}",
                wanted="positive whole numbers; vocabulary_size=None where the inputs are no tokens",
                fix="Correct input_size, output_size or vocabulary_size.",
            )
        self.input_size, self.causal = input_size, causal
        self.tokens = layers.Embedding(vocabulary_size, input_size) if vocabulary_size else None
        self.inward = layers.Linear(input_size, hidden_size)
        self.dropout = layers.Dropout(dropout)
        self.encoder = Encoder(
            hidden_size, heads=num_heads, layers=num_layers, dropout=dropout, causal=causal, namespace=layers
        )
        self.head = layers.Linear(hidden_size, output_size)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, input_size), or tokens (B, T), → (B, output_size), or (B, T, output_size) where it is causal."""
        refuse_shapes(x, lengths, self.input_size, tokens=self.tokens is not None)
        keep = None if lengths is None else within(lengths.to(x.device), x.shape[1])
        if keep is not None:
            x = x.masked_fill(~keep if self.tokens is not None else ~keep[..., None], 0)
        x = x if self.tokens is None else self.tokens(x)
        x = self.encoder(self.dropout(self.inward(x)), keep)
        return self.head(x if self.causal else pooled(x, keep))


def pooled(x: Tensor, keep: Tensor | None) -> Tensor:
    """(B, T, D) → (B, D) the mean of the positions that are kept (B, T), the others being zeros; zeros for none."""
    count = x.new_full((len(x), 1), max(x.shape[1], 1)) if keep is None else keep.sum(1, keepdim=True).clamp(min=1)
    return x.sum(1) / count


def refuse_shapes(x: Tensor, lengths: Tensor | None, size: int, *, tokens: bool) -> None:
    """Raise InputError for what a Transformer of this input size, or of tokens, can't be fed."""
    whole = not (x.is_floating_point() or x.is_complex() or x.dtype == torch.bool)
    if not (x.dim() == 2 and whole if tokens else x.dim() == 3 and x.shape[2] == size and x.is_floating_point()):
        raise InputError(
            "The sequences are not of the form this network was made for.",
            got=f"a {str(x.dtype).removeprefix('torch.')} tensor of shape {tuple(x.shape)}",
            wanted="whole numbers of shape (batch, steps)" if tokens else f"floats of shape (batch, steps, {size})",
            fix="Bring them into that form, or make the network with their input_size, or vocabulary_size for tokens.",
        )
    if lengths is not None and lengths.shape != x.shape[:1]:
        raise InputError(
            "The lengths do not fit the sequences.",
            got=f"lengths of shape {tuple(lengths.shape)} for sequences of shape {tuple(x.shape)}",
            wanted="one length for each sequence of the batch",
            fix="Give lengths of shape (batch,), or leave lengths out.",
        )
