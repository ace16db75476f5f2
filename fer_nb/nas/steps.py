"""The gradient steps of the bilevel search: of the weights, of the alphas to first and second order.

Liu, Simonyan and Yang 2019, algorithm 1. A batch is (views, targets): float32 (N, 3, 44, 44) and int64 (N,).
"""

import functools

import torch
from torch.nn import functional as F

from fer_nb.nas.discretise import KINDS
from fer_nb.nets import device as devices


def logits_and_loss(net, batch, dtype=torch.float32):
    views, targets = batch
    with devices.autocast(views.device, dtype):
        logits = net(views)
        return logits, F.cross_entropy(logits, targets)


def hits(logits, batch):
    return (logits.detach().argmax(1) == batch[1]).sum()


def learn(net, of_alphas=False, of_weights=False):
    """Choose what gradients are taken to. What is left out is not computed and not stored for."""
    for parameters, wanted in ((net.alphas.values(), of_alphas), (net.weights(), of_weights)):
        for parameter in parameters:
            parameter.requires_grad_(wanted)


def weights_step(net, optimizer, batch, clip=5.0, dtype=torch.float32):
    """One step of the weights with the alphas held; (loss, number right) on the device.

    ``clip``: largest norm of the gradient; 0 for no limit.
    """
    learn(net, of_weights=True)
    logits, loss = logits_and_loss(net, batch, dtype)
    optimizer.zero_grad()
    loss.backward()
    if clip:
        torch.nn.utils.clip_grad_norm_(net.weights(), clip)
    optimizer.step()
    return loss.detach(), hits(logits, batch)


def alpha_step(net, optimizer, batch, beta=0.0, dtype=torch.float32):
    """One first-order step of the alphas with the weights held; (loss, number right) on the device.

    ``beta``: weight of the mean logsumexp of each kind's alphas, which keeps any of them from running away: beta
    decay (Ye et al. 2022, equation 10). It is not part of the loss that is returned.
    """
    learn(net, of_alphas=True)
    logits, loss = logits_and_loss(net, batch, dtype)
    optimizer.zero_grad()
    (loss + beta_term(net, beta)).backward()
    optimizer.step()
    return loss.detach(), hits(logits, batch)


def beta_term(net, beta):
    return beta * sum(net.alphas[kind].logsumexp(1).mean() for kind in KINDS) if beta else 0.0


def second_order_step(net, optimizer, batch, train_batch, weights_optimizer, beta=0.0, dtype=torch.float32):
    """One step of the alphas that looks a step of the weights ahead (equations 6 to 8); returns as ``alpha_step``.

    Args:
        batch: of the alpha half.
        train_batch: of the weights half, for the step ahead.
        weights_optimizer: torch.optim.SGD of the weights, whose rate, momentum and decay the step ahead has.
    """
    weights, alphas = net.weights(), list(net.alphas.values())
    kept = [value.detach().clone() for value in weights]
    gradient = functools.partial(gradients, net, dtype=dtype)
    _, _, ahead = gradient(train_batch, weights)
    step_ahead(weights, ahead, weights_optimizer)
    logits, loss, found = gradient(batch, alphas + weights)
    of_alphas, direction = found[: len(alphas)], found[len(alphas) :]
    norm = torch.stack([g.norm() for g in direction if g is not None]).norm()
    size = 0.01 / norm.clamp_min(1e-12)
    sides = []
    for sign in (1, -1):
        put(weights, kept, direction, sign * size)
        sides.append(gradient(train_batch, alphas)[2])
    put(weights, kept, [None] * len(kept), 0)
    rate = weights_optimizer.param_groups[0]["lr"]
    learn(net, of_alphas=True)
    optimizer.zero_grad()
    if beta:
        beta_term(net, beta).backward()
    for alpha, own, up, down in zip(alphas, of_alphas, *sides, strict=True):
        change = own - rate * (up - down) / (2 * size)
        alpha.grad = change if alpha.grad is None else alpha.grad + change
    optimizer.step()
    return loss, hits(logits, batch)


def gradients(net, batch, parameters, dtype=torch.float32):
    """(logits, loss, gradients of the loss to ``parameters``: None where one has no part in it)."""
    learn(net)
    for parameter in parameters:
        parameter.requires_grad_(True)
    logits, loss = logits_and_loss(net, batch, dtype)
    return logits.detach(), loss.detach(), torch.autograd.grad(loss, parameters, allow_unused=True)


@torch.no_grad()
def step_ahead(weights, found, optimizer):
    """What ``optimizer`` would do next, without its memory of the step; weights without gradient stay."""
    group = optimizer.param_groups[0]
    for weight, g in zip(weights, found, strict=True):
        if g is None:
            continue
        moved = g + group["weight_decay"] * weight
        buffer = optimizer.state[weight].get("momentum_buffer") if weight in optimizer.state else None
        if buffer is not None:
            moved = moved + group["momentum"] * buffer
        weight.sub_(group["lr"] * moved)


@torch.no_grad()
def put(weights, kept, direction, size):
    for weight, value, g in zip(weights, kept, direction, strict=True):
        weight.copy_(value if g is None else value + size * g)


def largest_eigenvalue(net, batch, generator, iterations=10, dtype=torch.float32):
    """The eigenvalue of largest magnitude of the Hessian of the loss in the alphas, which grows before a search fails.

    Zela et al. 2020, section 4. By power iteration; the Hessian's products are central differences of the gradient.

    Args:
        net: Supernet of method "mixture": a sampled one has no smooth loss.
        batch: of the alpha half.
        generator: draws the first direction.
    """
    alphas = list(net.alphas.values())
    kept = [alpha.detach().clone() for alpha in alphas]
    direction = [torch.randn(a.shape, generator=generator, device=a.device, dtype=a.dtype) for a in alphas]
    size = 0.01
    for _ in range(iterations):
        norm = torch.stack([v.norm() for v in direction]).norm().clamp_min(1e-12)
        unit, sides = [v / norm for v in direction], []
        for sign in (1, -1):
            put(alphas, kept, unit, sign * size)
            sides.append(gradients(net, batch, alphas, dtype)[2])
        direction = [(up - down) / (2 * size) for up, down in zip(*sides, strict=True)]
    put(alphas, kept, unit, 0)
    return sum((u * v).sum() for u, v in zip(unit, direction, strict=True)).item()
