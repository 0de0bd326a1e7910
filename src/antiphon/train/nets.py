"""The nets: a body that carries the past (GRU or transformer) and any-order heads that predict the next event.

Letters: B pieces, T events, D the body's width, C the heads' width, K the values of a field, 4 the fields.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from antiphon.codec.beats import BEAT_FEATURES, LINES, PHASES
from antiphon.codec.sounding import CHANNELS, FEATURES
from antiphon.codec.stream import INSTRUMENT, PITCH, SIZES, TICK, TIME, TIME_FIRST, TIME_LAST
from antiphon.music.event import INSTRUMENTS

__all__ = ["AnyOrderHeads", "GruBody", "Net", "NetConfig", "StreamNet", "TransformerBody"]

_PITCHES = CHANNELS * 128  # where the instruments begin in the sounding features
_SECONDS = torch.from_numpy((TIME_FIRST + TIME_LAST) / 2 * TICK).float()  # the middle of each bin of time


@dataclass(frozen=True)
class NetConfig:
    """The shape of a net. Its `family` says what it predicts: the stream's fields in any order, or words one by one."""

    family: str = "stream"  # or "token"
    body: str = "gru"  # or "transformer"
    width: int = 512
    layers: int = 2
    head_width: int = 256  # of the stream family only
    n_heads: int = 8  # transformer only
    window: int = 256  # transformer only: events, or words, that a layer looks back on, itself included
    feed_forward: int = 0  # transformer only: hidden units of the feed-forward net; 0: 8/3 of the width
    dropout: float = 0.0
    beat: bool = False  # of the stream family only: whether it is told where beats fall

    def __post_init__(self) -> None:
        if self.family not in ("stream", "token"):
            raise ValueError(f"no family of nets is called {self.family!r}: there are stream and token")
        if self.body not in ("gru", "transformer"):
            raise ValueError(f"no body is called {self.body!r}: there are gru and transformer")
        for name in ("width", "layers", "head_width", "n_heads", "window"):
            if getattr(self, name) < 1:
                raise ValueError(f"a net's {name} must be 1 or more, not {getattr(self, name)}")
        if self.beat and self.family != "stream":
            raise ValueError(f"only nets of the family stream are told where beats fall, not those of {self.family}")
        if self.feed_forward < 0:
            raise ValueError(f"a net's feed_forward must be 0 or more, not {self.feed_forward}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be 0 or more and less than 1, not {self.dropout:g}")
        if self.body == "transformer" and self.width % (2 * self.n_heads):
            raise ValueError(f"a transformer's width must be a multiple of {2 * self.n_heads}, not {self.width}")

    @property
    def features(self) -> int:
        """How many numbers a net is told beside an event: what sounds, and where its beat falls."""
        return FEATURES + (BEAT_FEATURES if self.beat else 0)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Net(nn.Module, ABC):
    """What is trained: a body that carries the past, under what predicts from it."""

    body: nn.Module

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def top(self) -> nn.Module:
        """What predicts from what the body carries."""


class GruBody(nn.Module):
    """Residual GRU layers: x + GRU(norm(x)), each with a state of D numbers."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(config.layers))
        self.grus = nn.ModuleList(nn.GRU(config.width, config.width, batch_first=True) for _ in range(config.layers))
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:  # (B, T, D) -> (B, T, D)
        for norm, gru in zip(self.norms, self.grus, strict=True):
            x = x + self.dropout(gru(norm(x))[0])
        return x


def rotate(x: Tensor, positions: Tensor) -> Tensor:
    """Rotary position embedding (Su et al. 2021) of x (..., T, d), d even, at positions (T,)."""
    half = x.shape[-1] // 2
    rate = 10_000.0 ** (-torch.arange(half, dtype=torch.float32, device=x.device) / half)
    angle = positions.float()[:, None] * rate
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


class RMSNorm(nn.Module):
    """Root-mean-square norm (Zhang & Sennrich 2019), written out because the exporter does not know torch's own."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        scaled = (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + 1e-6)).to(x.dtype)
        return scaled * self.weight


class TransformerLayer(nn.Module):
    """Pre-norm attention over a sliding window and a SwiGLU (Shazeer 2020), both residual."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        D = config.width
        self.n_heads, self.window = config.n_heads, config.window
        self.norm1, self.norm2 = RMSNorm(D), RMSNorm(D)
        self.qkv, self.out = nn.Linear(D, 3 * D, bias=False), nn.Linear(D, D, bias=False)
        hidden = config.feed_forward or (8 * D // 3 + 31) // 32 * 32
        self.gate_up, self.down = nn.Linear(D, 2 * hidden, bias=False), nn.Linear(hidden, D, bias=False)
        self.dropout = nn.Dropout(config.dropout)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of x (B, T, D), each (B, heads, T, d), positions not yet applied."""
        B, T, D = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(B, T, 3, self.n_heads, D // self.n_heads).permute(2, 0, 3, 1, 4)
        return q, k, v

    def feed_forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up(self.norm2(x)).chunk(2, dim=-1)
        return cast(Tensor, self.down(F.silu(gate) * up))

    def forward(self, x: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        q, k, v = self.split(x)
        y = F.scaled_dot_product_attention(rotate(q, positions), rotate(k, positions), v, attn_mask=mask)
        x = x + self.dropout(self.out(y.transpose(1, 2).flatten(2)))
        return cast(Tensor, x + self.dropout(self.feed_forward(x)))


class TransformerBody(nn.Module):
    """A decoder that sees `window` events back in each layer."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        self.window = config.window
        self.layers = nn.ModuleList(TransformerLayer(config) for _ in range(config.layers))

    def forward(self, x: Tensor) -> Tensor:  # (B, T, D) -> (B, T, D)
        positions = torch.arange(x.shape[1], device=x.device)
        back = positions[:, None] - positions[None, :]
        mask = (back >= 0) & (back < self.window)
        for layer in self.layers:
            x = layer(x, positions, mask)
        return x


def on_the_beat(gates: Tensor, told: Tensor) -> Tensor:
    """Shifts of the logits of times (..., K) by where each would fall: none where no beat is known.

    They are a sum of waves, one for each phase that is told of the last event, told (..., BEAT_FEATURES), which turns
    on at its rate; the gates (..., 2 PHASES) are the waves' heights at phase 0 and a quarter of a turn later.
    """
    known, sine, cosine, tempo, meter = torch.split(told, [1, PHASES, PHASES, 1, 1], dim=-1)
    beats = 2 * torch.exp(math.log(2) * tempo)  # a second
    rate = torch.cat([beats * line for line in LINES] + [beats / (4 * meter).clamp(min=1)], dim=-1)
    turned = 2 * torch.pi * rate[..., None] * _SECONDS.to(told.device)  # (..., PHASES, K)
    a, b = gates.chunk(2, dim=-1)
    ahead, aside = a * cosine + b * sine, b * cosine - a * sine
    waves = ahead[..., None] * turned.cos() + aside[..., None] * turned.sin()
    return known * waves.sum(-2)


class AnyOrderHeads(nn.Module):
    """Logits of each field given the body and any known subset of the other fields (as in NADE, Uria et al. 2014).

    A known field adds its embedding; a known pitch also adds what that pitch is doing (sounding, for how long).
    The logits of pitches and instruments are shifted by gates times what sounds, so that a release finds its note.
    Where beats are told, those of times are shifted by how each falls in the beat, see `on_the_beat`.
    """

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        C, hidden = config.head_width, 2 * config.head_width
        self.base = nn.Linear(config.width, C)
        self.known = nn.ModuleList(nn.Embedding(K, C) for K in SIZES)
        self.touch = nn.Linear(CHANNELS, C, bias=False)
        self.field = nn.Parameter(torch.zeros(len(SIZES), C))
        self.norm = nn.LayerNorm(C)
        self.up = nn.ModuleList(nn.Linear(C, hidden) for _ in SIZES)
        self.out = nn.ModuleList(nn.Linear(hidden, K) for K in SIZES)
        self.pitch_gate = nn.Linear(hidden, CHANNELS)
        self.instrument_gate = nn.Linear(hidden, 1)
        if config.beat:
            self.time_gate = nn.Linear(hidden, 2 * PHASES)
            nn.init.zeros_(self.time_gate.weight)
            nn.init.zeros_(self.time_gate.bias)
        self.knows_beats = config.beat

    def facts(self, codes: Tensor, sounding: Tensor) -> list[Tensor]:
        """What each field would add if it were known, from codes (..., 4): four tensors (..., C)."""
        facts = [table(codes[..., g]) for g, table in enumerate(self.known)]
        channels = sounding[..., :_PITCHES].reshape(*sounding.shape[:-1], CHANNELS, 128)
        pitch = codes[..., PITCH, None, None].expand(*channels.shape[:-1], 1)
        facts[PITCH] = facts[PITCH] + self.touch(channels.gather(-1, pitch).squeeze(-1))
        return facts

    def logits(self, f: int, base: Tensor, facts: Tensor | None, sounding: Tensor) -> Tensor:
        """Logits (..., K) of field f, from the base (..., C) and the sum of known facts (..., C)."""
        z = base + self.field[f] if facts is None else base + self.field[f] + facts
        y = F.gelu(self.up[f](self.norm(z)))
        logits: Tensor = self.out[f](y)
        if f == PITCH:
            channels = sounding[..., :_PITCHES].reshape(*sounding.shape[:-1], CHANNELS, 128)
            logits = logits + (self.pitch_gate(y).unsqueeze(-1) * channels).sum(-2)
        if f == INSTRUMENT:
            logits = logits + self.instrument_gate(y) * sounding[..., _PITCHES:FEATURES]
        if f == TIME and self.knows_beats:
            logits = logits + on_the_beat(self.time_gate(y), sounding[..., FEATURES:])
        return logits

    def forward(self, h: Tensor, codes: Tensor, known: Tensor, sounding: Tensor) -> list[Tensor]:
        """Logits of every field: h (B, T, D), codes (B, T, 4), known (..., 4, 4): field f may see field g."""
        base, facts = self.base(h), self.facts(codes, sounding)
        seen = known.to(base.dtype)
        return [
            self.logits(f, base, sum((seen[..., f, g, None] * facts[g] for g in range(4) if g != f), base.new_zeros(1)),
                        sounding)
            for f in range(4)
        ]  # fmt: skip


class StreamNet(Net):
    """The whole net: embeds events, carries them through the body, predicts the next one's fields in any order.

    Beside the events it is told what sounds. Where its config says `beat`, where beats fall stands behind that in the
    same array.
    """

    def __init__(self, config: NetConfig) -> None:
        super().__init__(config)
        self.embed = nn.ModuleList(nn.Embedding(K, config.width) for K in SIZES)
        self.hear = nn.Linear(config.features, config.width, bias=False)
        self.start = nn.Parameter(torch.zeros(config.width))
        self.body = GruBody(config) if config.body == "gru" else TransformerBody(config)
        self.norm = nn.LayerNorm(config.width)
        self.heads = AnyOrderHeads(config)
        for table in [*self.embed, *self.heads.known]:
            nn.init.normal_(cast(nn.Embedding, table).weight, std=0.5 / len(SIZES) ** 0.5)
        for out in self.heads.out:
            nn.init.zeros_(cast(nn.Linear, out).weight)  # begin with the fields even

    def top(self) -> nn.Module:
        """The heads."""
        return self.heads

    def embedded(self, codes: Tensor) -> Tensor:  # (B, T, 4) -> (B, T, D)
        return torch.stack([table(codes[..., f]) for f, table in enumerate(self.embed)]).sum(0)

    def hidden(self, codes: Tensor, sounding: Tensor) -> Tensor:
        """What is known before each event: codes (B, T, 4), sounding before each event (B, T, F) -> (B, T, D)."""
        past = self.embedded(codes[:, :-1])
        x = torch.cat([self.start.to(past.dtype).expand(len(codes), 1, -1), past], dim=1) + self.hear(sounding)
        return cast(Tensor, self.norm(self.body(x)))

    def forward(self, codes: Tensor, sounding: Tensor, known: Tensor) -> list[Tensor]:
        """Logits of the four fields of every event, each (B, T, K); see `AnyOrderHeads.forward`."""
        return cast("list[Tensor]", self.heads(self.hidden(codes, sounding), codes, known, sounding))


assert FEATURES == _PITCHES + INSTRUMENTS
