"""The two batch examples: what is asked, what is written, and what a second run makes of it.

What needs Arrow or Ray is skipped where they are not installed; `make ray` has them, and runs a whole cluster besides.
"""

import asyncio
import json
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest

from anyfast_emulator import Failure
from anyfast_transport import BadRequestError
from langchain_anyfast import ChatAnyfast

EXAMPLES = Path(__file__).parents[2] / "examples"
# Ray and LangChain are imported here, which takes a minute on a very busy machine.
pytestmark = pytest.mark.timeout(180)

PROMPTS = [{"id": f"row-{n}", "prompt": f"Repeat: answer {n}"} for n in range(1, 9)]


@pytest.fixture(autouse=True)
def _place(anyfast_emulator, monkeypatch, tmp_path):
    monkeypatch.setenv("ANYFAST_API_KEY", anyfast_emulator.api_key)
    monkeypatch.setenv("ANYFAST_BASE_URL", anyfast_emulator.base_url)
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.chdir(tmp_path)
    write(Path("prompts.jsonl"), PROMPTS)


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


class TestBatch:
    """examples/batch.py"""

    @pytest.fixture
    def run(self, monkeypatch, capsys):
        def run(*arguments):
            monkeypatch.setattr(sys, "argv", ["batch.py", "prompts.jsonl", "answers.jsonl", *arguments])
            with pytest.raises(SystemExit) as ended:
                runpy.run_path(str(EXAMPLES / "batch.py"), run_name="__main__")
            return ended.value.code, *capsys.readouterr()

        return run

    def answers(self):
        return [json.loads(line) for line in Path("answers.jsonl").read_text(encoding="utf-8").splitlines()]

    def test_each_row_is_answered_once(self, run, anyfast_emulator):
        status, out, err = run("--concurrency", "3")
        assert status == 0
        assert sorted(one["id"] for one in self.answers()) == [one["id"] for one in PROMPTS]
        assert {one["id"]: one["text"] for one in self.answers()}["row-7"] == "answer 7"
        assert "8 of 8 rows answered, 0 were before. {'deepseek-v4-flash': {" in out
        assert "8/8" in err
        assert anyfast_emulator.connections <= 3

    def test_a_second_run_asks_what_has_no_answer(self, run, anyfast_emulator):
        run()
        kept = Path("answers.jsonl").read_bytes()[:-9]
        Path("answers.jsonl").write_bytes(kept)  # as a kill leaves it
        cut_off = ({one["id"] for one in PROMPTS} - {json.loads(line)["id"] for line in kept.splitlines()[:-1]}).pop()
        anyfast_emulator.requests.clear()
        status, out, _ = run()
        assert (status, "1 of 1 rows answered, 7 were before." in out) == (0, True)
        prompts = {one["id"]: one["prompt"] for one in PROMPTS}
        assert [one["messages"][0]["content"] for one in anyfast_emulator.requests] == [prompts[cut_off]]
        assert sorted(one["id"] for one in self.answers()) == [one["id"] for one in PROMPTS]

    def test_a_row_that_fails_is_told_and_asked_by_the_next_run(self, run, anyfast_emulator):
        anyfast_emulator.script(Failure(400, "Too blue."))
        status, out, err = run("--concurrency", "1")
        assert (status, "7 of 8 rows answered" in out) == (1, True)
        assert re.search(r"row-\d: BadRequestError: 400: Too blue\.", err)
        assert run()[0] == 0
        assert sorted(one["id"] for one in self.answers()) == [one["id"] for one in PROMPTS]

    def test_what_every_row_would_meet_ends_the_run(self, run, anyfast_emulator, monkeypatch):
        monkeypatch.setenv("ANYFAST_API_KEY", "wrong-key")
        write(Path("prompts.jsonl"), PROMPTS[:2])
        status, out, _ = run()
        assert "That did not work: 401: Invalid API key" in status
        assert "rows answered" not in out


class TestFiles:
    """examples/batch_files.py"""

    @pytest.fixture
    def files(self):
        pytest.importorskip("pyarrow")
        import batch_files

        return batch_files

    @pytest.fixture
    def answers(self, files):
        import pyarrow as pa

        answers = files.Answers("answers", pa.string())
        answers.take_over()
        return answers

    @pytest.mark.parametrize(
        ("rows", "words"),
        [
            ([{"id": "a", "text": "?"}], "has no column prompt. It has: ['id', 'text']"),
            ([{"key": "a"}], "has no column id and no prompt"),
            ([{"id": 1, "prompt": "a"}, {"id": 1, "prompt": "b"}], "0 ids or prompts are missing, and 1 ids are there"),
            ([{"id": 1, "prompt": "a"}, {"id": None, "prompt": "b"}], "1 ids or prompts are missing, and 0 ids"),
        ],
    )
    def test_prompts_that_cannot_be_asked(self, files, rows, words):
        write(Path("wrong.jsonl"), rows)
        with pytest.raises(files.UnusableError) as caught:
            files.read_prompts("wrong.jsonl")
        assert words in str(caught.value)

    def test_a_file_that_is_not_there(self, files):
        with pytest.raises(files.UnusableError, match=r"There is no nothing\.jsonl"):
            files.read_prompts("nothing.jsonl")

    def test_other_columns_are_left_out_and_texts_that_look_like_dates_stay_texts(self, files):
        write(Path("dates.jsonl"), [{"id": "2026-11-21", "prompt": "2026-11-21", "n": 1}])
        assert files.read_prompts("dates.jsonl").to_pylist() == [{"id": "2026-11-21", "prompt": "2026-11-21"}]

    def test_parquet_gives_the_same_table(self, files):
        import pyarrow.parquet as pq

        table = files.read_prompts("prompts.jsonl")
        assert table.to_pylist() == PROMPTS
        Path("folder").mkdir()
        for start in (0, 4):
            pq.write_table(table.slice(start, 4), f"folder/{start}.parquet")
        assert files.read_prompts("folder").equals(table)
        assert files.read_prompts("folder/4.parquet").to_pylist() == PROMPTS[4:]

    def test_the_row_of_an_answer(self, files):
        row = files.row_of("a", ChatAnyfast(model="deepseek-v4-flash").invoke("Repeat: hello"))
        assert row.pop("reasoning").startswith("The user asks")
        assert row.pop("input_tokens") > 0
        assert row.pop("output_tokens") > row.pop("reasoning_tokens") > 0
        said = {"id": "a", "text": "hello", "model": "deepseek-v4-flash", "finish_reason": "stop", "cached_tokens": 0}
        assert row == said

    def test_the_row_of_an_error(self, files):
        error = BadRequestError("400: No.", status_code=400)
        assert files.row_of(1, error) == {"id": 1, "error_type": "BadRequestError", "error": "400: No."}

    def test_a_block_that_is_written_twice_is_there_once(self, files, answers):
        rows = [{"id": "row-1", "text": "a"}, {"id": "row-2", "text": "b"}]
        assert not answers.hold(["row-1", "row-2"])
        answers.write(rows)
        answers.write(rows)
        assert answers.hold(["row-1", "row-2"])
        assert answers.table("id", "text").to_pylist() == rows
        assert answers.without_answer(files.read_prompts("prompts.jsonl")).to_pylist() == PROMPTS[2:]

    def test_a_new_run_shuts_out_the_old_one(self, files, answers):
        newer = files.Answers("answers", answers.schema.field("id").type)
        newer.take_over()
        with pytest.raises(files.UnusableError, match="Another run has begun"):
            answers.write([{"id": "late", "text": "a"}])
        newer.write([{"id": "new", "text": "b"}])
        assert newer.table("id").to_pylist() == [{"id": "new"}]

    def test_one_row_of_each_id_is_kept(self, answers):
        answers.write([{"id": "row-1", "text": "a"}, {"id": "row-2", "text": "b"}])
        answers.write([{"id": "row-2", "text": "B"}, {"id": "row-3", "text": "c"}])
        answers.write([{"id": "row-3", "text": "C"}])
        answers.drop_repeated()
        assert sorted(row["id"] for row in answers.table("id").to_pylist()) == ["row-1", "row-2", "row-3"]

    def test_a_new_run_drops_what_failed_and_what_was_not_finished(self, files, answers):
        failed = {"error_type": "ServerError", "error": "500"}
        answers.write([{"id": "row-1", "text": "a"}, {"id": "row-2", **failed}])
        answers.write([{"id": "row-3", **failed}])
        Path("answers/.0.unfinished").write_bytes(b"PAR1")
        answers.take_over()
        assert answers.table("id").to_pylist() == [{"id": "row-1"}]
        assert sorted(one.suffix for one in Path("answers").iterdir()) == ["", ".parquet"]


class TestRay:
    """examples/ray_batch.py, without a cluster"""

    @pytest.fixture
    def ray_batch(self):
        pytest.importorskip("ray", reason="make ray")
        import ray_batch

        return ray_batch

    @pytest.fixture
    def block(self, ray_batch):
        return ray_batch.read_prompts("prompts.jsonl")

    @pytest.fixture
    def answers(self, ray_batch, block):
        answers = ray_batch.Answers("answers", block.schema.field("id").type)
        answers.take_over()
        return answers

    @pytest.fixture
    def worker(self, ray_batch, answers):
        from ray import cloudpickle

        worker = ray_batch.Worker(ChatAnyfast(model="deepseek-v4-flash", max_retries=0), answers, 2)
        model, kept = cloudpickle.loads(cloudpickle.dumps((worker.model, answers)))  # as Ray sends them
        worker.model, worker.answers = model, kept
        return worker

    def told(self, told):
        return told.to_pylist()

    def test_the_command_that_the_docs_name(self, ray_batch, monkeypatch):
        page = (EXAMPLES.parent / "docs" / "scale.md").read_text(encoding="utf-8")
        [command] = re.findall(r"^\$ python examples/(ray_batch\.py .+)$", page, re.MULTILINE)
        monkeypatch.setattr(sys, "argv", shlex.split(command))
        args = ray_batch.parsed()
        assert (args.prompts, args.answers, args.workers, args.concurrency) == ("prompts.jsonl", "answers", 8, 16)

    async def test_a_block_is_asked_and_written(self, worker, block, answers, anyfast_emulator):
        assert self.told(await worker(block)) == [{"rows": 8, "failed": 0, "stopped": None}]
        texts = {row["id"]: row["text"] for row in answers.table("id", "text").to_pylist()}
        assert texts == {f"row-{n}": f"answer {n}" for n in range(1, 9)}
        assert anyfast_emulator.connections <= 2

    async def test_a_block_that_was_written_is_not_asked_again(self, worker, block, anyfast_emulator):
        await asyncio.gather(worker(block), worker(block.slice(0, 4)))
        anyfast_emulator.requests.clear()
        await worker(block)
        assert anyfast_emulator.requests == []

    async def test_a_row_that_fails_is_written_with_its_error(self, worker, block, answers, anyfast_emulator):
        anyfast_emulator.script(Failure(400, "Too blue."))
        assert self.told(await worker(block)) == [{"rows": 8, "failed": 1, "stopped": None}]
        errors = [row for row in answers.table("text", "error_type", "error").to_pylist() if row["error"]]
        assert [(row["text"], row["error_type"]) for row in errors] == [(None, "BadRequestError")]
        assert "Too blue." in errors[0]["error"]
        answers.take_over()
        assert len(answers.without_answer(block)) == 1

    async def test_what_every_row_would_meet_stops_the_worker_and_loses_no_answer(
        self, worker, block, answers, anyfast_emulator
    ):
        anyfast_emulator.script("one", "two", Failure(402, "No credit."))
        [told] = self.told(await worker(block))
        assert (told["rows"], told["failed"]) == (8, 0)
        assert told["stopped"].startswith("QuotaExceededError: 402: No credit.")
        kept = len(answers.table("id"))
        assert 2 <= kept < 8
        anyfast_emulator.requests.clear()
        await worker(block.slice(4))
        assert anyfast_emulator.requests == []

    async def test_a_worker_of_an_older_run_stops(self, worker, block, ray_batch, answers):
        ray_batch.Answers("answers", answers.schema.field("id").type).take_over()
        [told] = self.told(await worker(block))
        assert told["stopped"].startswith("Another run has begun")
        assert len(answers.table("id")) == 0

    async def test_the_report_adds_up_what_the_folder_holds(self, worker, block, answers, ray_batch, capsys):
        await worker(block)
        answers.write([{"id": "row-9", "error_type": "ServerError", "error": "500"}])
        answers.write([{"id": "of another input", "text": "a"}])
        write(Path("more.jsonl"), [*PROMPTS, {"id": "row-9", "prompt": "a"}, {"id": "row-10", "prompt": "b"}])
        assert ray_batch.report(answers, ray_batch.read_prompts("more.jsonl")) == 2
        out = capsys.readouterr().out
        assert re.search(r"^deepseek-v4-flash +8 ", out, re.MULTILINE)
        assert re.search(r"^\? +1 ", out, re.MULTILINE)  # nobody said which model
        assert "finished by: stop 8" in out
        assert "failed with: ServerError 1" in out
        assert "8 of 10 prompts are answered" in out

    @pytest.fixture
    def run(self, ray_batch, monkeypatch, capsys):
        """The whole program, with one worker in this process in the place of the cluster."""

        def ask_all(prompts, model, answers, args):
            [told] = asyncio.run(ray_batch.Worker(model, answers, args.concurrency)(prompts)).to_pylist()
            return {told["stopped"]} - {None}

        monkeypatch.setattr(ray_batch.ray, "init", lambda **_: None)
        monkeypatch.setattr(ray_batch.ray, "nodes", lambda: [{"Alive": True}])
        monkeypatch.setattr(ray_batch, "ask_all", ask_all)

        def run(prompts="prompts.jsonl"):
            arguments = ["ray_batch.py", prompts, "answers", "--model", "deepseek-v4-flash", "--max-retries", "0"]
            monkeypatch.setattr(sys, "argv", arguments)
            return ray_batch.main(), *capsys.readouterr()

        return run

    def test_a_run_that_has_answered_everything_asks_nothing_more(self, run, anyfast_emulator):
        status, out, _ = run()
        assert (status, "8 of 8 prompts are answered" in out) == (0, True)
        anyfast_emulator.requests.clear()
        status, out, _ = run()
        assert (status, "8 prompts, 0 without an answer" in out) == (0, True)
        assert anyfast_emulator.requests == []

    def test_failed_rows_have_a_status_of_their_own_and_are_asked_by_the_next_run(self, run, anyfast_emulator):
        anyfast_emulator.script(Failure(400, "Too blue."))
        status, out, _ = run()
        assert (status, "failed with: BadRequestError 1" in out) == (3, True)
        status, out, _ = run()
        assert (status, "8 prompts, 1 without an answer" in out) == (0, True)
        assert len(anyfast_emulator.requests) == 9

    def test_a_run_that_cannot_go_on_says_why(self, run, monkeypatch):
        monkeypatch.setenv("ANYFAST_API_KEY", "wrong-key")
        status, _, err = run()
        assert (status, "The run had to stop. AuthenticationError: 401: Invalid API key" in err) == (1, True)
        assert "wrong-key" not in err

    def test_a_run_that_cannot_begin_says_why(self, run):
        status, _, err = run("nothing.jsonl")
        assert (status, err) == (1, "That did not work: There is no nothing.jsonl.\n")

    def test_an_interrupted_run_ends_quietly(self, run, ray_batch, monkeypatch):
        def interrupted(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(ray_batch, "ask_all", interrupted)
        status, _, err = run()
        assert (status, err) == (130, "\nInterrupted. The same command goes on.\n")
