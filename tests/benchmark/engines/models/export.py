#!/usr/bin/env python3
"""export.py FOLDER: writes the networks of other kinds than the named ones as FOLDER/NAME.onnx with inputs, for tests/support/recipes.py strip.

Their graphs are what PyTorch's two exporters write; weights are random. Needs torch, torchvision, timm, onnx and onnxscript (the recipes here: 2.15,
0.29, 1.0.31, 1.23, 0.7).
"""
import pathlib
import sys

import numpy as np
import onnx
import timm
import torch
import torchvision
from torch import nn


class ConvBlock(nn.Sequential):
    def __init__(self, inputs, outputs, kernel=1, stride=1):
        super().__init__(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs), nn.SiLU())


class CrossStage(nn.Module):
    """Half of the channels goes through bottlenecks; all that they gave is joined."""

    def __init__(self, inputs, outputs, count, shortcut=True):
        super().__init__()
        self.half, self.shortcut = outputs // 2, shortcut
        self.first, self.last = ConvBlock(inputs, outputs), ConvBlock((2 + count) * self.half, outputs)
        self.blocks = nn.ModuleList(nn.Sequential(ConvBlock(self.half, self.half, 3), ConvBlock(self.half, self.half, 3)) for _ in range(count))

    def forward(self, x):
        parts = list(self.first(x).chunk(2, 1))
        for block in self.blocks:
            y = block(parts[-1])
            parts.append(parts[-1] + y if self.shortcut else y)
        return self.last(torch.cat(parts, 1))


class PyramidPool(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first, self.last, self.pool = ConvBlock(channels, channels // 2), ConvBlock(channels * 2, channels), nn.MaxPool2d(5, 1, 2)

    def forward(self, x):
        parts = [self.first(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.last(torch.cat(parts, 1))


class Detector(nn.Module):
    """One stage, three scales; sides of boxes as distributions over 16 distances."""

    def __init__(self, classes=80, width=(16, 32, 64, 128, 256), bins=16):
        super().__init__()
        w, self.bins, self.classes = width, bins, classes
        self.stem = nn.Sequential(ConvBlock(3, w[0], 3, 2), ConvBlock(w[0], w[1], 3, 2), CrossStage(w[1], w[1], 1), ConvBlock(w[1], w[2], 3, 2))
        self.c3 = CrossStage(w[2], w[2], 2)
        self.c4 = nn.Sequential(ConvBlock(w[2], w[3], 3, 2), CrossStage(w[3], w[3], 2))
        self.c5 = nn.Sequential(ConvBlock(w[3], w[4], 3, 2), CrossStage(w[4], w[4], 1), PyramidPool(w[4]))
        self.up = nn.Upsample(scale_factor=2)
        self.p4, self.p3 = CrossStage(w[4] + w[3], w[3], 1, False), CrossStage(w[3] + w[2], w[2], 1, False)
        self.d4, self.n4 = ConvBlock(w[2], w[2], 3, 2), CrossStage(w[2] + w[3], w[3], 1, False)
        self.d5, self.n5 = ConvBlock(w[3], w[3], 3, 2), CrossStage(w[3] + w[4], w[4], 1, False)

        def head(inputs, hidden, outputs):
            return nn.Sequential(ConvBlock(inputs, hidden, 3), ConvBlock(hidden, hidden, 3), nn.Conv2d(hidden, outputs, 1))
        self.box = nn.ModuleList(head(i, 64, 4 * bins) for i in w[2:])
        self.score = nn.ModuleList(head(i, classes, classes) for i in w[2:])
        for branch in (*self.box, *self.score):
            branch[-1].weight.data *= 0.1  # distances and scores that are not yet decided
        self.expectation = nn.Conv2d(bins, 1, 1, bias=False)
        self.expectation.weight.data[:] = torch.arange(bins, dtype=torch.float).view(1, bins, 1, 1)

    def forward(self, x):
        c3 = self.c3(self.stem(x))
        c4 = self.c4(c3)
        c5 = self.c5(c4)
        p4 = self.p4(torch.cat([self.up(c5), c4], 1))
        p3 = self.p3(torch.cat([self.up(p4), c3], 1))
        n4 = self.n4(torch.cat([self.d4(p3), p4], 1))
        n5 = self.n5(torch.cat([self.d5(n4), c5], 1))
        maps, anchors, strides = [], [], []
        for scale, level in enumerate((p3, n4, n5)):
            maps.append(torch.cat([self.box[scale](level), self.score[scale](level)], 1).flatten(2))
            rows, columns = int(level.shape[2]), int(level.shape[3])
            grid = torch.stack(torch.meshgrid(torch.arange(columns) + 0.5, torch.arange(rows) + 0.5, indexing="xy"))
            anchors.append(grid.flatten(1))
            strides.append(torch.full((1, rows * columns), 8.0 * 2**scale))
        sides, scores = torch.cat(maps, 2).split([4 * self.bins, self.classes], 1)
        sides = sides.view(x.shape[0], 4, self.bins, -1).transpose(1, 2).softmax(1)
        before, after = self.expectation(sides).view(x.shape[0], 4, -1).chunk(2, 1)
        grid = torch.cat(anchors, 1).unsqueeze(0)
        low, high = grid - before, grid + after
        return torch.cat([torch.cat([(low + high) / 2, high - low], 1) * torch.cat(strides, 1), scores.sigmoid()], 1)


class Ssd(nn.Module):
    """Scores and boxes in front of the suppression, which is another one for every rounding."""

    def __init__(self):
        super().__init__()
        self.net = torchvision.models.detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None)

    def forward(self, x):
        features = list(self.net.backbone(x).values())
        head = self.net.head(features)
        images = torchvision.models.detection.image_list.ImageList(x, [(320, 320)])
        anchors = self.net.anchor_generator(images, features)[0]
        boxes = self.net.box_coder.decode_single(head["bbox_regression"][0], anchors).clamp(0, 320)
        return boxes, head["cls_logits"][0].softmax(-1)


def settle(network, image):
    """Statistics of random images, so that activations keep their scale."""
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.train()
        norm.momentum = None
    with torch.no_grad():
        network(torch.cat([image, torch.randn_like(image)]))
    for norm in norms:
        norm.eval()
        norm.running_var.clamp_(min=1e-2)


NETWORKS = {  # name: network, size of the image, opset of the tracing exporter or 0 for the newer one
    "densenet121_b1": (lambda: torchvision.models.densenet121(weights=None), 224, 13),
    "detector_b1": (Detector, 320, 17),
    "efficientnet_b0_b1": (lambda: torchvision.models.efficientnet_b0(weights=None), 224, 0),
    "ssdlite_b1": (Ssd, 320, 11),
    "swin_t_b1": (lambda: torchvision.models.swin_t(weights=None), 224, 17),
    "vit_small_b1": (lambda: timm.create_model("vit_small_patch16_224"), 224, 0),
}


def main():
    folder = pathlib.Path(sys.argv[1])
    for name, (make, size, opset) in NETWORKS.items():
        torch.manual_seed(7)
        network, image, path = make().eval(), torch.randn(1, 3, size, size), folder / f"{name}.onnx"
        settle(network, image)
        kind = {"dynamo": False, "opset_version": opset} if opset else {"dynamo": True, "external_data": False}
        torch.onnx.export(network, (image,), str(path), **kind)
        inputs = path.with_suffix(".in")
        inputs.mkdir(exist_ok=True)
        np.save(inputs / "0.npy", image.numpy())
        (inputs / "inputs.txt").write_text(f"{onnx.load(str(path)).graph.input[0].name}\t0.npy\n")
        print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
