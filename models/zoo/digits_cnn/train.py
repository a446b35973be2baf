"""Train digits_cnn in a few seconds: python models/zoo/digits_cnn/train.py --logdir DIR

Writes weights.pt beside this file, and training curves, the graph and sample images for `tensorboard --logdir DIR`.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorBoard's writer imports TensorFlow where it is installed

import numpy as np  # noqa: E402
import torch  # noqa: E402
from model import DigitsCNN, evaluate, split  # noqa: E402
from torch import nn  # noqa: E402
from torch.utils.tensorboard import SummaryWriter  # noqa: E402

BATCH = 64
PEAK_LEARNING_RATE = 6e-3
WEIGHT_DECAY = 1e-3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logdir", type=Path, required=True, help="folder for TensorBoard")
    parser.add_argument("--weights", type=Path, default=Path(__file__).with_name("weights.pt"), help="file to write")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    network = DigitsCNN()
    with SummaryWriter(str(arguments.logdir)) as log:
        log_inputs(network, log)
        accuracy = train(network, arguments.epochs, log)
    torch.save(network.state_dict(), arguments.weights)
    sys.stdout.write(f"held-out accuracy {accuracy:.4f}, weights in {arguments.weights}\n")
    return 0


def log_inputs(network: nn.Module, log: SummaryWriter) -> None:
    """Log the network's graph and a sheet of sample images."""
    images = torch.from_numpy(split()[0][:32])
    log.add_images("samples", images)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the graph is made by torch.jit.trace, which warns that it is deprecated
        log.add_graph(network.eval(), images)


def train(network: nn.Module, epochs: int, log: SummaryWriter) -> float:
    """Train with AdamW and the one-cycle schedule; return the held-out accuracy."""
    images, labels = (torch.from_numpy(np.ascontiguousarray(array)) for array in split()[:2])
    steps = epochs * -(-len(images) // BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LEARNING_RATE, total_steps=steps)
    accuracy = 0.0
    for epoch in range(epochs):
        network.train()
        losses = []
        for chosen in torch.randperm(len(images)).split(BATCH):
            loss = nn.functional.cross_entropy(network(images[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        accuracy = held_out_accuracy(network)
        log.add_scalar("loss/train", float(np.mean(losses)), epoch)
        log.add_scalar("accuracy/held_out", accuracy, epoch)
        log.add_scalar("learning_rate", schedule.get_last_lr()[0], epoch)
    return accuracy


def held_out_accuracy(network: nn.Module) -> float:
    """Measure the accuracy on the held-out images, in evaluation mode."""
    network.eval()

    def predict(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        with torch.inference_mode():
            return {"logits": network(torch.from_numpy(arrays["image"])).numpy()}

    return float(evaluate(predict)["accuracy"])


if __name__ == "__main__":
    sys.exit(main())
