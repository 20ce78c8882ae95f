"""From data to a trained, proven, usable PyTorch network, in one command."""

import importlib

from netwright.core.version import VERSION as __version__

PUBLIC = {
    "ArtifactError": "netwright.core.errors",
    "Autoencoder": "netwright.families.autoencoder.dense",
    "CNN": "netwright.families.cnn.tutorial",
    "Classifier": "netwright.api.estimators",
    "ConvAutoencoder": "netwright.families.autoencoder.convolutional",
    "EpochRecord": "netwright.core.steps",
    "Fit": "netwright.api.fit",
    "GAN": "netwright.families.gan.gan",
    "GRU": "netwright.families.recurrent.modules",
    "InputError": "netwright.core.errors",
    "InputTypeError": "netwright.core.errors",
    "LSTM": "netwright.families.recurrent.modules",
    "LinearRegression": "netwright.families.linear",
    "Loss": "netwright.core.phase",
    "MLP": "netwright.families.mlp",
    "NetwrightError": "netwright.core.errors",
    "NetwrightWarning": "netwright.core.notice",
    "Notice": "netwright.core.notice",
    "Phase": "netwright.core.phase",
    "Plan": "netwright.core.plan",
    "Planned": "netwright.core.plan",
    "Predictor": "netwright.artifact.predictor",
    "RNN": "netwright.families.recurrent.modules",
    "Regressor": "netwright.api.estimators",
    "Run": "netwright.api.run",
    "StepRecord": "netwright.core.steps",
    "TrainingError": "netwright.core.errors",
    "Transformer": "netwright.families.transformer.modules",
    "VariationalAutoencoder": "netwright.families.autoencoder.variational",
    "check_layer": "netwright.doctor.check_layer",
    "fit": "netwright.api.fit",
    "layers": "netwright.layers",
    "load": "netwright.artifact.predictor",
    "resume": "netwright.api.train",
    "train": "netwright.api.train",
}
"""Every public name, and the module it comes from: imported at first use, so that importing netwright is cheap."""

__all__ = ["__version__", *PUBLIC]  # noqa: PLE0604


def __getattr__(name: str) -> object:
    if name not in PUBLIC:
        raise AttributeError(f"module 'netwright' has no attribute {name!r}")
    module = importlib.import_module(PUBLIC[name])
    value = module if name == "layers" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
