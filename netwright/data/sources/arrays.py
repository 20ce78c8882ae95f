"""NumPy arrays, tensors and dicts of columns to a table."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from netwright.core.errors import InputError, InputTypeError
from netwright.data.sources.tidy import tidy_table
from netwright.data.sources.values import complex_refused, values_series
from netwright.data.table import Series, Table, series_of


def is_tensor(source: object) -> bool:
    """Whether this is a torch tensor, told without importing torch."""
    return any(kind.__module__ == "torch" and kind.__name__ == "Tensor" for kind in type(source).__mro__)


def tensor_array(tensor: Any, name: str) -> np.ndarray:
    """The values of a tensor of any device and float type. Raises InputTypeError for a sparse or quantized one."""
    if str(tensor.layout) != "torch.strided" or tensor.is_quantized:
        raise InputTypeError(
            f"{name} is a tensor that is not dense.",
            got=f"a tensor of layout {tensor.layout}, {tensor.dtype}",
            wanted="a dense tensor of numbers",
            fix="Give tensor.to_dense() or tensor.dequantize().",
        )
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
    narrow = tensor.is_floating_point() and tensor.dtype.itemsize < 4
    return (tensor.float() if narrow else tensor).numpy()


def array_table(array: np.ndarray, name: str) -> Table:
    """A table of the columns x0, x1 … of a 2-D array, of the one column of a 1-D array, or of a record array's fields.

    Raises InputError for another number of dimensions, complex numbers and empty arrays.
    """
    if array.dtype.names:
        columns = {field: array[field].ravel() for field in array.dtype.names}
    elif array.ndim == 1:
        columns = {"x0": array}
    elif array.ndim == 2:
        columns = {f"x{i}": array[:, i] for i in range(array.shape[1])}
    else:
        raise InputError(
            f"{name} is an array of {array.ndim} dimensions.",
            got=f"shape {array.shape}",
            wanted="2 dimensions, (rows, columns), or 1 for a single column",
            fix="Reshape it: array.reshape(len(array), -1) makes a row of each example.",
        )
    return tidy_table([array_series(key, values, name) for key, values in columns.items()], name)


def dict_table(columns: Mapping[Any, Any], name: str) -> Table:
    """A table of a dict whose values are lists, arrays, tensors or series of one length.

    Raises InputError naming the columns where lengths differ, InputTypeError where a value is not a column.
    """
    series = [_column(str(key), values, name) for key, values in columns.items()]
    lengths = {s.name: len(s) for s in series}
    if len(set(lengths.values())) > 1:
        most = max(set(lengths.values()), key=list(lengths.values()).count)
        odd = [f"{key!r} has {n}" for key, n in lengths.items() if n != most]
        raise InputError(
            f"{name}: the columns are of different lengths.",
            got="; ".join(odd[:5]) + f"; the other {len(lengths) - len(odd)} have {most}",
            wanted="as many values in every column",
            fix="Give every column one value a row, None where it is missing.",
        )
    return tidy_table(series, name)


def _column(key: str, values: Any, name: str) -> Series:
    if is_tensor(values):
        values = tensor_array(values, f"{name}, column {key!r}")
    elif not isinstance(values, np.ndarray) and hasattr(values, "to_list"):
        values = values.to_list()  # a series of pandas or polars
    if isinstance(values, np.ndarray) and values.ndim == 1:
        return array_series(key, values, name)
    if isinstance(values, list | tuple | range):
        return values_series(key, list(values), name)
    raise InputTypeError(
        f"{name}: {key!r} is not a column.",
        got=f"shape {values.shape}"
        if isinstance(values, np.ndarray)
        else f"{type(values).__name__} {str(values)[:40]!r}",
        wanted="a list, or an array or tensor of one dimension",
        fix=f"Give {key!r} one value a row.",
    )


def array_series(key: str, values: np.ndarray, name: str) -> Series:
    """A 1-D array of any element type as a series; masked values are gaps."""
    match values.dtype.kind if not isinstance(values, np.ma.MaskedArray) else "O":
        case "c":
            raise complex_refused(name, f"column {key!r} of type {values.dtype}")
        case "f":
            return series_of(key, np.ascontiguousarray(values, np.float32 if values.itemsize < 8 else np.float64))
        case "b" | "i" | "u":
            return series_of(key, np.ascontiguousarray(values, values.dtype.newbyteorder("=")))
        case "M":
            return series_of(key, np.ascontiguousarray(values, "datetime64[us]"))
        case "m":
            gaps = np.isnat(values)
            return series_of(key, np.where(gaps, np.nan, values / np.timedelta64(1, "s")))
        case "S":
            values = np.char.decode(values, "utf-8", "replace")
    return values_series(key, values.tolist(), name)
