"""Train the networks that judge drawn faces; they see only real photos, FER-2013's Training images.

They are trained with PyTorch (`pip install torch`), which is several times faster than TensorFlow
on a CPU with bfloat16 units, and saved as Keras models. `JUDGES` tells how they differ, and which
ones may be looked at while the drawing is tuned. Example:

    KERAS_BACKEND=torch python tools/train_judges.py c d

An interrupted training resumes after its last whole epoch. FER+'s file fer2013new.csv must
lie next to FER-2013.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from facevalue import emotions, paths
from facevalue.data import ferplus
from facevalue.data.dataset import Dataset
from facevalue.drawing import course_faces

BATCH = 128

SMOOTHING = 0.1
"""Share of each target that goes to all emotions alike: label smoothing."""


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    """Return a convolution without bias and its batch normalisation."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return [layer, nn.BatchNorm2d(outputs, eps=1e-3)]


class Residual(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(*conv(inputs, outputs, 3, stride), nn.ReLU())
        self.second = nn.Sequential(*conv(outputs, outputs))
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Sequential(*conv(inputs, outputs, 1, stride))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.second(self.first(x)) + self.shortcut(x))


def head(features: int) -> list[nn.Module]:
    """Return the layers from feature maps to seven logits."""
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(features, 7)]


def plain(*widths: int) -> list[nn.Module]:
    """Return a plain network like VGG: pairs of 3x3 convolutions and max pooling."""
    layers: list[nn.Module] = []
    before = 1
    for width in widths:
        for inputs in (before, width):
            layers += [*conv(inputs, width), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
        before = width
    return [*layers, *head(before)]


def residual(*widths: int) -> list[nn.Module]:
    """Return a residual network: one convolution, then blocks that halve the image, if wider."""
    layers: list[nn.Module] = [*conv(1, widths[0]), nn.ReLU()]
    for inputs, outputs in zip(widths, widths[1:], strict=False):
        layers.append(Residual(inputs, outputs, 1 if inputs == outputs else 2))
    return [*layers, *head(widths[-1])]


def separable(*widths: int) -> list[nn.Module]:
    """Return a network like MobileNet: depthwise 3x3 convolutions, each followed by a 1x1 one."""
    layers: list[nn.Module] = [*conv(1, widths[0], stride=2), nn.ReLU()]
    for inputs, outputs in zip(widths, widths[1:], strict=False):
        stride = 1 if inputs == outputs else 2
        layers.append(nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False))
        layers += [nn.BatchNorm2d(inputs, eps=1e-3), nn.ReLU(), *conv(inputs, outputs, 1)]
        layers.append(nn.ReLU())
    return [*layers, *head(widths[-1])]


def strided(*widths: int) -> list[nn.Module]:
    """Return a network without pooling or shortcuts: its convolutions have strides."""
    layers: list[nn.Module] = [*conv(1, widths[0], 5, 2), nn.ReLU()]
    for inputs, outputs in zip(widths, widths[1:], strict=False):
        layers += [*conv(inputs, outputs, stride=1 if inputs == outputs else 2), nn.ReLU()]
    return [*layers, *head(widths[-1])]


@dataclass(frozen=True)
class Judge:
    """How one judge is trained.

    Attributes:
        seed: of its weights, the order of the images and their augmentation.
        build: one of the functions above.
        widths: its numbers of feature maps.
        epochs: passes over its images.
        labels: "fer2013", the data set's own, or "ferplus", the majority of FER+'s ten raters;
            images without a majority, or with one for contempt, are left out.
        standardised: whether each image is standardised to mean 0 and standard deviation 1.
        strong: whether images are warped, lit differently and erased, or only mirrored.
        rows: which of the Training images it sees, one of `ROWS`.
        balanced: whether it answers as if all emotions were equally frequent; see `balance`.
        averaged: whether its weights are the average over its last steps, or those of the last one.
    """

    seed: int
    build: Callable[..., list[nn.Module]]
    widths: tuple[int, ...]
    epochs: int
    labels: str = "fer2013"
    standardised: bool = False
    strong: bool = True
    rows: str = "all"
    balanced: bool = True
    averaged: bool = True

    def network(self) -> nn.Sequential:
        """Return the untrained network."""
        layers = self.build(*self.widths)
        if self.standardised:
            layers.insert(0, nn.LayerNorm((1, 48, 48), elementwise_affine=False))
        return nn.Sequential(*layers)


ROWS = {"all": slice(None), "even": slice(0, None, 2), "odd": slice(1, None, 2)}

JUDGES = {
    "a": Judge(1, plain, (32, 64, 128, 256), 18, balanced=False),
    "b": Judge(2, residual, (32, 64, 128, 256, 256), 22, balanced=False),
    "c": Judge(3, plain, (24, 48, 96, 160), 24, "ferplus", standardised=True, rows="even"),
    "d": Judge(4, separable, (48, 48, 96, 96, 192, 192, 256), 20,
               strong=False, rows="even", averaged=False),
    # for the final measurement only: they see none of the images that c and d see
    "e": Judge(5, residual, (24, 48, 96, 160), 24, standardised=True, rows="odd"),
    "f": Judge(6, strided, (48, 96, 96, 128, 160), 20, "ferplus",
               strong=False, rows="odd", averaged=False),
}  # fmt: skip


def change(x: torch.Tensor) -> torch.Tensor:
    """Flip, rotate, scale and shift each image, change its light, and erase a square in half."""
    n = len(x)
    angle = torch.empty(n).uniform_(-0.26, 0.26)
    scale = torch.empty(n).uniform_(0.85, 1.15)
    flip = torch.randint(0, 2, (n,)) * 2.0 - 1
    shift = torch.empty(n, 2).uniform_(-0.2, 0.2)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    top = torch.stack([cos * flip, -sin, shift[:, 0]], 1)
    bottom = torch.stack([sin * flip, cos, shift[:, 1]], 1)
    grid = functional.affine_grid(torch.stack([top, bottom], 1), list(x.shape), False)
    x = functional.grid_sample(x, grid, align_corners=False)
    gain = torch.empty(n, 1, 1, 1).uniform_(0.7, 1.3)
    x = (x - 0.5) * gain + 0.5 + torch.empty(n, 1, 1, 1).uniform_(-0.15, 0.15)
    corner, side = torch.randint(0, 40, (n, 2)), torch.randint(6, 18, (n,))
    line = torch.arange(48)
    down = (line >= corner[:, :1]) & (line < (corner[:, :1] + side[:, None]))
    across = (line >= corner[:, 1:]) & (line < (corner[:, 1:] + side[:, None]))
    hole = down[:, None, :, None] & across[:, None, None, :] & (torch.rand(n, 1, 1, 1) < 0.5)
    return torch.where(hole, torch.rand(n, 1, 1, 1), x).clamp(0, 1)


def mirror(x: torch.Tensor) -> torch.Tensor:
    """Mirror half of the images."""
    return torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, x.flip(3), x)


def faces(split: str, labels: str, rows: str = "all") -> Dataset:
    """Return some rows of a split of FER-2013, with its own labels or those of FER+."""
    data = course_faces.load("fer2013").split(split).take(ROWS[rows])
    if labels == "fer2013":
        return data
    votes = ferplus.votes(paths.raw_file(ferplus.VOTES_FILE), data)
    winners = ferplus.targets(votes).idxmax(axis=1)
    winners = winners[winners != "contempt"]
    chosen = data.take(votes.index.isin(winners.index))
    return replace(chosen, labels=np.array([emotions.number(str(name)) for name in winners]))


def accuracy(net: nn.Module, data: Dataset) -> float:
    """Return the accuracy of `net` on `data`."""
    net.eval()
    x = torch.from_numpy(data.x).permute(0, 3, 1, 2)
    with torch.inference_mode():
        guesses = torch.cat([net(part).argmax(1) for part in x.split(512)]).numpy()
    return float((guesses == data.labels).mean())


def train(name: str, out: Path, epochs: int | None) -> nn.Module:
    """Train one judge, saving after each epoch, and return it."""
    judge = JUDGES[name]
    epochs = epochs or judge.epochs
    torch.manual_seed(judge.seed)
    training = faces("Training", judge.labels, judge.rows)
    public = faces("PublicTest", judge.labels)
    images, labels = torch.from_numpy(training.images), torch.from_numpy(training.labels)
    net = judge.network().to(memory_format=torch.channels_last)
    augment = change if judge.strong else mirror
    average = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.998), use_buffers=True
    )
    optimizer = torch.optim.SGD(net.parameters(), 0.1, 0.9, weight_decay=5e-4, nesterov=True)
    steps = len(images) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.1, epochs * steps, pct_start=0.15, cycle_momentum=False
    )
    parts = {"net": net, "average": average, "optimizer": optimizer, "schedule": schedule}
    state = out / f"{name}.state.pt"
    first = 0
    if state.is_file():
        saved = torch.load(state, weights_only=True)
        first = saved.pop("epoch")
        for key, part in parts.items():
            part.load_state_dict(saved[key])
    for epoch in range(first, epochs):
        start, total = time.perf_counter(), 0.0
        torch.manual_seed(1000 * judge.seed + epoch)  # a resumed training sees the same batches
        net.train()
        order = torch.randperm(len(images))[: steps * BATCH].view(steps, BATCH)
        for rows in order:
            x = augment(images[rows][:, None].float() / 255)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = net(x.contiguous(memory_format=torch.channels_last))
            loss = functional.cross_entropy(logits.float(), labels[rows], label_smoothing=SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            average.update_parameters(net)
            total += loss.item()
        torch.save(
            {k: p.state_dict() for k, p in parts.items()} | {"epoch": epoch + 1}, f"{state}.part"
        )
        Path(f"{state}.part").replace(state)
        public_accuracy = accuracy(average.module if judge.averaged else net, public)
        seconds = time.perf_counter() - start
        print(
            f"judge {name} epoch {epoch + 1}/{epochs} loss {total / steps:.3f} "
            f"PublicTest {public_accuracy:.4f} {seconds:.0f} s",
            flush=True,
        )
    return (average.module if judge.averaged else net).eval()


def balance(net: nn.Module, labels: np.ndarray) -> None:
    """Make a network answer as if all emotions were equally frequent, in place.

    The clean drawn faces are balanced, but a network that saw 1 % disgust hardly ever answers it.
    Its logits lose the logarithm of each emotion's share among its labels, smoothed as in training.
    Source: Menon et al. (2021), Long-tail learning via logit adjustment.
    """
    shares = np.bincount(labels, minlength=7) / len(labels)
    smooth = (1 - SMOOTHING) * shares + SMOOTHING / 7
    last = list(net.children())[-1]
    with torch.no_grad():
        last.bias -= torch.from_numpy(np.log(smooth)).float()


def to_keras(net: nn.Module, name: str) -> keras.Model:
    """Return the Keras model that computes the same as `net`, with softmax at its end."""
    inputs = keras.Input((48, 48, 1), name="face")
    x = inputs
    weights: list[tuple[keras.layers.Layer, list[np.ndarray]]] = []

    def add(layer: nn.Module, x: keras.KerasTensor) -> keras.KerasTensor:
        if isinstance(layer, nn.Sequential):
            for inner in layer:
                x = add(inner, x)
            return x
        if isinstance(layer, Residual):
            y = add(layer.second, add(layer.first, x))
            return keras.layers.ReLU()(keras.layers.Add()([y, add(layer.shortcut, x)]))
        if isinstance(layer, nn.LayerNorm):
            made = keras.layers.LayerNormalization(
                axis=(1, 2, 3), epsilon=layer.eps, center=False, scale=False
            )
        elif isinstance(layer, nn.Conv2d):
            size, stride, pad = layer.kernel_size[0], layer.stride[0], layer.kernel_size[0] // 2
            # PyTorch pads both sides; Keras's "same" would not, where the stride is 2
            x = keras.layers.ZeroPadding2D(pad)(x) if pad else x
            if layer.groups > 1:
                made = keras.layers.DepthwiseConv2D(size, stride, use_bias=False)
            else:
                made = keras.layers.Conv2D(layer.out_channels, size, stride, use_bias=False)
            axes = (2, 3, 0, 1) if layer.groups > 1 else (2, 3, 1, 0)
            weights.append((made, [layer.weight.detach().permute(axes).numpy()]))
        elif isinstance(layer, nn.BatchNorm2d):
            made = keras.layers.BatchNormalization(epsilon=layer.eps)
            values = (layer.weight, layer.bias, layer.running_mean, layer.running_var)
            weights.append((made, [v.detach().numpy() for v in values]))
        elif isinstance(layer, nn.Linear):
            made = keras.layers.Dense(layer.out_features, activation="softmax", name="emotion")
            weights.append((made, [layer.weight.detach().numpy().T, layer.bias.detach().numpy()]))
        elif isinstance(layer, nn.MaxPool2d):
            made = keras.layers.MaxPooling2D(2)
        elif isinstance(layer, nn.AdaptiveAvgPool2d):
            made = keras.layers.GlobalAveragePooling2D()
        elif isinstance(layer, nn.ReLU):
            made = keras.layers.ReLU()
        else:  # Flatten, Dropout and Identity change nothing at prediction
            return x
        return made(x)

    model = keras.Model(inputs, add(net, x), name=f"judge_{name}")
    for layer, values in weights:
        layer.set_weights(values)
    return model


def main() -> None:
    """Train the judges named on the command line and save them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", choices=JUDGES, help="the judges to train")
    parser.add_argument("--out", type=Path, default=paths.root() / "models" / "judges")
    parser.add_argument("--epochs", type=int, help="instead of the number in the table")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names:
        net = train(name, options.out, options.epochs)
        found = [accuracy(net, faces("PublicTest", labels)) for labels in ("fer2013", "ferplus")]
        judge = JUDGES[name]
        if judge.balanced:
            balance(net, faces("Training", judge.labels, judge.rows).labels)
        model = to_keras(net, name)
        sample = course_faces.load("fer2013").split("PublicTest").x[:64]
        with torch.inference_mode():
            x = torch.from_numpy(sample).permute(0, 3, 1, 2)
            expected = net(x).softmax(1).numpy()
        gap = float(np.abs(keras.ops.convert_to_numpy(model(sample)) - expected).max())
        if gap > 1e-4:
            raise RuntimeError(f"judge {name}: Keras and PyTorch differ by {gap:.1e}")
        model.save(options.out / f"{name}.keras")
        print(
            f"judge {name} saved, {model.count_params():,} parameters, PublicTest {found[0]:.4f} "
            f"by its labels, {found[1]:.4f} by FER+'s, before it is balanced",
            flush=True,
        )


if __name__ == "__main__":
    main()
