"""Asks a file of prompts on one machine, several at once. Run it again, and it asks what has no answer yet.

    pip install tqdm
    python examples/batch.py examples/prompts.jsonl answers.jsonl --concurrency 16

Each line of the prompts is an object with `id` and `prompt`. A row that fails is told, and asked by the next run.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from gateway import run
from langchain_core.callbacks import get_usage_metadata_callback
from tqdm import tqdm

from anyfast_transport import AuthenticationError, NotFoundError, QuotaExceededError
from langchain_anyfast import ChatAnyfast


def answered(answers: Path) -> set[str | int]:
    """The ids in the answers; a last line that a kill has cut off is taken away."""
    answers.touch()
    text = answers.read_bytes()
    os.truncate(answers, text.rfind(b"\n") + 1)
    return {json.loads(line)["id"] for line in text.split(b"\n")[:-1]}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("prompts", type=Path)
    parser.add_argument("answers", type=Path)
    parser.add_argument("--model", default="deepseek-v4-flash")
    parser.add_argument("--concurrency", type=int, default=16)
    args = parser.parse_args()
    done, failed = answered(args.answers), []
    rows = [row for row in map(json.loads, args.prompts.read_bytes().splitlines()) if row["id"] not in done]
    model, limit = ChatAnyfast(model=args.model, max_retries=5), {"max_concurrency": args.concurrency}
    with get_usage_metadata_callback() as used, args.answers.open("a", 1, "utf-8") as file, tqdm(rows) as bar:
        for part in (rows[start : start + 1000] for start in range(0, len(rows), 1000)):
            prompts = [row["prompt"] for row in part]
            async for at, answer in model.abatch_as_completed(prompts, limit, return_exceptions=True):
                bar.update()
                if isinstance(answer, Exception):
                    failed.append(answer)
                    bar.write(f"{part[at]['id']}: {type(answer).__name__}: {answer}", sys.stderr)
                else:
                    file.write(json.dumps({"id": part[at]["id"], "text": answer.text}, ensure_ascii=False) + "\n")
            for error in failed:
                if isinstance(error, (AuthenticationError, NotFoundError, QuotaExceededError)):
                    raise error  # the next part would meet the same; a batch cannot be left in its middle
    print(f"{len(rows) - len(failed)} of {len(rows)} rows answered, {len(done)} were before. {used.usage_metadata}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    run(main)
