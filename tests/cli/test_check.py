"""netwright check: files as people have them, and what is said of them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from netwright.cli.main import COMMANDS, run

SQUARE = """
import torch
from torch.autograd import Function

class Square(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return FACTOR * x * grad_output
"""
RIGHT, WRONG = SQUARE.replace("FACTOR", "2"), SQUARE.replace("FACTOR", "1")
LAYERS = """
import torch
from torch import nn
import neighbour

print("hello")

class LinearFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias=None):
        ctx.save_for_backward(x, weight)
        return x @ weight.T if bias is None else x @ weight.T + bias

    @staticmethod
    def backward(ctx, g):
        x, weight = ctx.saved_tensors
        return g @ weight, g.T @ x, g.sum(0)

class Linear(nn.Module):
    def __init__(self, in_features, out_features, p: float, bias=True):
        super().__init__()
        self.p = p
        self.weight = nn.Parameter(torch.randn(out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None

    def forward(self, x):
        return LinearFunction.apply(x, self.weight, self.bias)

class Words(nn.Module):
    def __init__(self, words):
        super().__init__()
        self.table = nn.Embedding(words, 2)

    def forward(self, ids, mask):
        return self.table(ids) * mask[..., None]

class Convolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(2, 5, 3, 3))

    def forward(self, x):
        return nn.functional.conv2d(x, self.weight)

class Picky(nn.Module):
    def forward(self, x):
        raise RuntimeError("never enough")

linear = LinearFunction.apply
net = nn.Sequential(nn.Linear(7, 2), nn.Tanh()).double()
sine = (lambda x: (torch.sin(x), x), lambda g, x: g * torch.cos(x))
number = 3

def cube_forward(x):
    return x**3, x

def cube_backward(grad_output, x):
    return 3 * x**2 * grad_output

def make(width=2):
    return nn.Linear(width, 1)

def numbers():
    return 3

def letters():
    return "a" * 100

def forgetful_forward(x):
    return x * 2

def forgetful_backward(g, cache):
    return g * 2

class Choosy(nn.Linear):
    def __init__(self, width, bias):
        assert bias is True and width == 3, "three, please"
        super().__init__(width, 1, bias)

again = net
both = (cube_forward, cube_backward)
"""


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(COMMANDS, "check", "")
    monkeypatch.chdir(tmp_path)
    Path("neighbour.py").write_text("HERE = True\n")
    Path("layers.py").write_text(LAYERS)
    return tmp_path


def test_a_right_layer_ends_with_0_and_a_wrong_one_with_1(in_folder: Path, capsys: pytest.CaptureFixture[str]):
    Path("mine.py").write_text(RIGHT)
    assert run(["check", "mine.py", "--quick"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Square: ") and "first derivative" in out and "hello" not in out
    assert "no inputs were given" in err and "--input 4x3" in err
    Path("mine.py").write_text(WRONG)  # read anew
    assert run(["check", "mine.py:Square", "--quick", "--input", "2x3"]) == 1
    out, err = capsys.readouterr()
    assert "failed" in out and "What to do" in out and err == ""
    assert sorted(p.name for p in in_folder.iterdir()) == ["layers.py", "mine.py", "neighbour.py"]
    assert not {"mine", "layers", "neighbour"} & set(sys.modules) and str(in_folder) not in sys.path


def test_json(capsys: pytest.CaptureFixture[str]):
    assert run(["check", "layers.py:LinearFunction", "--quick", "--json"]) == 0
    out, err = capsys.readouterr()
    values = json.loads(out)
    assert values["passed"] and values["layer"] == "LinearFunction" and values["inputs"] == ["4x3", "2x3", "2"]
    first = next(f for f in values["findings"] if f["check"] == "first derivative")
    assert first["verdict"] == "passed" and set(first) == {"check", "verdict", "seen", "fix"}
    assert err.startswith("hello\n")


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list:
    """What is handed to the check, which need not be done here each time."""
    from netwright.doctor.layer.finding import LayerReport

    seen: list = []

    def kept(layer: object, inputs: tuple, *, doing: Any, **options: object) -> LayerReport:
        doing("first derivative", 1, 19)
        seen.append((layer, inputs, options))
        return LayerReport(str(options["name"]), ())

    monkeypatch.setattr("netwright.doctor.check_layer.checked", kept)
    return seen


def shapes(inputs: tuple) -> list:
    return [tuple(x.shape) if hasattr(x, "shape") else x for x in inputs]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("LinearFunction", [(4, 3), (2, 3), (2,)]),
        ("linear", [(4, 3), (2, 3), (2,)]),
        ("Linear", [(4, 4)]),
        ("net", [(4, 7)]),
        ("sine", [(4, 3)]),
        ("cube_forward", [(4, 3)]),
        ("make", [(4, 2)]),
        ("Words", [(4, 3), (4, 3)]),
        ("Convolution", [(2, 5, 8, 8)]),
    ],
)
def test_inputs_are_guessed_for_layers_of_every_kind(name: str, found: list, called: list):
    assert run(["check", f"layers.py:{name}"]) == 0
    title = "(cube_forward, cube_backward)" if name == "cube_forward" else name
    assert shapes(called[0][1]) == found and called[0][2] == {"name": title, "seed": 0, "slow": True}


def test_what_was_guessed_to_build_a_class_is_told(called: list, capsys: pytest.CaptureFixture[str]):
    assert run(["check", "layers.py:Linear"]) == 0
    assert "Linear(in_features=4, out_features=4, p=0.5) was built" in capsys.readouterr().err
    command = ["check", "layers.py:Linear", "--arg", "7", "--arg", "out_features=2", "--arg", "p=0", "--arg", "bias=no"]
    assert run([*command, "--input", "5x7", "--seed", "4"]) == 0
    layer, inputs, options = called[1]
    assert layer.weight.shape == (2, 7) and shapes(inputs) == [(5, 7)] and options["seed"] == 4
    assert "was built" not in capsys.readouterr().err


def test_inputs_of_every_kind(called: list):
    import torch

    Path("mine.py").write_text("def forward(*x): return x[0], None\ndef backward(g, cache): return g\n")
    given = ["4x3", "2:int64<3", "2x2:bool", "scalar:float64", "3.5", "none", "=2", "true"]
    assert run(["check", "mine.py", *(word for text in given for word in ("--input", text))]) == 0
    inputs = called[0][1]
    assert shapes(inputs) == [(4, 3), (2,), (2, 2), (), 3.5, None, 2, True]
    assert [x.dtype for x in inputs[:4]] == [torch.float32, torch.int64, torch.bool, torch.float64]
    assert int(inputs[1].max()) < 3


@pytest.mark.parametrize("example", ["(torch.ones(2, 5),)", "lambda: torch.ones(2, 5)"])
def test_example_inputs_of_the_file_are_taken(example: str, called: list, capsys: pytest.CaptureFixture[str]):
    Path("mine.py").write_text(f"{RIGHT}\nexample_inputs = {example}\n")
    assert run(["check", "mine.py"]) == 0
    assert shapes(called[0][1]) == [(2, 5)] and "example_inputs of mine.py" in capsys.readouterr().err


def test_example_inputs_of_another_layer(called: list, capsys: pytest.CaptureFixture[str]):
    Path("mine.py").write_text(f"{RIGHT}\nfrom torch import nn\nclass Net(nn.Linear): pass\n")
    with Path("mine.py").open("a") as file:
        file.write("net = Net(3, 2)\nexample_inputs = (torch.ones(2, 5),)\n")
    assert run(["check", "mine.py:net"]) == 0
    err = capsys.readouterr().err
    assert shapes(called[0][1]) == [(4, 3)] and "example_inputs of mine.py, float32 (2, 5), do not fit net" in err
    with Path("mine.py").open("a") as file:
        file.write("example_inputs = {'Square': torch.ones(2, 5), 'net': (torch.ones(1, 3),)}\n")
    assert run(["check", "mine.py:net"]) == 0 and run(["check", "mine.py:Square"]) == 0
    assert [shapes(call[1]) for call in called[1:]] == [[(1, 3)], [(2, 5)]]


def test_a_file_in_a_package_and_one_with_a_library_s_name(in_folder: Path, called: list):
    package = in_folder / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "other.py").write_text("FACTOR = 2\n")
    (package / "mine.py").write_text("from .other import FACTOR\n" + SQUARE)
    Path("random.py").write_text(RIGHT)
    assert run(["check", "package/mine.py"]) == 0
    assert run(["check", "random.py"]) == 0
    assert sys.modules["random"].__file__ != str(in_folder / "random.py")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["laiers.py"], "Did you mean layers.py?"),
        (["nowhere/layers.py:Linear"], "Correct the path."),
        (["."], "no Python file"),
        (["layers.py:Linaer"], "Did you mean layers.py:Linear?"),
        (["layers.py:xyz"], "one of LinearFunction, Linear, Words"),
        (["layers.py"], "10 layers: LinearFunction, Linear, Words, Convolution, Picky, net, sine, cube_forward, forg"),
        (["neighbour.py"], "has no layer"),
        (["layers.py:number"], "of type int"),
        (["layers.py:numbers"], "numbers(…) returned 3, of type int"),
        (["layers.py:letters"], "returned 'aaaaaaaaaaaaaaa"),
        (["layers.py:forgetful_forward"], "the cache is missing"),
        (["torch.nn:Linear"], "from torch.nn import Linear. Then netwright check mine.py:Linear"),
        (["torch.nn"], "looks like a module's name"),
        (["layers.py:net", "--input", "4,7"], "Give --input 4x7"),
        (["layers.py:net", "--input", "(4, 7)"], "Give --input 4x7"),
        (["layers.py:net", "--input", "4x7:int64"], "Give floats: --input 4x7."),
        (["layers.py:sine", "--input", "4x3:int64"], "Give floats: --input 4x3."),
        (["course.py:Sigmoid"], "Sigmoid, a class"),
        (["course.py:sigmoid"], "If it is a forward, write pair = (forward, backward)"),
        (["layers.py:net", "--arg", "3"], "Leave --arg out"),
        (["layers.py:Linear", "--arg", "depth=3"], "Linear(in_features, out_features, p: float, bias=True)"),
        (["layers.py:net", "--input", "4by7"], "--input 4by7"),
        (["layers.py:net", "--input", "4x7:float32<3"], "'4x3:int64<10'"),
        (["layers.py:net", "--input", "4x3"], "float64 (4, 3): RuntimeError"),
        (["layers.py:LinearFunction", "--input", "4x3", "--input", "2x2"], "line 12: return x @ weight.T"),
        (["layers.py:Picky"], "never enough, layers.py line"),
        (["broken.py"], "SyntaxError"),
        (["failing.py"], "ZeroDivisionError: division by zero, failing.py line 3: return 1 / 0"),
        (["lacking.py"], "Install no_such_library"),
        (["ending.py"], "__main__"),
        (["relative.py"], "or put an __init__.py beside the file"),
        (["layers.py:Choosy"], "; guessed: width, bias"),
        (["example.py"], "example_inputs = (torch.randn(4, 3),)"),
        (["example2.py"], "KeyError"),
        (["example3.py"], "correct example_inputs"),
    ],
)
def test_wrong_usage_ends_with_2_and_the_mend(arguments: list[str], words: str, capfd: pytest.CaptureFixture[str]):
    Path("course.py").write_text("class Sigmoid:\n    pass\ndef sigmoid(x):\n    return x.exp()\n")
    Path("relative.py").write_text("from .neighbour import HERE\n")
    Path("broken.py").write_text("def f(:\n")
    Path("failing.py").write_text("def half():\n    # of nothing\n    return 1 / 0\nhalf()\n")
    Path("lacking.py").write_text("import no_such_library\n")
    Path("ending.py").write_text("import argparse\nargparse.ArgumentParser().parse_args(['--what'])\n")
    Path("example.py").write_text(f"{RIGHT}\nexample_inputs = 3\n")
    Path("example3.py").write_text("from layers import Picky\nexample_inputs = (1,)\nlayer = Picky()\n")
    Path("example2.py").write_text(f"{RIGHT}\ndef example_inputs():\n    return {{}}['x']\n")
    assert run(["check", *arguments]) == 2
    out, err = capfd.readouterr()
    assert words in err and "Traceback" not in err and out == ""


def test_a_terminal_shows_what_is_being_done(called: list, capsys: Any, monkeypatch: pytest.MonkeyPatch):
    command = ["check", "layers.py:net", "--input", "4x7"]
    assert run(command) == 0
    assert capsys.readouterr().err == "hello\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert run(command) == 0
    shown = capsys.readouterr().err
    assert "\rcheck 1 of 19: first derivative " in shown and shown.split("\r")[-2].strip() == ""


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom netwright.cli import main\nmain.COMMANDS['check'] = ''\nmain.run(['check', '--help'])\n"
        "assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "FILE.py:NAME" in done.stdout, done.stderr
