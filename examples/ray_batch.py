"""Asks a file of prompts on all machines of a Ray cluster. Run it again, and it asks what has no answer yet.

    pip install "ray[data]" tqdm
    python examples/ray_batch.py prompts.jsonl answers --model deepseek-v4-flash --workers 4 --concurrency 16

The prompts are JSON lines or Parquet, with the columns `id` (unique) and `prompt`. The answers are a folder of Parquet
files: a worker writes the rows of one block as one file, and a later run leaves out the ids that the files hold.
docs/scale.md says what that promises, and what several machines need.
Exit status: 0 all answered, 3 some rows failed, 1 the run could not begin or go on, 130 interrupted.
"""

import argparse
import asyncio
import logging
import sys
from collections import Counter
from typing import Any

import batch_files
import pyarrow as pa
import pyarrow.compute as pc
import ray
from batch_files import TOKENS, Answers, UnusableError, read_prompts, row_of
from ray import cloudpickle
from ray.data import ActorPoolStrategy, DataContext
from ray.exceptions import RayError
from tqdm import tqdm

from anyfast_transport import (
    AnyfastError,
    AuthenticationError,
    NotFoundError,
    QuotaExceededError,
    UnsupportedParameterError,
)
from langchain_anyfast import ChatAnyfast

# What the next row would meet, too.
ENDS_THE_RUN = (AuthenticationError, NotFoundError, QuotaExceededError, UnsupportedParameterError)
BLOCKS_AT_ONCE = 2  # in one worker: while one block waits for its slowest answer, the next is asked


class Worker:
    """One model and its connections; Ray makes as many of them as --workers says."""

    def __init__(self, model: ChatAnyfast, answers: Answers, concurrency: int) -> None:
        self.model, self.answers, self.stopped = model, answers, None
        self.places = asyncio.Semaphore(concurrency)

    async def __call__(self, block: pa.Table) -> pa.Table:
        """Asks a block and writes its file; what Ray hears of it are counts."""
        ids, rows = block["id"].to_pylist(), []
        # Ray gives the block of a worker that died to another, and it may have died behind its write.
        if not await asyncio.to_thread(self.answers.hold, ids):
            asked = await asyncio.gather(*map(self.ask, ids, block["prompt"].to_pylist()))
            rows = [row for row in asked if row]
        if rows:
            try:
                await asyncio.to_thread(self.answers.write, rows)
            except UnusableError as error:
                self.stopped, rows = str(error), []
        failed = sum("error" in row for row in rows)
        return pa.table({"rows": [len(ids)], "failed": [failed], "stopped": pa.array([self.stopped], pa.string())})

    async def ask(self, row_id: str | int, prompt: str) -> dict[str, Any] | None:
        """Asks for one row; None if the run has to stop."""
        async with self.places:
            if self.stopped:
                return None
            try:
                return row_of(row_id, await self.model.ainvoke(prompt))
            except ENDS_THE_RUN as error:
                # Raising would throw away answers that are paid for; the blocks that follow come back unasked.
                self.stopped = self.stopped or f"{type(error).__name__}: {error}"
                return None
            except AnyfastError as error:
                return row_of(row_id, error)


def ask_all(prompts: pa.Table, model: ChatAnyfast, answers: Answers, args: argparse.Namespace) -> set[str]:
    """Asks on the cluster, shows how far it is, and returns why workers stopped, if they did."""
    cloudpickle.register_pickle_by_value(batch_files)  # other machines do not have this folder
    DataContext.get_current().enable_progress_bars = False  # tqdm counts rows, Ray's bars count blocks
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    blocks = [prompts.slice(start, args.rows_per_file) for start in range(0, len(prompts), args.rows_per_file)]
    asked = ray.data.from_arrow(blocks).map_batches(
        Worker,
        fn_constructor_args=(model, answers, args.concurrency),
        compute=ActorPoolStrategy(size=min(args.workers, len(blocks)), max_concurrent_calls_per_actor=BLOCKS_AT_ONCE),
        batch_format="pyarrow",
        num_cpus=0.25,  # a worker waits most of the time
    )
    failed, stopped = 0, set()
    with tqdm(total=len(prompts), unit=" rows", mininterval=1) as bar:
        for told in asked.iter_batches(batch_size=None, batch_format="pyarrow"):
            failed += pc.sum(told["failed"]).as_py()
            stopped.update(told["stopped"].drop_null().to_pylist())
            bar.set_postfix(failed=failed, refresh=False)
            bar.update(pc.sum(told["rows"]).as_py())
    return stopped


def report(answers: Answers, prompts: pa.Table) -> int:
    """Prints what the folder holds, and returns how many of the prompts have no answer."""
    table = answers.table("id", "model", "finish_reason", "error_type", *TOKENS)
    done = table.filter(pc.field("error_type").is_null())
    by_model = done.group_by("model").aggregate([([], "count_all"), *((name, "sum") for name in TOKENS)])
    print(f"{'model':<24}" + "".join(f"{name:>18}" for name in ("rows", *TOKENS)))
    for row in by_model.sort_by("model").to_pylist():
        counts = (row["count_all"], *(row[f"{name}_sum"] or 0 for name in TOKENS))
        print(f"{row['model'] or '?':<24}" + "".join(f"{count:>18,}" for count in counts))
    for title, column in (("finished by", done["finish_reason"]), ("failed with", table["error_type"])):
        counted = Counter(column.drop_null().to_pylist()).most_common()
        print(f"{title}: {', '.join(f'{name} {count:,}' for name, count in counted) or 'none'}")
    left = pc.sum(pc.invert(pc.is_in(prompts["id"], value_set=done["id"]))).as_py() or 0
    print(f"{len(prompts) - left:,} of {len(prompts):,} prompts are answered, in {answers.folder}")
    return left


def count(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("1 or more")
    return number


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("prompts", help="file or URI: JSON lines or Parquet, with the columns id and prompt")
    parser.add_argument("answers", help="folder or URI, the same place for all machines")
    parser.add_argument("--model", required=True)
    parser.add_argument("--base-url", help="the gateway (default: ANYFAST_BASE_URL, or Anyfast)")
    parser.add_argument("--thinking", choices=["on", "off"], help="(default: as the model does)")
    parser.add_argument("--max-tokens", type=count, help="of one answer")
    parser.add_argument("--max-retries", type=int, default=5, help="of one row (default: %(default)s)")
    parser.add_argument("--timeout", type=float, default=600, help="of one request, in seconds (default: %(default)s)")
    parser.add_argument("--workers", type=count, help="in the whole cluster (default: one for each machine)")
    parser.add_argument("--concurrency", type=count, default=16, help="requests of a worker (default: %(default)s)")
    parser.add_argument("--rows-per-file", type=count, default=32, help="written together (default: %(default)s)")
    return parser.parse_args()


def main() -> int:
    args = parsed()
    given = {name: getattr(args, name) for name in ("base_url", "max_tokens", "max_retries", "timeout")}
    given["thinking"] = {"on": True, "off": False}.get(args.thinking)
    try:
        said = {name: value for name, value in given.items() if value is not None}
        model = ChatAnyfast(model=args.model, on_empty="keep", **said)
        prompts = read_prompts(args.prompts)
        answers = Answers(args.answers, prompts.schema.field("id").type)
        answers.take_over()
        waiting = answers.without_answer(prompts)
        print(f"{len(prompts):,} prompts, {len(waiting):,} without an answer", flush=True)
        stopped: set[str] = set()
        if len(waiting):
            ray.init(logging_level=logging.WARNING)
            args.workers = args.workers or sum(node["Alive"] for node in ray.nodes())
            stopped = ask_all(waiting, model, answers, args)
            answers.drop_repeated()
        left = report(answers, prompts)
    except (UnusableError, OSError, ValueError, RayError) as error:  # Arrow's and pydantic's are ValueErrors
        print(f"That did not work: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on.", file=sys.stderr)
        return 130
    for words in sorted(stopped):
        print(f"The run had to stop. {words}", file=sys.stderr)
    return 1 if stopped else 3 if left else 0


if __name__ == "__main__":
    sys.exit(main())
