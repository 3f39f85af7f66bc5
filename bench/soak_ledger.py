"""What soak.py holds against each other: what callers were told, the API server's audit log, and the
decision records of the replicas. Read while they are written, kept only until they match."""

import collections
import json
import os
import threading
import time

# Seconds after its start in which an API server may refuse what a policy with parameters of our kinds
# covers: it looks for new kinds every 30 s.
CONFIGURED = 30
DECISION = "/decision-id"  # of audit annotations, after the name of the webhook's entry


class Tail:
    """New whole lines of a file that grows, also one that is renamed and begun anew."""

    def __init__(self, path):
        self.path, self.file, self.rest = path, None, b""

    def lines(self):
        while True:
            if self.file is None:
                try:
                    self.file = open(self.path, "rb")
                except FileNotFoundError:
                    return
            # Whether it was renamed before the last bytes are read: they may come after.
            renamed = self._renamed()
            while chunk := self.file.read(1 << 20):
                *whole, self.rest = (self.rest + chunk).split(b"\n")
                yield from whole
            if not renamed:
                return
            self.file.close()
            self.file = None

    def _renamed(self):
        try:
            return os.stat(self.path).st_ino != os.fstat(self.file.fileno()).st_ino
        except FileNotFoundError:
            return False


class Windows:
    """When what was broken on purpose."""

    def __init__(self):
        self.all = []

    def open(self, kind):
        window = {"kind": kind, "start": time.time(), "end": None}
        self.all.append(window)
        return window

    def over(self, kind, start, end, longer=0):
        """Whether [start, end] touches such a window, or the seconds after it."""
        return any(w["kind"] == kind and w["start"] <= end and (w["end"] is None or w["end"] + longer >= start)
                   for w in self.all)  # fmt: skip


class Ledger:
    """`findings` must stay empty."""

    def __init__(self, results, audit, windows):
        self.windows = windows
        self.results, self.audit = Tail(results), Tail(audit)
        self.records = []  # (program, Tail)
        self.findings = []
        self.counts = collections.Counter()  # (kind, outcome)
        self.excused = collections.Counter()
        self.latencies = []  # ms, of what was allowed while nothing was broken
        self.skipped, self.ended, self.matched = 0, False, 0
        self._told = {}  # audit id: line, until its audit event is there
        self._events = {}  # audit id: decision ids
        self._needed = {}  # decision id: line, until its record is there
        self._recorded = {}  # decision id: allowed
        self._lock = threading.Lock()

    def watch(self, program):
        """Reads its records from now on."""
        with self._lock:
            self.records.append((program, Tail(program.out)))

    def read(self):
        with self._lock:
            for line in self.audit.lines():
                self._event(json.loads(line))
            for line in self.results.lines():
                self._result(json.loads(line))
            for program, tail in list(self.records):
                over = program.process.poll() is not None
                for line in tail.lines():
                    self._record(json.loads(line))
                if over:
                    self.records.remove((program, tail))
                    os.unlink(program.out)

    def _event(self, event):
        found = [v for k, v in event.get("annotations", {}).items() if k.endswith(DECISION)]
        told = self._told.pop(event["auditID"], None)
        if told is None:
            self._events[event["auditID"]] = found
        else:
            self._settle(told, found)

    def _result(self, line):
        if "end" in line and line["end"] is True:
            self.ended = True
        elif "skipped" in line:
            self.skipped += 1
        else:
            self._judge(line)
            if line["outcome"] in ("allowed", "denied"):
                found = self._events.pop(line["audit"], None)
                if found is None:
                    self._told[line["audit"]] = line
                else:
                    self._settle(line, found)

    def _settle(self, line, decisions):
        if not decisions and line["recorded"]:
            self.findings.append(("answered without a decision in the audit log", line))
        if line.get("decision") and line["decision"] not in decisions:
            self.findings.append(("another decision in the audit log than in the answer", line))
        for decision in decisions:
            allowed = self._recorded.pop(decision, None)
            if allowed is None:
                self._needed[decision] = line
            else:
                self._compare(line, allowed)

    def _record(self, record):
        if record.get("type") != "decision":
            return
        line = self._needed.pop(record["decisionId"], None)
        if line is None:
            self._recorded[record["decisionId"]] = record["allowed"]
        else:
            self._compare(line, record["allowed"])

    def _compare(self, line, allowed):
        self.matched += 1
        if allowed != (line["outcome"] == "allowed"):
            self.findings.append(("the record says another verdict than the answer", line))

    def _judge(self, line):
        outcome, expect, kind = line["outcome"], line["expect"], line["kind"]
        self.counts[kind, outcome] += 1
        when = line["sent"], line["end"]
        if outcome == "allowed" and expect in (None, "?"):
            if not any(self.windows.over(w, *when) for w in ("outage", "kill")):
                self.latencies.append((line["end"] - line["at"]) * 1000)
            return
        if outcome.startswith("denied") and (expect == "?" or expect in line["reasons"]):
            return
        if outcome == "allowed":
            return self.findings.append(("A BAD REQUEST WAS ALLOWED", line))
        if outcome == "forged":
            return self.findings.append(("A FORGED STAMP WAS KEPT", line))
        if outcome == "not configured" and self.windows.over("outage", *when, longer=CONFIGURED):
            self.excused["API server did not know the kinds of its policies yet"] += 1
            return
        if outcome in ("failed call", "no answer", "other"):
            if self.windows.over("outage", *when):
                self.excused[f"{outcome}, API server or etcd down"] += 1
                return
            if outcome == "failed call" and self.windows.over("kill", *when):
                self.excused["failed call, replica killed"] += 1
                return
        what = "a good request was refused" if expect is None else "refused, but not for its reason"
        self.findings.append((what, line))

    def finish(self, patience=20):
        """What is still open after a moment is lost."""
        end = time.monotonic() + patience
        self.read()
        while (self._needed or self._told) and time.monotonic() < end:
            time.sleep(0.5)
            self.read()
        for decision, line in self._needed.items():
            self.findings.append((f"lost decision {decision}: no replica recorded it", line))
        # An API server that is killed takes the audit events with it of what it answered last.
        for line in self._told.values():
            if self.windows.over("outage", line["sent"] - 1, line["end"] + 1):
                self.excused["answered, audit event lost with the API server"] += 1
            else:
                self.findings.append(("answered without an audit event", line))
        return {"matched": self.matched, "unclaimed": len(self._recorded)}
