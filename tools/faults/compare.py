# ruff: noqa: T201  # it prints what it has to say
"""Turns the fault suite on other classes, and writes docs/faults.md. `make compare-faults`.

What is asked of them is what can be asked of anyone: a good answer where there is one to be had, an error of their own
where there is none, the number of requests that the retries promise, in time, and the connection closed.
"""

import datetime
import importlib.metadata
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS, PEERS = ("ChatAnyfast", "AnyfastLLM"), ("ChatOpenAI", "OpenAILike")
FILES = {
    "test_scenarios.py": "every_call_ends",
    "test_leaving.py": "caller_leave or before_its_first",
    "test_processes.py": "loops_in or loop_each or within_a",
}
ASKED = {
    "test_every_call_ends_as_it_should": "the call ends as it should",
    "test_the_gateway_sees_a_sync_caller_leave": "who leaves a stream leaves nothing running (sync)",
    "test_the_gateway_sees_an_async_caller_leave": "the same, async and cancelled",
    "test_a_call_that_is_cancelled_before_its_first_text": "a call cancelled before its first text",
    "test_ten_loops_in_a_row": "ten event loops in a row, each closes its connections",
    "test_eight_threads_with_a_loop_each": "eight threads with a loop each, as many requests as calls",
    "test_sync_within_a_running_loop": "sync calls within a running loop",
}
PACKAGES = (
    "anyfast-integrations",
    "langchain-openai",
    "llama-index-llms-openai-like",
    "openai",
    "httpx",
    "langchain-core",
    "llama-index-core",
)


def results():
    """(class, test, case) → whether it passed."""
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.xml"
        selection = " or ".join(FILES.values())
        subprocess.run(  # our own command
            [
                *(sys.executable, "-m", "pytest", "-q", "--timeout=20", "-n5", "-o", "filterwarnings=default"),
                *(f"--junitxml={report}", "-k", selection, *(f"tests/faults/{name}" for name in FILES)),
            ],
            cwd=ROOT,
            env={**os.environ, "FAULTS_AGAINST": ",".join(OURS + PEERS), "PYTHONPATH": str(ROOT)},
            stdout=sys.stderr,
            check=False,
        )
        cases = ET.parse(report).iter("testcase")  # noqa: S314  # pytest's own report
        for case in cases:
            test, _, parameters = case.get("name").partition("[")
            faces = [name for name in OURS + PEERS if name in parameters]
            if faces and case.find("skipped") is None:
                rest = "-".join(part for part in parameters.rstrip("]").split("-") if part != faces[0])
                failure = case.find("failure")
                passed = failure is None and case.find("error") is None
                yield (
                    faces[0],
                    test,
                    rest,
                    passed,
                    "" if passed else (failure.get("message") or "") if failure is not None else "error",
                )


def table(rows, width):
    head, *body = rows
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (head, ["---"] + ["---:"] * (width - 1), *body))


def page(found):
    faces = OURS + PEERS
    totals, per_test, failed = Counter(), defaultdict(Counter), defaultdict(Counter)
    for face, test, case, passed, _ in found:
        totals[face, passed] += 1
        per_test[test][face, passed] += 1
        if not passed and test == "test_every_call_ends_as_it_should":
            name = (
                case.partition("-")[2] if case.partition("-")[0] in ("invoke", "ainvoke", "stream", "astream") else case
            )
            failed[name][face] += 1

    def score(counts, face):
        passed, lost = counts[face, True], counts[face, False]
        return f"{passed} of {passed + lost}" if passed + lost else "–"

    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    rows = [
        ["", *faces],
        *([ASKED[test], *(score(counts, face) for face in faces)] for test, counts in per_test.items()),
    ]
    rows.append(
        [
            "**all**",
            *(
                f"**{100 * totals[face, True] / max(1, totals[face, True] + totals[face, False]):.1f} %**"
                for face in faces
            ),
        ]
    )
    lost = [["fault (of four ways to call)", *faces]]
    lost += [[name, *(counts[face] or "" for face in faces)] for name, counts in sorted(failed.items())]
    return f"""# Faults: who ends how

Written by `make compare-faults` on {datetime.datetime.now(datetime.UTC):%Y-%m-%d}, Python {sys.version.split()[0]}.
{versions}.

Each class meets the same gateway of raw bytes on the loopback (`tests/faults/`). A case is a fault in one way of
calling: whole or streamed, sync or async. It is passed if there is the right answer where one can be had, and else an
error of the class's own library that is neither a ValueError nor a TypeError; and if it was over in time. Ours must
also have sent the right number of requests and raised the right error; of the others that is not asked.

Other people's classes promise less than ours in places, and are not wrong for that: that a stream without a
finish_reason is no success, or that a call ends within its timeout whatever drips in, is what *we* promise.

{table(rows, len(faces) + 1)}

## Where cases are lost

{table(lost, len(faces) + 1)}
"""


def main():
    found = list(results())
    (ROOT / "docs/faults.md").write_text(page(found))
    print(f"docs/faults.md: {len(found)} cases")


if __name__ == "__main__":
    main()
