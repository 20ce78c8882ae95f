import torch
from torch import nn

from netwright.layers.identity import Identity
from tests.layers.handling import seeded
from tests.layers.proof import prove, prove_pair


def test_beside_torch():
    for shape in ((3, 4), (0, 2), ()):
        prove(Identity(), nn.Identity(), seeded(*shape))
        prove_pair(Identity(3, a=4), seeded(*shape))
    x = torch.zeros(3)
    assert Identity()(x) is x
    assert repr(Identity()) == repr(nn.Identity())
