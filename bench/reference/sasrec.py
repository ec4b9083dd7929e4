"""SASRec in PyTorch, as fast as it is on a CPU: what `npm run bench:train` measures Attune against.

Kang and McAuley 2018 with what is usual today: pre-norm blocks, one loss at each position, a softmax over the target and
negatives that the batch shares, with logQ correction. Batches are padded to one length, as in the well-known
implementations; a history that is longer keeps its newest events.

Nothing is computed that is not needed: padding lies behind the events, so that causality alone hides it, and the loss is
taken at the positions that have a target. The item table has a dense gradient, as in the well-known implementations.

torch.compile was tried and is not used: 50 s to compile, and 10 to 20 % slower then on two cores without a GPU.

Reads one command a line from standard input and answers each with one line of JSON.
"""

import argparse
import json
import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, width: int, heads: int, expansion: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.project = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.expand = nn.Linear(width, expansion * width)
        self.contract = nn.Linear(expansion * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        parts = self.project(self.norm1(x)).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.dropout(self.output(mixed.transpose(1, 2).reshape(batch, length, width)))
        return x + self.dropout(self.contract(F.relu(self.expand(self.norm2(x)))))


class SASRec(nn.Module):
    def __init__(self, items: int, length: int, width: int, blocks: int, heads: int, expansion: int, dropout: float):
        super().__init__()
        self.items = nn.Embedding(items + 1, width)
        self.positions = nn.Embedding(length, width)
        nn.init.normal_(self.items.weight, std=width**-0.5)
        nn.init.normal_(self.positions.weight, std=width**-0.5)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, heads, expansion, dropout) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)

    def forward(self, items: torch.Tensor) -> torch.Tensor:
        """[B, L] items to [B, L, D] user vectors."""
        x = self.dropout(self.items(items) + self.positions.weight[: items.shape[1]])
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


def sampled_softmax(users, targets, negatives, table, correction):
    """Mean over [P, D] users of the loss of their targets against negatives that all share, less accidental hits.

    negatives: [N] items in ascending order; correction: [N] log of how often each was expected in the sample
    """
    scores = torch.mm(users, table(negatives).t()).sub_(correction)  # [P, N]
    place = torch.searchsorted(negatives, targets).clamp_(max=len(negatives) - 1)
    hits = (negatives[place] == targets).nonzero(as_tuple=True)[0]
    scores[hits, place[hits]] = -1e9
    positive = (users * table(targets)).sum(1, keepdim=True)
    # Copying the scores beside the target's is cheaper than a log-sum of them: that is several passes, this one is fused.
    return F.cross_entropy(torch.cat([positive, scores], 1), torch.zeros(len(users), dtype=torch.long))


def read_histories(path: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Offsets [users + 1] and items [events]: int32, both lengths first."""
    with open(path, "rb") as file:
        numbers = torch.frombuffer(bytearray(file.read()), dtype=torch.int32)
    users, events = int(numbers[0]), int(numbers[1])
    return numbers[2 : users + 3].long(), numbers[users + 3 : users + 3 + events].long()


class Bench:
    def __init__(self, options):
        torch.manual_seed(options.seed)
        self.options = options
        self.length = options.length
        offsets, items = read_histories(options.histories)
        kept = offsets[1:] - offsets[:-1] >= 2
        ends = offsets[1:][kept]
        sizes = (ends - offsets[:-1][kept]).clamp(max=self.length + 1)
        # [users, length + 1], the newest events first in time, then padding; 0 is padding
        columns = torch.arange(self.length + 1)
        places = (ends - sizes)[:, None] + columns
        real = columns < sizes[:, None]
        self.sequences = torch.where(real, items[places.clamp(max=len(items) - 1)] + 1, 0)
        self.sizes = sizes
        counts = torch.bincount(items + 1, minlength=options.items + 1).double()
        chances = (counts + 0.1).sqrt()
        chances[0] = 0
        self.cumulated = chances.cumsum(0)
        self.expected = torch.log(chances / chances.sum() * options.negatives).float()
        self.model = SASRec(
            options.items, self.length, options.width, options.blocks, options.heads, options.expansion, options.dropout
        )
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=1e-3, betas=(0.9, 0.98), weight_decay=0.01, fused=True
        )
        self.order = torch.empty(0, dtype=torch.long)
        self.use(options.batch, options.threads)

    def use(self, batch: int, threads: int):
        self.batch = batch
        torch.set_num_threads(threads)

    def step(self) -> tuple[int, float]:
        """One step of training. Returns the number of events in it, and the loss."""
        if len(self.order) < self.batch:
            self.order = torch.randperm(len(self.sequences))
        users, self.order = self.order[: self.batch], self.order[self.batch :]
        sequences = self.sequences[users]
        inputs, targets = sequences[:, :-1], sequences[:, 1:]
        # As many as asked for, with replacement; sorted, so that accidental hits are found without comparing all with all.
        points = torch.rand(self.options.negatives, dtype=torch.double) * self.cumulated[-1]
        negatives = torch.searchsorted(self.cumulated, points, right=True).clamp_(max=self.options.items).sort()[0]
        chosen = (targets > 0).flatten().nonzero(as_tuple=True)[0]
        vectors = self.model(inputs).flatten(0, 1)[chosen]
        loss = sampled_softmax(
            vectors, targets.flatten()[chosen], negatives, self.model.items, self.expected[negatives]
        )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimizer.step()
        return int(self.sizes[users].sum()), loss.item()

    def measure(self, seconds: float) -> dict:
        events, steps, loss = 0, 0, 0.0
        started = time.perf_counter()
        processor = time.process_time()
        while (passed := time.perf_counter() - started) < seconds:
            count, loss = self.step()
            events += count
            steps += 1
        return {
            "eventsPerSecond": events / passed,
            "cores": (time.process_time() - processor) / passed,
            "steps": steps,
            "slots": steps * self.batch * self.length,
            "loss": loss,
            "peakMemoryMb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }

    def tune(self, seconds: float, batches: list[int], threads: list[int]) -> dict:
        """Tries each batch size with each number of threads."""
        tried = []
        for count in threads:
            for batch in batches:
                self.use(batch, count)
                self.measure(seconds / 3)
                tried.append({"batch": batch, "threads": count, **self.measure(seconds)})
        return {"best": max(tried, key=lambda one: one["eventsPerSecond"]), "tried": tried}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--histories", required=True)
    for name in ("items", "length", "blocks"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name, default in (
        ("width", 64), ("heads", 1), ("expansion", 2), ("negatives", 512), ("batch", 128), ("threads", 1), ("seed", 1)
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--dropout", type=float, default=0.2)
    bench = Bench(parser.parse_args())
    print(json.dumps({"ready": True, "version": torch.__version__}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "tune":
            answer = bench.tune(command["seconds"], command["batches"], command["threads"])
        else:
            answer = bench.measure(command["seconds"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
