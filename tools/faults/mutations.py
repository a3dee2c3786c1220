# ruff: noqa: T201, E501  # it prints what it has to say; one row is one line
"""Takes one guard away at a time, on a copy, and looks for a test that misses it. `make mutations`; not for CI.

A guard whose absence no test notices is either not tested or not needed. Each row: what is taken away, the file, the
text that goes and the text that comes, and the tests that must fail for it (an expression for pytest's -k).
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
COPIED = (
    "anyfast_transport",
    "langchain_anyfast",
    "llama_index_anyfast",
    "anyfast_emulator",
    "tests",
    "pyproject.toml",
)

PLUGINS = ("-p", "pytest_asyncio.plugin", "-p", "pytest_timeout")
"""Others only make the start of fifty runs slow."""


class Guard(NamedTuple):
    name: str
    file: str
    old: str
    new: str
    tests: str
    folder: str = "tests/faults"


GUARDS = (
    Guard("arguments of nobody spoil the calls", "response/tool_calls.py", "self._astray = True", "pass", "told_apart", "tests/transport/response/test_tool_calls.py"),
    Guard("a piece without a name opens no call", "response/tool_calls.py", "return self._behind(call_id, index, text, named)",
          'return self._open("", call_id, index)', "told_apart or reach", "tests/transport/response/test_tool_calls.py"),
    Guard("an empty object may be a placeholder", "response/tool_arguments.py", "held = _PLACEHOLDERS.sub", "held = held or _PLACEHOLDERS.sub",
          "reach or told_apart", "tests/transport/response/test_tool_calls.py"),
    Guard("a call of a stream that broke off", "response/tool_calls.py", "if not ended and not arguments:", "if False:", "broke_off", "tests/transport/response/test_tool_calls.py"),
    Guard("NaN is no JSON", "lenient_json.py", 'raise ValueError(f"{constant} is no JSON")', "return 0", "was_cut", "tests/transport/response/test_tool_calls.py"),
    Guard("part of an answer is not asked for again", "response/endings.py", "if not completion.holds_answer:", "if True:", "held_part",
          "tests/transport/http/test_client.py"),
    Guard("ends that are none", "response/endings.py", "in _NO_ENDS", "in ()", "an_end_that_is_none", "tests/transport/response/test_stream.py"),
    Guard("halves of a character wait for each other", "response/split_pairs.py", 'self._waiting[place], value = value[-1], value[:-1]',
          "pass", "in_two_deltas", "tests/transport/response/test_stream.py"),
    Guard("an agent asks once more", "response/verdicts.py", 'if expected.on_invalid_call != "ask_again":', "if True:", "once_more",
          "tests/transport/http/test_asking.py"),
    Guard("what was asked about does not go back", "request/history.py", 'turn["reasoning_content"] = thought[int', 'thought[int', "asked_about",
          "tests/transport/request/test_history.py"),
    Guard("what is learned is one key's", "http/http_call.py", "hash((self.connection.base_url, key))",
          "hash(self.connection.base_url)", "another_key", "tests/transport/request/test_learning.py"),
    Guard("quoted words teach nothing", "request/refused_features.py",
          "if not quotations.hold(found, any_word=self.lowers)", "if True", "teach_nothing", "tests/transport/request/test_learning.py"),
    Guard("authority comes back with the next call", "request/learning.py", 'return kept == "always" or', "return True or",
          "this_call_alone", "tests/transport/request/test_learning.py"),
    Guard("a query swallows no path", "settings/connection.py", 'if parts.query or parts.fragment or "?" in url or "#" in url:',
          "if False:", "swallow", "tests/transport/http/test_settings.py"),
    Guard("the most that one call sends", "http/exchange.py", "            self.retries = after.retries\n",
          "            pass\n", "retries_and_lessons", "tests/transport/http/test_asking.py"),
    Guard("a group of errors is unwrapped", "http/network_errors.py", "    ExceptionGroup,\n", "", "any_proxy_variable", "tests/transport/http/test_settings.py"),
    Guard("half a character is mended", "request/request.py", "mended = without_surrogates(self.body)", "mended = self.body",
          "half_a_character", "tests/transport/request/test_build.py"),
    Guard("the retry stop", "http/retries.py", "retries_done >= max_retries", "retries_done > max_retries", "503 or closed"),
    Guard("retries only of what may pass", "http/retries.py", "not error.retryable or ", "", "quota or conversion or 501"),
    Guard("the cap on Retry-After", "http/retries.py", "asked <= LONGEST_RETRY_AFTER", "True", "day"),
    Guard("no retry once the answer began", "errors.py", "return not self.begun", "return True", "cut"),
    Guard("full jitter", "http/retries.py", "jitter() * min", "min", "jitter"),
    Guard("the backoff has an end", "http/retries.py", ", LONGEST_DELAY)", ", 1e9)", "jitter"),
    Guard("Retry-After as a date", "http/retries.py", "else _seconds_until(value, now)", "else None", "retry_after_is"),
    Guard("the waiting counts", "http/http_call.py", "left is not None and left <= delay", "False", "deadline"),
    Guard("the retries in the metadata", "http/http_call.py", "self.retries += 1\n", "self.retries += 1 - 1\n", "seen_in_the_log"),
    Guard("the log line", "http/http_call.py", "_log.info(", "_log.debug(", "seen_in_the_log"),
    Guard("the finish check", "response/stream.py", "if self._choice.finish_reason is None:", "if False:", "finish_reason"),
    Guard("an error inside a 200", "response/error_bodies.py", 'error = body.get("error")', "error = None", "error"),
    Guard("the deadline under each read", "http/deadline.py", "return left if timeout is None else min(timeout, left)",
          "return timeout", "whole_call"),
    Guard("data restarts the clock", "response/stream.py", "        self._took_data = True\n", "", "keeps_a_stream_alive"),
    Guard("no wait is longer than sockets know", "http/deadline.py", "LONGEST = 1e6", "LONGEST = 1e99", "longer_than_sockets"),
    Guard("opening ends with the deadline", "http/network_hooks.py", "max(left if timeout is None else min(timeout, left), 0.001)", "timeout",
          "opening_gets"),
    Guard("addresses share the time", "http/network_hooks.py", "    if event.endswith(_CONNECTING):", "    if False:", "many_dead"),
    Guard("an answer that is left over", "http/deadline.py", "if self._watched and self._head_bytes == HEAD_LIMIT:", "if False:", "left_over"),
    Guard("the first-token limit", "http/http_call.py", "self.deadline.limit(FIRST_TOKEN, self.first_token)", "pass", "first_token"),
    Guard("the total limit", "http/http_call.py", "self.deadline.limit(TOTAL, self.connection.total_timeout)", "pass", "whole_call"),
    Guard("the cap on reasoning, in characters", "http/exchange.py", "self._reasoned > most", "False", "reasoning_without"),
    Guard("the cap on reasoning, in seconds", "http/exchange.py",
          "self.deadline.limit(_REASONING, self.connection.max_reasoning_seconds)", "pass", "reasoning_without"),
    Guard("an answer lifts that cap", "http/exchange.py", "self.deadline.lift(_REASONING)", "pass", "lifts_the_cap"),
    Guard("the drain after DONE has an end", "http/exchange.py", "self.deadline.limit(_END, DRAIN_SECONDS)", "pass", "DONE"),
    Guard("close on leaving, sync", "http/sender.py", "stack.enter_context(contextlib.closing(self._send(exchange, client)))",
          "self._send(exchange, client)", "reference_counts"),
    Guard("close on leaving, async", "http/sender.py",
          "await stack.enter_async_context(contextlib.aclosing(await self._send(exchange, client)))",
          "await self._send(exchange, client)", "reference_counts"),
    Guard("what ended badly is thrown away", "http/connections.py", "if not (sound and wanted)", "if not wanted", "cancelled or dry"),
    Guard("a tunnel that failed is thrown away", "http/connections.py", "return not isinstance(error, APIConnectionError)",
          "return True", "tunnel"),
    Guard("a handshake that is cancelled", "http/network_hooks.py", "        await CURRENT.get().opened.aclose()", "        pass", "handshake"),
    Guard("the child lets go of async sockets", "http/connections.py", "                pool.let_go()", "                pass", "fork or parent"),
    Guard("a pool for each loop", "http/connections.py", "if entry := self._by_loop.get(loop):",
          "if entry := next(iter(self._by_loop.values()), None):", "loops_in_a_row or loop_each"),
    Guard("a pool ends with its loop", "http/connections.py", "        self.over = True\n", "        self.over = True\n        return\n", "loops_in_a_row"),
    Guard("idle connections are swept", "http/connections.py", "call_later(KEEP_SECONDS, self._sweep)",
          "call_later(99, self._sweep)", "swept"),
    Guard("anew after a fork", "http/connections.py", "os.register_at_fork(after_in_child=SHARED.forget)", "pass", "fork or parent"),
    Guard("the child closes the parent's sockets", "http/connections.py", "                sock.close()\n", "                pass\n",
          "fork or parent"),
    Guard("close reaches calls at work", "http/connections.py", "sound and closings == self._closings", "sound", "closing_while"),
    Guard("no cookies", "http/connections.py", "cookies=_NoCookies()", "cookies=None", "cookie"),
    Guard("the cap on a body", "http/size_limits.py", "if self._bytes > self._limit:", "if False:",
          "without_end_is_ended or bomb"),
    Guard("the cap on an event", "http/size_limits.py", "if self._bytes - self._before_event > EVENT_LIMIT:", "if False:", "stream_without_end"),
    Guard("the cap on values", "http/size_limits.py", "if self._values > most:", "if False:", "million"),
    Guard("redirects to nowhere", "http/http_call.py", "if response.has_redirect_location:", "if response.is_redirect:", "302 or 304"),
    Guard("headers are sent once", "http/headers.py", "{name.lower(): value for", "{name: value for", "sent_once"),
    Guard("the request frames itself", "http/headers.py", "if name.lower() in _FRAMING:", "if False:", "frame_the_request"),
    Guard("the cap on an error's body", "http/sender.py", "if len(data) >= ERROR_BODY_LIMIT:", "if False:", "error_body_without"),
    Guard("the cap on heads", "http/deadline.py", "self._head_bytes -= len(data)", "pass", "interim_answers"),
    Guard("only codings with a bound", "http/headers.py", "if coding not in _CODINGS:", "if False:", "bomb or coding"),
    Guard("deep JSON", "lenient_json.py", "except RecursionError:", "except ZeroDivisionError:", "deep"),
    Guard("typed errors for what httpx raises", "http/network_errors.py", "    httpx.HTTPError,\n", "", "closed or reset"),
    Guard("the masking of errors", "http/http_call.py", "self._call.mask(error)", "pass", "echoes_is_masked"),
    Guard("the masking of pieces of a key", "http/key_masking.py", "RUN = 12", "RUN = 99", "echoes_is_masked or spelling"),
    Guard("the masking of encoded keys", "http/key_masking.py", "return [key, quote", "return [key]\n    return [key, quote", "masked"),
    Guard("the mask is quick", "http/key_masking.py", "{0,64}", "*", "keep_us_busy"),
    Guard("the rescue is quick", "response/text_tool_calls.py", "_SLICE = 1024", "_SLICE = 1 << 40", "keep_us_busy"),
    Guard("the masking of logs", "http/key_masking.py", "if mask is not None:", "if False:", "echoes_is_masked"),
    Guard("the masking of metadata", "http/http_call.py", "mask_metadata(completion, self._mask.metadata)", "pass", "metadata"),
    Guard("no frames in errors", "http/http_call.py", "chained.__traceback__ = chained.__context__ = None", "pass", "masked"),
    Guard("no request in errors", "http/network_errors.py", 'error.request = httpx.Request("POST", url)', "pass", "nothing_shows"),
    Guard("the check of the key", "http/api_key.py", "    if wrong or held is None:", "    if held is None:", "cannot_be_one"),
    Guard("a function's key is looked at", "http/api_key.py", "    if isinstance(held, SecretStr):", "    if True:", "gives_no_key"),
    Guard("a function's error is typed", "http/api_key.py", "    except Exception as error:  # whatever", "    except ZeroDivisionError as error:  # whatever", "gives_no_key"),
    Guard("no password in the base_url", "settings/connection.py", 'if "@" in parts.netloc:', "if False:", "base_url_that"),
    Guard("a timeout is above nothing", "settings/connection.py", "timeout: Annotated[float, Field(gt=0)]", "timeout: float", "timeout_that_is_none"),
    Guard("headers are not quoted", "http/network_errors.py", "if isinstance(error, (httpx.LocalProtocolError, UnicodeError)):",
          "if False:", "header_that_cannot"),
    Guard("redirects are not followed, sync", "http/sender.py", "client.send(request, stream=True, follow_redirects=False)",
          "client.send(request, stream=True, follow_redirects=True)", "redirect"),
    Guard("plain http warns", "settings/connection.py", 'if url.scheme == "http" and', "if False and", "plain_http"),
    Guard("no secret in dumps", "settings/secrets.py", "Field(exclude=True, repr=False)", "Field()", "no_teller", "tests/parity/test_secrets.py"),
    Guard("no secret in pickles", "settings/connection.py", "state_with(state, dict.fromkeys(secret)", "state_with(state, {}",
          "no_teller", "tests/parity/test_secrets.py"),
    Guard("nothing of one call is told to tracers", "settings/secrets.py",
          "return {name: value for name, value in arguments.items() if name not in secret}", "return dict(arguments)",
          "no_teller and llama_index", "tests/parity/test_secrets.py"),
    Guard("no binding shows a secret", "settings/secrets.py", 'return "**********"', "return str(self.reveal())", "no_teller",
          "tests/parity/test_secrets.py"),
    Guard("LlamaIndex hears of no secret", "../llama_index_anyfast/llm.py", "@keeping_secrets\n", "", "no_teller", "tests/parity/test_secrets.py"),
    Guard("a step makes no span", "../llama_index_anyfast/_llama_index.py", "vars(method)[DISPATCHER_SPAN_DECORATED_ATTR] = True", "pass",
          "one_span", "tests/llama_index/test_observed.py"),
    Guard("a cache knows the key", "http/api_key.py", "fallback=str), key=key)", "fallback=str))", "cache_tells", "tests/parity/test_secrets.py"),
    Guard("a cache knows the headers", "http/api_key.py", "{name.lower(): value for name, value in (connection.default_headers or {}).items()}",
          "{}", "cache_tells", "tests/parity/test_secrets.py"),
    Guard("secret headers are masked", "http/http_call.py", "Mask(key, secret_values", "Mask(key) if 1 else (key, secret_values", "of_a_header"),
    Guard("what a pickle lost is said", "http/http_call.py", "        self.connection.warn_of_lost()\n", "", "says_what_it_lost",
          "tests/parity/test_secrets.py"),
    Guard("a loop closes no generator that is read", "http/async_generators.py", "sys.set_asyncgen_hooks(firstiter=None)", "pass", "left_unread"),
    Guard("a socket's number is not trusted", "http/sockets.py", " and self._looked_at() == self._identity", "", "of_its_number"),
)  # fmt: skip


def misses(guard: Guard, copy: Path) -> str:
    """Runs the tests without one guard; says how they took it."""
    path = copy / "anyfast_transport" / guard.file
    source = path.read_text()
    if guard.old not in source:
        return "GONE: the text is not in the file any more"
    path.write_text(source.replace(guard.old, guard.new))
    command = [sys.executable, "-m", "pytest", *PLUGINS, "-q", "-x", "--timeout=30", "-k", guard.tests]
    faces = {"FAULTS_AGAINST": os.environ.get("FAULTS_AGAINST", "transport")}
    try:
        done = subprocess.run(  # our own command
            [*command, guard.folder],
            cwd=copy,
            env={**os.environ, **faces, "PYTHONPATH": str(copy), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
    except subprocess.TimeoutExpired:
        return "missed (a test hangs)"
    finally:
        path.write_text(source)
    if done.returncode == 1 or "Timeout" in done.stdout:
        failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        return "missed: " + (failed[0].partition("::")[2][:90] if failed else "a test hangs")
    return "NOT MISSED" if done.returncode == 0 else f"BROKEN: pytest ended with {done.returncode}"


def main(wanted: list[str]) -> int:
    """Runs the rows whose names hold one of the words, or all of them."""
    unmissed = 0
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy / name)
        for guard in GUARDS:
            if wanted and not any(word in guard.name for word in wanted):
                continue
            verdict = misses(guard, copy)
            unmissed += not verdict.startswith("missed")
            print(f"{guard.name:45} {verdict}", flush=True)
    print(f"{unmissed} not missed" if unmissed else "Each guard is missed.")
    return bool(unmissed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
