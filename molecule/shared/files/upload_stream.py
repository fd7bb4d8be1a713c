# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Upload to a running Galaxy as its users do while something befalls the stack, and count what became of each upload.

Runs on Galaxy's host, with any Python, as the server that the uploads come from and as the user who asks for them:

    upload_stream.py start --url http://127.0.0.1:8000 --key-file key --slow 20 --large 2 --report uploads.json
    upload_stream.py stop --report uploads.json

`start` asks for slow uploads, whose bytes drip over a time, and for large ones, one after another, until all are asked
for or it is stopped. It follows each to its end, compares the sizes, purges its history and writes the report. `stop`
asks for no more, waits for the report and prints it. After that, what does not change for a time has no end: it hangs.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# Galaxy's states of a dataset that change no more by themselves.
FINAL = ("ok", "error", "empty", "discarded", "failed_metadata", "paused", "deferred")
LINE = b"a line of an upload that takes its time\n"
# Galaxy tries for a minute and more to hand a task over while the broker is away.
POST_SECONDS = 180
READ_SECONDS = 30
LOOK_SECONDS = 2
ERRORS_KEPT = 20


@dataclass
class Upload:
    """One upload: what was asked for, and what is known of it."""

    name: str
    size: int
    begun: float
    answer: str = "none"  # to the request: none yet, accepted, or refused
    state: str | None = None  # Galaxy's, of its dataset
    file_size: int | None = None
    info: str | None = None  # what its user reads at it
    ended: float | None = None

    @property
    def outcome(self) -> str:
        """What became of it: ok, or how it is lost."""
        if self.state == "ok" and self.file_size != self.size:
            return "wrong size"
        if self.state is None:
            return "refused" if self.answer == "refused" else "not there"
        return self.state


class Ledger:
    """What was asked for, and what became of it."""

    def __init__(self, clock=time.monotonic) -> None:
        self.clock = clock
        self.begun = clock()
        self.uploads: dict[str, Upload] = {}
        self.changed = clock()
        self.errors: list[str] = []
        self.lock = threading.Lock()

    def note(self, what: str, error: object) -> None:
        """Keep the first errors."""
        with self.lock:
            if len(self.errors) < ERRORS_KEPT:
                self.errors.append(f"{time.strftime('%H:%M:%S')} {what}: {error}")

    def begin(self, name: str, size: int) -> Upload:
        """Note an upload before it is asked for."""
        upload = Upload(name, size, self.clock())
        with self.lock:
            self.uploads[name] = upload
            self.changed = self.clock()
        return upload

    def answered(self, upload: Upload, answer: str) -> None:
        """Note what Galaxy said when it was asked."""
        upload.answer = answer
        self.changed = self.clock()

    def settle(self, datasets: list[dict]) -> None:
        """Take in what Galaxy says of the history: name, state, file_size and misc_info of each dataset."""
        for dataset in datasets:
            upload = self.uploads.get(dataset["name"])
            if upload is None:
                continue
            if upload.state != dataset["state"]:
                upload.state = dataset["state"]
                self.changed = self.clock()
                upload.ended = self.clock() if upload.state in FINAL else None
            upload.file_size, upload.info = dataset.get("file_size"), dataset.get("misc_info")

    def open(self) -> list[Upload]:
        """The uploads that may still change: refused ones too, if Galaxy has made their dataset all the same."""
        return [
            upload
            for upload in self.uploads.values()
            if upload.state not in FINAL and not (upload.state is None and upload.answer == "refused")
        ]

    def still(self) -> float:
        """The seconds since anything changed."""
        return self.clock() - self.changed

    def report(self) -> dict:
        """The figures that the tests look at, and what helps to understand them."""
        ended = [upload.ended - upload.begun for upload in self.uploads.values() if upload.ended is not None]
        outcomes = Counter(upload.outcome for upload in self.uploads.values())
        failed = {name: upload for name, upload in sorted(self.uploads.items()) if upload.outcome != "ok"}
        refused = sum(upload.answer == "refused" for upload in failed.values())
        return {
            "asked": len(self.uploads),
            "ok": outcomes["ok"],
            # Of those that Galaxy has taken. Who is refused one knows it.
            "lost": len(failed) - refused,
            "outcomes": dict(sorted(outcomes.items())),
            "refused": refused,
            # Without an end, also those that were refused.
            "hanging": sorted(upload.name for upload in self.open()),
            "told": dict(Counter(upload.info for upload in self.uploads.values() if upload.state == "error")),
            "refused_names": [name for name, upload in failed.items() if upload.answer == "refused"],
            "seconds": round(self.clock() - self.begun, 1),
            "slowest_seconds": round(max(ended, default=0), 1),
            "failed": {name: upload.outcome for name, upload in failed.items()},
            "errors": self.errors,
        }


class Galaxy:
    """Galaxy's API with the key of one user. The key goes to no proxy."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url.rstrip("/"), key
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, method: str, path: str, body: dict | None = None, seconds: float = READ_SECONDS):
        """Return what it answers, as JSON.

        :raises OSError: when it refuses, or does not answer; with Galaxy's words.
        """
        request = urllib.request.Request(  # noqa: S310 the address is the test bed's
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"x-api-key": self.key, "Content-Type": "application/json"},
        )
        try:
            with self.opener.open(request, timeout=seconds) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise OSError(f"{error.code}: {error.read(300).decode(errors='replace')}") from None

    def history(self) -> str:
        """Make a history and return its id."""
        return self.call("POST", "/api/histories", {"name": "upload_stream"})["id"]

    def fetch(self, history: str, name: str, url: str) -> None:
        """Ask for an upload of what stands at a URL."""
        element = {"src": "url", "url": url, "name": name, "ext": "txt", "dbkey": "?"}
        target = {"destination": {"type": "hdas"}, "elements": [element]}
        self.call("POST", "/api/tools/fetch", {"history_id": history, "targets": [target]}, POST_SECONDS)

    def datasets(self, history: str) -> list[dict]:
        """Return name, state, file_size and misc_info of what is in a history."""
        keys = "name,state,file_size,misc_info"
        return self.call("GET", f"/api/histories/{history}/contents?v=dev&keys={keys}&limit=1000")

    def purge(self, history: str) -> None:
        """Give the space back."""
        self.call("DELETE", f"/api/histories/{history}?purge=true")


def serve(drip_seconds: float) -> ThreadingHTTPServer:
    """Serve /slow/SIZE, which drips over some seconds, and /large/SIZE, as fast as it can, on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            kind, size = self.path.split("/")[1:3]
            left = int(size)
            steps = max(1, int(drip_seconds)) if kind == "slow" else 1
            # The beginning is there at once: a client that looks at the first bytes does not wait for all.
            step = -(-left // steps)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(left))
            self.end_headers()
            try:
                while left:
                    part = min(step, left)
                    self.wfile.write((LINE * (part // len(LINE) + 1))[: part - 1] + b"\n")
                    left -= part
                    if left:
                        time.sleep(drip_seconds / steps)
            except OSError:
                self.close_connection = True  # whoever fetched it was ended, which is what the tests do

        def log_message(self, *_args):
            pass

    server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)  # noqa: S104 the workers are on other hosts
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def wanted(options: argparse.Namespace) -> list[tuple[str, str, int]]:
    """The uploads to ask for as (name, kind, size), the large ones spread among the slow ones."""
    every = max(1, options.slow // (options.large + 1))
    uploads = [(f"slow-{number}", "slow", options.slow_kb * 1024) for number in range(options.slow)]
    for number in range(options.large):
        uploads.insert((number + 1) * every + number, (f"large-{number}", "large", options.large_mb * 1024 * 1024))
    return uploads


def begin_history(galaxy: Galaxy, ledger: Ledger, patience: float) -> str:
    """Return a new history. After a fault Galaxy finds its connections to the database closed one by one.

    :raises OSError: when Galaxy has not made one in that time.
    """
    while True:
        try:
            return galaxy.history()
        except OSError as error:
            ledger.note("POST of the history", error)
            if ledger.still() > patience:
                raise
            time.sleep(LOOK_SECONDS)


def stream(options: argparse.Namespace, galaxy: Galaxy, base: str, stopped: threading.Event) -> Ledger:
    """Ask until it is time to stop; return the ledger when each upload has its end, or hangs.

    :param base: address of what is uploaded, as the workers reach it.
    """
    ledger = Ledger()
    history = begin_history(galaxy, ledger, options.patience)

    def ask(upload: Upload, kind: str) -> None:
        try:
            galaxy.fetch(history, upload.name, f"{base}/{kind}/{upload.size}")
        except (OSError, ValueError) as error:
            ledger.answered(upload, "refused")
            ledger.note(f"POST of {upload.name}", error)
        else:
            ledger.answered(upload, "accepted")

    def look() -> None:
        try:
            ledger.settle(galaxy.datasets(history))
        except (OSError, ValueError) as error:
            # Galaxy may be away for a while: that it is, is no end of an upload.
            ledger.changed = ledger.clock()
            ledger.note("GET", error)

    deadline = time.monotonic() + options.seconds
    with concurrent.futures.ThreadPoolExecutor(max_workers=64) as pool:
        for name, kind, size in wanted(options):
            if stopped.is_set() or time.monotonic() > deadline:
                break
            pool.submit(ask, ledger.begin(name, size), kind)
            due = time.monotonic() + options.pause
            look()
            stopped.wait(max(0, due - time.monotonic()))
        # Before it is stopped the fault may last, and nothing changes because of that.
        ended = None
        while ledger.open() and time.monotonic() < deadline:
            ended = ended or (time.monotonic() if stopped.is_set() else None)
            if ended and min(ledger.still(), time.monotonic() - ended) > options.patience:
                break
            time.sleep(LOOK_SECONDS)
            look()
    look()
    try:
        galaxy.purge(history)
    except (OSError, ValueError) as error:
        ledger.note("DELETE", error)
    return ledger


def start(options: argparse.Namespace) -> None:
    """Run the stream and write its report."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_args: stopped.set())
    report, pid = Path(options.report), Path(options.report + ".pid")
    report.unlink(missing_ok=True)
    pid.write_text(f"{os.getpid()}\n", encoding="ascii")
    server = serve(options.drip_seconds)
    try:
        galaxy = Galaxy(options.url, Path(options.key_file).read_text(encoding="ascii").strip())
        address = options.address or socket.gethostbyname(socket.gethostname())
        ledger = stream(options, galaxy, f"http://{address}:{server.server_port}", stopped)
        draft = report.with_suffix(".part")
        draft.write_text(json.dumps(ledger.report(), indent=2) + "\n", encoding="utf-8")
        draft.rename(report)
    finally:
        server.shutdown()
        pid.unlink(missing_ok=True)


def stop(options: argparse.Namespace) -> None:
    """End the stream, wait for its report and print it."""
    report, pid = Path(options.report), Path(options.report + ".pid")
    if pid.exists():
        os.kill(int(pid.read_text(encoding="ascii")), signal.SIGTERM)
    deadline = time.monotonic() + options.seconds
    while pid.exists() and time.monotonic() < deadline:
        time.sleep(0.5)
    if not report.exists():
        sys.exit(f"error: there is no report {report}: the stream was not started, died, or takes longer than it may")
    sys.stdout.write(report.read_text(encoding="utf-8"))


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(required=True)
    begin = verbs.add_parser("start")
    begin.add_argument("--url", required=True, help="address of Galaxy")
    begin.add_argument("--key-file", required=True, help="file with the API key of a user")
    begin.add_argument("--address", help="of this host, as the workers reach it; by default what its name says")
    begin.add_argument("--slow", type=int, default=20, help="number of slow uploads")
    begin.add_argument("--slow-kb", type=int, default=64, help="size of each, in KiB")
    begin.add_argument("--drip-seconds", type=float, default=30, help="seconds over which a slow one drips")
    begin.add_argument("--large", type=int, default=2, help="number of large uploads")
    begin.add_argument("--large-mb", type=int, default=64, help="size of each, in MiB")
    begin.add_argument("--pause", type=float, default=2, help="seconds between two uploads")
    begin.add_argument("--patience", type=float, default=120, help="seconds without a change, once stopped")
    begin.set_defaults(run=start)
    end = verbs.add_parser("stop")
    end.set_defaults(run=stop)
    for verb in (begin, end):
        verb.add_argument("--seconds", type=float, default=1800, help="end after this time, whatever is open")
        verb.add_argument("--report", required=True, help="file for the figures, as JSON")
    return parser.parse_args(arguments)


def main() -> None:
    """Do what the command line says."""
    options = parse()
    options.run(options)


if __name__ == "__main__":
    main()
