"""The net of counterpoint: predicts the hidden cells of a four-part score from the known ones, in any order.

After Coconet (Huang et al. 2017, arXiv 1903.07227), with a deeper reach for its cost: the raster of pitch x time is
folded into beats, four sixteenths a column, and instead of 3 x 3 convolutions each block mixes a few channels over
the whole of the pitch axis at once, over beats up to two bars away and over those anywhere that are like it, then all
channels at each place. The same weights serve every pitch (by the interval between two) and every beat: it is
equivariant to shifts by a beat, and to transposition but for the keyboard's ends and a bias for each pitch, by which
it knows where each voice lives. It is told where a piece begins and ends, since that is where cadences are.

Letters: B scores, V voices, T steps, N beats (T / 4), S = 4 steps a beat, P pitches, C channels, R mixed channels.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from antiphon.codec.grid import PITCHES, REST, STEPS_PER_BEAT, VOICES

__all__ = ["ChoraleNet", "ChoraleNetConfig", "PitchMix", "Recall"]

_CELLS = STEPS_PER_BEAT * VOICES  # cells a beat
_FURTHEST = 32  # beats, beyond which distances are not told apart


@dataclass(frozen=True)
class ChoraleNetConfig:
    """The shape of a net. `reach`: at which distances in beats, before and after, a block looks."""

    channels: int = 96
    hidden: int = 192
    mixed: int = 16  # channels that meet all other pitches
    moved: int = 16  # channels that meet other beats
    recalled: int = 16  # channels by which beats that are alike find each other, and as many that they then meet
    heads: int = 4  # ways of being alike
    blocks: int = 8
    reach: tuple[int, ...] = (1, 2, 4, 8)
    dropout: float = 0.05

    def __post_init__(self) -> None:
        object.__setattr__(self, "reach", tuple(self.reach))
        for name in ("channels", "hidden", "mixed", "moved", "recalled", "heads", "blocks"):
            if getattr(self, name) < 1:
                raise ValueError(f"a net's {name} must be 1 or more, not {getattr(self, name)}")
        if self.recalled % self.heads:
            raise ValueError(f"a net's {self.recalled} recalled channels cannot be shared out among {self.heads} heads")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be 0 or more and less than 1, not {self.dropout:g}")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class PitchMix(nn.Module):
    """Every pitch hears every other, by a weight that depends on the interval between them: (B, N, P, R) -> same."""

    def __init__(self, mixed: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(2 * PITCHES - 1, mixed, mixed) / (mixed * 12) ** 0.5)
        pitch = torch.arange(PITCHES)
        self.register_buffer("interval", pitch[:, None] - pitch[None, :] + PITCHES - 1, persistent=False)

    def matrix(self) -> Tensor:  # (P R, P R)
        blocks = self.weight[cast(Tensor, self.interval)]  # (P, P, R, R)
        return blocks.permute(0, 2, 1, 3).reshape(PITCHES * self.weight.shape[1], -1)

    def forward(self, x: Tensor) -> Tensor:
        return (x.flatten(2) @ self.matrix().to(x.dtype)).view_as(x)


class Recall(nn.Module):
    """Every beat hears those that are like it, wherever they are: (B, N, P, C) -> (B, N, P, recalled).

    Attention among beats (Vaswani et al. 2017, arXiv 1706.03762) whose queries and keys are a beat's channels at all
    pitches, so that a piece is recalled alike in every key; with a bias for each distance (T5: Raffel et al. 2020,
    arXiv 1910.10683). A chorale's lines return, often to the letter, further apart than convolutions reach.
    """

    def __init__(self, c: ChoraleNetConfig) -> None:
        super().__init__()
        self.heads = c.heads
        self.ask = nn.Linear(c.channels, 3 * c.recalled)
        self.distance = nn.Parameter(torch.zeros(c.heads, 2 * _FURTHEST + 1))

    def forward(self, x: Tensor) -> Tensor:
        B, N, P, _ = x.shape
        asked = self.ask(x).view(B, N, P, 3, self.heads, -1).permute(3, 0, 4, 1, 2, 5)  # (3, B, H, N, P, R / H)
        query, key, value = asked.flatten(-2)
        beat = torch.arange(N, device=x.device)
        apart = (beat[None] - beat[:, None]).clamp(-_FURTHEST, _FURTHEST) + _FURTHEST
        near = self.distance[:, apart].to(query.dtype)
        heard = F.scaled_dot_product_attention(query, key, value, attn_mask=near[None])
        return heard.view(B, self.heads, N, P, -1).permute(0, 2, 3, 1, 4).flatten(-2)


class Block(nn.Module):
    """x + MLP(x, other pitches, other beats near and alike) on (B, N, P, C)."""

    def __init__(self, c: ChoraleNetConfig) -> None:
        super().__init__()
        self.reach = c.reach
        self.split = (c.hidden, c.mixed, c.moved)
        self.norm = nn.LayerNorm(c.channels)
        self.enter = nn.Linear(c.channels, sum(self.split))
        self.pitches = PitchMix(c.mixed)
        self.from_pitches = nn.Linear(c.mixed, c.hidden, bias=False)
        self.from_beats = nn.Linear(2 * len(c.reach) * c.moved, c.hidden, bias=False)
        self.recall = Recall(c)
        self.from_recall = nn.Linear(c.recalled, c.hidden, bias=False)
        self.leave = nn.Linear(c.hidden, c.channels)
        self.dropout = nn.Dropout(c.dropout)
        with torch.no_grad():
            self.leave.weight.mul_(c.blocks**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        normal = self.norm(x)
        own, mixed, moved = self.enter(normal).split(self.split, dim=-1)
        furthest = max(self.reach)
        padded = F.pad(moved, (0, 0, 0, 0, furthest, furthest))
        N = x.shape[1]
        near = [padded[:, furthest + s * d : furthest + s * d + N] for d in self.reach for s in (-1, 1)]
        y = own + self.from_pitches(self.pitches(mixed)) + self.from_beats(torch.cat(near, dim=-1))
        y = y + self.from_recall(self.recall(normal))
        return cast(Tensor, x + self.leave(self.dropout(F.gelu(y))))


class ChoraleNet(nn.Module):
    """Logits of every cell's class, given which cells are known."""

    def __init__(self, config: ChoraleNetConfig) -> None:
        super().__init__()
        self.config = config
        C = config.channels
        self.notes = nn.Linear(_CELLS, C, bias=False)
        self.facts = nn.Linear(2 * _CELLS + 2, C)  # which cells are known, which of them rest; the piece's edges
        self.keyboard = nn.Parameter(torch.zeros(PITCHES, C))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(C)
        self.pitch_head = nn.Linear(C, _CELLS)
        self.rest_head = nn.Linear(C, _CELLS)
        nn.init.normal_(self.notes.weight, std=0.5)
        nn.init.zeros_(self.pitch_head.weight)
        nn.init.zeros_(self.rest_head.weight)
        nn.init.constant_(self.rest_head.bias, -3.0)  # rests are rare

    def forward(self, cells: Tensor, known: Tensor, edges: Tensor) -> Tensor:
        """cells (B, V, T) classes, known (B, V, T) 0 or 1, edges (B, N, 2) 0 or 1 -> logits (B, V, T, P + 1).

        T is a multiple of four and begins on a beat. `edges`: a piece's first beat, and its last, where they are in
        sight. What lies outside the piece is not known.
        """
        B, V, T = cells.shape
        N = T // STEPS_PER_BEAT
        resting = (cells == REST).to(known.dtype) * known
        sounding = F.one_hot(cells.clamp(max=PITCHES - 1), PITCHES).to(known.dtype) * (known - resting)[..., None]
        notes = sounding.view(B, V, N, STEPS_PER_BEAT, PITCHES).permute(0, 2, 4, 1, 3).reshape(B, N, PITCHES, _CELLS)
        facts = torch.cat([_by_beat(known), _by_beat(resting), edges], dim=-1)
        x = self.notes(notes) + self.facts(facts)[:, :, None] + self.keyboard
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        pitches = self.pitch_head(x).view(B, N, PITCHES, V, STEPS_PER_BEAT).permute(0, 3, 1, 4, 2)
        rests = self.rest_head(x.mean(2)).view(B, N, V, STEPS_PER_BEAT).transpose(1, 2)
        return torch.cat([pitches, rests[..., None]], dim=-1).reshape(B, V, T, PITCHES + 1)


def _by_beat(plane: Tensor) -> Tensor:  # (B, V, T) -> (B, N, V S)
    B, V, T = plane.shape
    return plane.view(B, V, T // STEPS_PER_BEAT, STEPS_PER_BEAT).transpose(1, 2).reshape(B, -1, V * STEPS_PER_BEAT)
