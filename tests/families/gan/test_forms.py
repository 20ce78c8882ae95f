import torch

from netwright.families.gan.forms import Pictures, Rows


def test_pictures_come_back_as_they_were():
    pictures = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    form = Pictures()
    taken = form.taken(pictures, torch.float32)
    assert taken.min() == -1 and taken.max() == 1
    assert torch.equal(form.given(form.soft(taken), None)[0], pictures)


def measured() -> tuple[Rows, torch.Tensor, torch.Tensor]:
    """Three numbers, the last of two values; a column of three categories, of which the first is never seen."""
    numbers = torch.tensor([[-1.0, 2.0, 0.0], [1.0, 3.0, 1.0], [0.5, 2.5, 1.0]])
    categories = torch.tensor([[1], [2], [2]])
    form = Rows(3, (3,))
    form.measure(numbers, categories)
    return form, numbers, categories


def test_rows_are_numbers_and_one_hot_categories():
    form, numbers, categories = measured()
    taken = form.taken(numbers, categories, torch.float32)
    assert torch.equal(taken[:, :3], numbers) and taken[:, 3:].tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 1]]


def test_soft_categories_are_shares_that_gradients_flow_through():
    form, *_ = measured()
    torch.manual_seed(0)
    drawn = torch.randn(500, 6, requires_grad=True)
    soft = form.soft(drawn)
    assert torch.equal(soft[:, :3], drawn[:, :3])
    assert torch.allclose(soft[:, 3:].sum(1), torch.ones(500)) and soft[:, 3].max() < 1e-6
    soft[:, 4].sum().backward()
    assert drawn.grad is not None and drawn.grad[:, 3:].abs().sum() > 0


def test_given_rows_are_within_what_training_had():
    form, *_ = measured()
    drawn = torch.zeros(1000, 6)
    drawn[:, :3] = torch.tensor([-9.0, 2.25, 0.4])
    drawn[:, 5] = torch.log(torch.tensor(3.0))
    numbers, categories = form.given(drawn, torch.Generator().manual_seed(0))
    assert numbers[0].tolist() == [-1, 2.25, 0], "a number of two values is the nearer one"
    assert categories.shape == (1000, 1) and categories.dtype == torch.int64
    assert not (categories == 0).any() and 0.7 < (categories == 2).float().mean() < 0.8


def test_columns_of_one_kind_alone():
    numbers = Rows(2, ())
    numbers.measure(torch.zeros(3, 2), torch.zeros(3, 0, dtype=torch.int64))
    given = numbers.given(numbers.soft(torch.ones(4, 2)), None)
    assert given[0].tolist() == [[0, 0]] * 4 and given[1].shape == (4, 0)
    categories = Rows(0, (2, 4))
    categories.measure(torch.zeros(3, 0), torch.ones(3, 2, dtype=torch.int64))
    given = categories.given(torch.zeros(4, 6), None)
    assert given[0].shape == (4, 0) and given[1].tolist() == [[1, 1]] * 4
