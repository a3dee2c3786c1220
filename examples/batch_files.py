"""The files of a batch: prompts in, answers out. ray_batch.py asks in between."""

import hashlib
import json
import uuid
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.json as pj
import pyarrow.parquet as pq
from langchain_core.messages import AIMessage
from pyarrow.fs import FileSelector, FileSystem, FileType

from anyfast_transport import AnyfastError

TEXTS = ("text", "reasoning", "model", "finish_reason", "error_type", "error")
TOKENS = ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")
LONGEST_LINE = 64 << 20  # bytes of JSON


class UnusableError(Exception):
    """A file or folder cannot be used; the message says why."""


def located(where: str) -> tuple[FileSystem, str]:
    """A path of this machine, or the URI of another place, as Arrow wants it."""
    return FileSystem.from_uri(where if "://" in where else str(Path(where).absolute()))


def read_prompts(where: str) -> pa.Table:
    """The columns `id` and `prompt` of a file of JSON lines, a Parquet file, or a folder of Parquet files."""
    files, path = located(where)
    if files.get_file_info(path).type is FileType.NotFound:
        raise UnusableError(f"There is no {where}.")
    lines = pads.JsonFileFormat(read_options=pj.ReadOptions(block_size=LONGEST_LINE))
    kind = lines if ".json" in Path(path).suffix else pads.ParquetFileFormat()
    found = pads.dataset(path, filesystem=files, format=kind)
    if missing := {"id", "prompt"} - set(found.schema.names):
        raise UnusableError(f"{where} has no column {' and no '.join(sorted(missing))}. It has: {found.schema.names}.")
    id_type = pa.int64() if pa.types.is_integer(found.schema.field("id").type) else pa.string()
    schema = pa.schema([("id", id_type), ("prompt", pa.string())])
    prompts = pads.dataset(path, schema, kind, files).to_table()
    empty = prompts["id"].null_count + prompts["prompt"].null_count
    twice = len(prompts) - len(prompts["id"].unique())
    if empty or twice:
        raise UnusableError(f"{where}: {empty} ids or prompts are missing, and {twice} ids are there more than once.")
    return prompts


def row_of(row_id: str | int, said: AIMessage | AnyfastError) -> dict[str, Any]:
    """One row of the output; what was not said is null."""
    if isinstance(said, AnyfastError):
        return {"id": row_id, "error_type": type(said).__name__, "error": str(said)}
    used = said.usage_metadata or {}
    return {
        "id": row_id,
        "text": said.text,
        "reasoning": said.additional_kwargs.get("reasoning_content"),
        "model": said.response_metadata.get("model_name"),
        "finish_reason": said.response_metadata.get("finish_reason"),
        "input_tokens": used.get("input_tokens"),
        "cached_tokens": used.get("input_token_details", {}).get("cache_read"),
        "output_tokens": used.get("output_tokens"),
        "reasoning_tokens": used.get("output_token_details", {}).get("reasoning"),
    }


class Answers:
    """A folder of Parquet files, each of which appears whole or not at all. Only the newest run can add to it."""

    def __init__(self, where: str, id_type: pa.DataType) -> None:
        self.files, self.folder = located(where)
        columns = [("id", id_type), *((name, pa.string()) for name in TEXTS), *((name, pa.int64()) for name in TOKENS)]
        self.schema, self.run = pa.schema(columns), uuid.uuid4().hex

    def take_over(self) -> None:
        """Shuts out workers that an earlier run left behind, and drops its failed rows, so that they are asked."""
        self.files.create_dir(self.folder)
        with self.files.open_output_stream(f"{self.folder}/.run") as stream:
            stream.write(self.run.encode())
        for one in self.files.get_file_info(FileSelector(self.folder)):
            if one.extension == "unfinished":
                self.files.delete_file(one.path)
        rows = self.table("__filename", "id", "error_type").filter(pc.field("error_type").is_valid())
        self._drop(zip(rows["__filename"].to_pylist(), rows["id"].to_pylist(), strict=True))

    def drop_repeated(self) -> None:
        """Keeps one row of each id, should a worker that was left behind have written in the moment of a take-over."""
        rows, seen = self.table("__filename", "id"), set()
        pairs = zip(rows["__filename"].to_pylist(), rows["id"].to_pylist(), strict=True)
        self._drop((path, row_id) for path, row_id in pairs if row_id in seen or seen.add(row_id))

    def without_answer(self, prompts: pa.Table) -> pa.Table:
        """Those of the prompts whose ids no file holds."""
        return prompts.filter(pc.invert(pc.is_in(prompts["id"], value_set=self.table("id")["id"])))

    def table(self, *columns: str) -> pa.Table:
        """Some columns of all that the folder holds."""
        return pads.dataset(self.folder, self.schema, "parquet", self.files).to_table(columns=list(columns))

    def hold(self, ids: list[Any]) -> bool:
        """Whether exactly these rows were written together."""
        return self.files.get_file_info(self._path(ids)).type is FileType.File

    def write(self, rows: list[dict[str, Any]]) -> None:
        """Adds rows as one file.

        Raises:
            UnusableError: a newer run has begun.
        """
        self._put(pa.Table.from_pylist(rows, self.schema), self._path([row["id"] for row in rows]))

    def _path(self, ids: list[Any]) -> str:
        # Named after its ids, a block that two workers have asked is still there once.
        return f"{self.folder}/{hashlib.sha256(json.dumps(ids).encode()).hexdigest()[:32]}.parquet"

    def _drop(self, rows: Iterable[tuple[str, Any]]) -> None:
        ids_by_file = defaultdict(list)
        for path, row_id in rows:
            ids_by_file[path].append(row_id)
        for path, ids in ids_by_file.items():
            table = pq.read_table(path, filesystem=self.files, partitioning=None)
            kept = table.filter(pc.invert(pc.is_in(table["id"], pa.array(ids, table.schema.field("id").type))))
            self._put(kept, path) if len(kept) else self.files.delete_file(path)

    def _put(self, table: pa.Table, path: str) -> None:
        unfinished = f"{self.folder}/.{uuid.uuid4().hex}.unfinished"
        with self.files.open_output_stream(unfinished) as stream:
            pq.write_table(table, stream)
        with self.files.open_input_stream(f"{self.folder}/.run") as stream:
            if stream.read().decode() != self.run:
                raise UnusableError(f"Another run has begun to write into {self.folder}.")
        self.files.move(unfinished, path)
