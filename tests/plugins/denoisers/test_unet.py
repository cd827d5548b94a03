import json

import attrs
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from recon.plugins.denoisers.unet import PRESETS, Architecture, UNet

SMALLEST = Architecture(
    width=8,
    multiples=(1, 2),
    blocks=1,
    attention=(False, True),
    heads=2,
    head_width=8,
    condition_width=16,
    groups=4,
    patch=2,
)


def perturbed(architecture=SMALLEST, channels=2, dtype=torch.float32):
    """A network as if trained: no parameter at its initial zero, outputs of order one."""
    generator = torch.Generator().manual_seed(0)
    net = UNet(architecture, channels=channels)
    with torch.no_grad():
        for parameter in net.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.add_(0.1 * noise)
    return net.to(dtype).eval()


def inputs(n, a, b, channels=2, dtype=torch.float32, seed=1):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn((n, channels, a, b), generator=generator).to(dtype)
    noise_level = 4 * torch.randn(n, generator=generator)
    return x, noise_level, torch.randint(0, 4, (n,), generator=generator)


@pytest.mark.parametrize("architecture", [SMALLEST, PRESETS["tiny"]])
@pytest.mark.parametrize("sides", [(16, 16), (17, 30), (1, 5), (33, 8)])
@pytest.mark.parametrize("periodic", [(False, False), (True, False), (True, True)])
def test_output_has_the_shape_of_the_slice(architecture, sides, periodic):
    y = perturbed(architecture)(*inputs(2, *sides), periodic)
    assert y.shape == (2, 2, *sides)
    assert y.isfinite().all()


@pytest.mark.parametrize("name", PRESETS)
def test_untrained_output_is_zero(name):
    if name == "paper":
        architecture = attrs.evolve(PRESETS[name], width=8, condition_width=16)
    else:
        architecture = PRESETS[name]
    x, noise_level, plane = inputs(1, 16, 16)
    assert torch.equal(UNet(architecture, channels=2)(x, noise_level, plane), torch.zeros_like(x))


@pytest.mark.parametrize("patch", [1, 2])
def test_sides_need_not_be_multiples_of_the_stride(patch):
    """Padding mirrors: a slice that is its own mirror image continues as if it were larger."""
    net = perturbed(attrs.evolve(SMALLEST, patch=patch), dtype=torch.float64)
    stride = net.architecture.stride
    assert stride == 2 * patch
    row = torch.tensor([1.0, -2.0, 3.0, 0.5], dtype=torch.float64)[:stride]
    large = row.expand(1, 2, stride, stride).clone()
    large[..., -1, :] = large[..., -2, :]
    level, plane = torch.zeros(1), torch.zeros(1, dtype=torch.long)
    part = net(large[..., :-1, :], level, plane)
    assert torch.allclose(part, net(large, level, plane)[..., :-1, :], atol=1e-12)


def test_every_plane_and_the_null_condition_differ():
    net = perturbed()
    x = inputs(1, 16, 16)[0].expand(4, -1, -1, -1)
    y = net(x, torch.zeros(4), torch.arange(4))
    for i in range(4):
        for j in range(i):
            assert (y[i] - y[j]).abs().max() > 1e-3


def test_noise_level_matters_and_is_clamped():
    net = perturbed()
    x = inputs(1, 16, 16)[0].expand(4, -1, -1, -1)
    levels = torch.tensor([0.0, 0.3, 20.0, float("inf")])
    y = net(x, levels, torch.zeros(4, dtype=torch.long))
    assert (y[0] - y[1]).abs().max() > 1e-3
    assert torch.allclose(y[2], y[3], atol=1e-5)


def test_one_condition_serves_the_whole_batch():
    net = perturbed(dtype=torch.float64)
    x, _, _ = inputs(3, 16, 16, dtype=torch.float64)
    one = net(x, torch.tensor([1.5]), torch.tensor([2]))
    each = net(x, torch.full((3,), 1.5), torch.full((3,), 2))
    assert torch.allclose(one, each, atol=1e-12)


def test_every_parameter_is_trained():
    net = perturbed().train()
    net(*inputs(8, 16, 16)).square().mean().backward()
    unused = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert unused == []


@pytest.mark.slow
def test_a_few_steps_of_training_lower_the_loss():
    torch.manual_seed(0)
    net = UNet(SMALLEST, channels=1)
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    clean = torch.where(torch.arange(16) % 8 < 4, 1.0, -1.0).expand(8, 1, 16, 16)
    losses = []
    for _ in range(40):
        noisy = clean + torch.randn(8, 1, 16, 16)
        prediction = net(noisy, torch.zeros(8), torch.zeros(8, dtype=torch.long))
        loss = (prediction - clean).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(1)
    assert losses[-1] < 0.3


@pytest.mark.parametrize("periodic", [(True, True), (True, False), (False, True)])
def test_periodic_network_commutes_with_a_roll_by_its_stride(periodic):
    net = perturbed(dtype=torch.float64)
    x, noise_level, plane = inputs(2, 16, 24, dtype=torch.float64)
    stride = net.architecture.stride
    for axis, wraps in zip((-2, -1), periodic, strict=True):
        rolled = net(x.roll(stride, axis), noise_level, plane, periodic)
        expected = net(x, noise_level, plane, periodic).roll(stride, axis)
        assert torch.allclose(rolled, expected, atol=1e-10) == wraps


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def check_place_in_the_batch(dtype, a=19, b=26):
    """The first three slices elsewhere in the batch, in other company: the same bits."""
    net = perturbed(PRESETS["tiny"], dtype=dtype)
    x, noise_level, plane = inputs(8, a, b, dtype=dtype)
    other_x, other_level, other_plane = inputs(8, a, b, dtype=dtype, seed=2)
    places = torch.tensor([6, 0, 3])
    other_x[places], other_level[places], other_plane[places] = x[:3], noise_level[:3], plane[:3]
    with torch.inference_mode():
        expected = net(x, noise_level, plane)[:3]
        assert expected.abs().max() > 1e-2
        assert torch.equal(net(other_x, other_level, other_plane)[places], expected)


def test_place_in_the_batch_does_not_matter_in_bfloat16():
    check_place_in_the_batch(torch.bfloat16)


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("sides", [(19, 26), pytest.param((60, 68), marks=pytest.mark.slow)])
def test_place_in_the_batch_does_not_matter_in_float32_on_two_threads(number, sides, threads):
    threads(number)
    check_place_in_the_batch(torch.float32, *sides)


@pytest.mark.parametrize("architecture", PRESETS.values(), ids=PRESETS)
def test_architecture_survives_json(architecture):
    stored = json.loads(json.dumps(attrs.asdict(architecture)))
    assert Architecture(**stored) == architecture


def parameters_and_flops(architecture):
    with torch.device("meta"):
        net = UNet(architecture, channels=1)
        x, level, plane = torch.empty(1, 1, 64, 64), torch.empty(1), torch.zeros(1).long()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            net(x, level, plane)
    return sum(p.numel() for p in net.parameters()), counter.get_total_flops()


def test_paper_preset_is_the_size_of_the_public_network():
    parameters, flops = parameters_and_flops(PRESETS["paper"])
    assert parameters == pytest.approx(260.7e6, rel=0.1)
    assert flops == pytest.approx(92.7e9, rel=0.1)


def test_small_presets_are_small():
    tiny, small = (parameters_and_flops(PRESETS[name]) for name in ("tiny", "small"))
    assert tiny[0] * 4 < 8e6
    assert 3 * tiny[1] < small[1] < 1e9
