"""What may stand inside a layer written by hand: arithmetic, matrix products, indexing, views, padding, reductions."""

from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

ARITHMETIC = """add sub rsub mul div neg reciprocal pow square sqrt rsqrt abs sign sgn exp expm1 log log1p tanh erf
maximum minimum clamp clamp_min clamp_max where eq ne lt le gt ge logical_and logical_or logical_not bitwise_and
bitwise_or bitwise_not floor ceil floor_divide remainder round trunc isnan isfinite masked_fill addcmul addcdiv lerp"""
MATRICES = "mm bmm mv dot addmm baddbmm addmv t transpose"
REDUCTIONS = "sum mean amax amin max min argmax argmin prod any all cumsum"
INDEXING = """index index_select gather scatter scatter_add index_add index_put slice select flip roll take arange
index_fill slice_scatter select_scatter"""
VIEWS = """view reshape permute expand squeeze unsqueeze unfold as_strided cat stack split split_with_sizes unbind
alias detach _unsafe_view _reshape_alias view_as lift_fresh"""
MAKING = """clone copy contiguous constant_pad_nd zeros ones full empty new_zeros new_ones new_full new_empty zeros_like
ones_like full_like empty_like new_empty_strided empty_strided fill zero scalar_tensor _to_copy rand rand_like
bernoulli uniform eye tril triu"""
ALLOWED = set(" ".join((ARITHMETIC, MATRICES, REDUCTIONS, INDEXING, VIEWS, MAKING)).split())


class Elementary(TorchDispatchMode):
    """Fails where an operator runs that does more than an elementary step."""

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """Run it, and look at its name."""
        name = func._schema.name.removeprefix("aten::")
        assert (name.removesuffix("_") if not name.startswith("_") else name) in ALLOWED, (
            f"{name} is no elementary step"
        )
        return func(*args, **(kwargs or {}))
