"""Competitors that know no torch module: Keras, and JAX by hand. Their networks are built anew, in the same sizes."""

import functools
import time
from typing import Any

import numpy as np
from modules import Case
from peers import Marks, Run

SIZES = {
    "linear_regression": (1, 1),
    "mlp": (10, 50, 2),
    "mlp_list": (20, 64, 32, 3),
    "autoencoder": (784, 128, 784),
}
"""By case: the widths of a network of dense layers with ReLU between them. The other case is `cnn32`."""


def arrays(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Input and target; pictures with their channels last, as both libraries like them best on a CPU."""
    data = case.data(case.rows, 0)
    x, y = data[0].numpy(), data[-1].numpy()
    return (np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if x.ndim == 4 else x), y


def keras(case: Case) -> Run:
    """`model.fit`, with the backend that KERAS_BACKEND names."""
    import keras
    from keras import layers

    if case.name == "cnn32":
        sizes = (128, 10)
        made = [keras.Input((32, 32, 3))]
        for channels in (16, 32):
            made += [layers.Conv2D(channels, 3, padding="same", activation="relu"), layers.MaxPooling2D()]
        made += [layers.Flatten()]
    else:
        first, *sizes = SIZES[case.name]
        made = [keras.Input((first,))]
    made += [layers.Dense(size, activation="relu") for size in sizes[:-1]]
    made += [layers.Dense(sizes[-1], activation="sigmoid" if case.name == "autoencoder" else None)]
    model = keras.Sequential(made)
    x, y = arrays(case)
    loss = "mse" if y.ndim == 2 else keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.01) if case.batch_size is None else "adam", loss=loss)
    marks, first_weights = Marks(case), model.get_weights()
    clock = keras.callbacks.LambdaCallback(on_epoch_end=marks.mark)

    def run(epochs: int) -> float:
        marks.times.clear()
        model.set_weights(first_weights)
        how = {"batch_size": case.batch_size or case.rows, "shuffle": case.batch_size is not None}
        model.fit(x, y, epochs=epochs, verbose=0, callbacks=[clock], **how)
        return marks.step()

    return run


def jax_parameters(case: Case) -> list[Any]:
    """The torch module's own first weights, laid out as JAX wants them: weight, bias, weight, bias, …"""
    import jax.numpy as jnp

    def turned(value: np.ndarray) -> np.ndarray:
        return value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T

    return [jnp.asarray(turned(value.numpy())) for value in case.make().state_dict().values()]


def jax_outputs(case: Case, parameters: list[Any], x: Any) -> Any:
    import jax
    import jax.numpy as jnp

    pairs = list(zip(parameters[::2], parameters[1::2], strict=True))
    if x.ndim == 4:
        for weight, bias in pairs[:2]:
            x = jax.lax.conv_general_dilated(x, weight, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
            x = jax.lax.reduce_window(jax.nn.relu(x + bias), -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        x, pairs = x.reshape(len(x), -1), pairs[2:]
    for weight, bias in pairs[:-1]:
        x = jax.nn.relu(x @ weight + bias)
    x = x @ pairs[-1][0] + pairs[-1][1]
    return jax.nn.sigmoid(x) if case.name == "autoencoder" else x


def jax_scan(case: Case) -> Run:
    """Every epoch and every step of it in one compiled program; of images an epoch, its steps unrolled.

    XLA's convolutions for the CPU are nine times slower inside a loop.
    """
    import jax
    import jax.numpy as jnp
    import optax

    x, y = (jnp.asarray(array) for array in arrays(case))
    optimizer = optax.sgd(0.01) if case.batch_size is None else optax.adam(0.001)
    batch_size = case.batch_size or case.rows
    whole = case.rows // batch_size * batch_size
    images = x.ndim == 4

    def loss_of(parameters, x, y):
        output = jax_outputs(case, parameters, x)
        if y.ndim == 2:
            return ((output - y) ** 2).mean()
        return optax.softmax_cross_entropy_with_integer_labels(output, y).mean()

    def step(carry, index):
        parameters, state = carry
        loss, gradients = jax.value_and_grad(loss_of)(parameters, x[index], y[index])
        updates, state = optimizer.update(gradients, state, parameters)
        return (optax.apply_updates(parameters, updates), state), loss

    def epoch(_, carry):
        *carry, key, _ = carry
        key, draw = jax.random.split(key)
        order = jax.random.permutation(draw, case.rows) if case.batch_size else jnp.arange(case.rows)
        carry, losses = jax.lax.scan(step, tuple(carry), order[:whole].reshape(-1, batch_size), unroll=images)
        if whole < case.rows:
            carry, _ = step(carry, order[whole:])
        return (*carry, key, losses.mean())

    parameters = jax_parameters(case)
    start = (parameters, optimizer.init(parameters), jax.random.key(0), jnp.float32(0))
    one = jax.jit(epoch)
    many = jax.jit(lambda carry, epochs: jax.lax.fori_loop(0, epochs, epoch, carry))

    def run(epochs: int) -> float:
        began = time.perf_counter()
        if images:
            carry = functools.reduce(lambda carry, i: one(i, carry), range(epochs), start)
        else:
            carry = many(start, epochs)
        jax.block_until_ready(carry)
        return (time.perf_counter() - began) / (epochs * case.steps)

    return run
