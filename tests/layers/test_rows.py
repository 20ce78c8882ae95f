import numpy as np
import pytest
import torch

from netwright.core.errors import InputError
from netwright.layers.layer_norm import LayerNorm
from netwright.layers.rms_norm import RMSNorm
from netwright.layers.rows import check_rows, sizes


def test_sizes():
    assert sizes(3) == sizes(np.int64(3)) == sizes([3]) == sizes(torch.Size([3])) == (3,)
    assert sizes(iter((2, 3))) == (2, 3)
    for kind in (LayerNorm, RMSNorm):
        assert kind(np.int64(3)).weight.shape == (3,)


def test_which_rows_fit():
    check_rows(torch.zeros(4, 2, 3), (2, 3))
    for wrong in ((3, 2), (5, 4, 2, 3), ()):
        with pytest.raises(InputError, match="normalized_shape"):
            check_rows(torch.zeros(4, 2, 3), wrong)
