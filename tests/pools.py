#!/usr/bin/env python3
"""Measures what pools of processes do when a worker or the parent is killed, for docs/promises.md.

    cargo build --release && python3 tests/pools.py

Each pool has two workers. A worker is killed during eight tasks of half a second, the parent during two
tasks of three seconds. Needs Linux; leaves out pools that are not installed.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

DEADLINE = 20

PYTHON = """
import concurrent.futures, multiprocessing, sys, time
def task(name):
    time.sleep(float(sys.argv[2]))
    open(name, "w").close()
if __name__ == "__main__":
    names = [f"{sys.argv[1]}/{task}" for task in range(int(sys.argv[3]))]
    %s
"""

POOL = "multiprocessing.Pool(2).map(task, names, chunksize=1)"
EXECUTOR = "list(concurrent.futures.ProcessPoolExecutor(2).map(task, names))"


def process_demo():
    """The build that was made last, or None."""
    found = [f"target/{profile}/process-demo" for profile in ("release", "debug")]
    found = [path for path in found if os.path.exists(path)]
    return max(found, key=os.path.getmtime, default=None)


def pools(directory, seconds, tasks):
    """Name and command of each pool that is installed."""
    numbers = [str(number) for number in range(tasks)]
    words = [directory, str(seconds), str(tasks)]
    yield "`multiprocessing.Pool`", [sys.executable, "-c", PYTHON % POOL, *words]
    yield "`ProcessPoolExecutor`", [sys.executable, "-c", PYTHON % EXECUTOR, *words]
    if shutil.which("xargs"):
        lines = "printf '%s\\n' " + " ".join(numbers)
        task = f"sleep {seconds}; touch {shlex.quote(directory)}/{{}}"
        yield "`xargs -P`", ["sh", "-c", f"{lines} | exec xargs -P2 -I{{}} sh -c {shlex.quote(task)}"]
    if shutil.which("parallel"):
        task = f"sleep {seconds}; touch {shlex.quote(directory)}/{{}}"
        yield "GNU `parallel`", ["parallel", "--will-cite", "-j2", task, ":::", *numbers]
    if process_demo():
        words = ["notebook", "-n", str(tasks), "--workers", "2", "--delay", f"{seconds * 1000:.0f}ms"]
        yield "this pool", [process_demo(), *words]
        yield "this pool, `--retries 1`", [process_demo(), *words, "--retries", "1"]


def descendants(pid):
    """Processes below pid, nearest first, without those that have ended."""
    parents = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = open(f"/proc/{entry}/stat").read().rsplit(") ", 1)[1].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents.setdefault(int(fields[1]), []).append(int(entry))
    found, near = [], [pid]
    while near:
        near = [child for parent in near for child in parents.get(parent, [])]
        found += near
    return found


def start(command):
    """Starts a pool and waits until its workers are busy. Returns it and their pids."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if "process-demo" in command[0]:
        # The lesson first runs the tasks without a pool.
        while child.stdout.readline() not in ("process-pool:\n", ""):
            pass
    give_up = time.monotonic() + DEADLINE
    while len(descendants(child.pid)) < 2 and time.monotonic() < give_up:
        time.sleep(0.01)
    time.sleep(0.25)
    return child, descendants(child.pid)


def parent_of_workers(child, workers):
    """The pool's own pid: xargs is the child of a shell."""
    return child.pid if "xargs" not in " ".join(child.args) else xargs(child, workers)


def xargs(child, workers):
    for pid in [child.pid, *workers]:
        if open(f"/proc/{pid}/comm").read() == "xargs\n":
            return pid
    return child.pid


def worker_killed(command, directory, tasks):
    child, workers = start(command)
    pool = parent_of_workers(child, workers)
    # A worker is a child of the pool. Its own children are killed with it.
    victim = next(pid for pid in workers if parent(pid) == pool)
    below = descendants(victim)
    for pid in [victim, *below]:
        os.kill(pid, signal.SIGKILL)
    try:
        output, _ = child.communicate(timeout=DEADLINE)
        hung = ""
    except subprocess.TimeoutExpired:
        hung = ", then hangs"
        for pid in descendants(child.pid) + [child.pid]:
            os.kill(pid, signal.SIGKILL)
        child.communicate()
    if "process-demo" in command[0]:
        lines = output.split("\n\n")[0].splitlines()
        done = sum(line.endswith(": status 200") for line in lines)
    else:
        done = len(os.listdir(directory))
    return f"{done} of {tasks} done{hung}"


def parent(pid):
    try:
        return int(open(f"/proc/{pid}/stat").read().rsplit(") ", 1)[1].split()[1])
    except OSError:
        return None


def parent_killed(command):
    child, workers = start(command)
    pool = parent_of_workers(child, workers)
    workers = [pid for pid in workers if pid != pool]
    os.kill(pool, signal.SIGKILL)
    time.sleep(1)
    left = [pid for pid in workers if running(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    child.kill()
    child.communicate()
    return f"{len(left)} of {len(workers)} processes"


def running(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(") ", 1)[1][0] != "Z"
    except OSError:
        return False


def main():
    print("| pool | after 1 worker is killed -9 | 1 s after the parent is killed -9 |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as directory:
        for struck, orphaned in zip(pools(directory, 0.5, 8), pools(directory, 3, 2)):
            done = worker_killed(struck[1], directory, 8)
            left = parent_killed(orphaned[1])
            for file in os.listdir(directory):
                os.remove(os.path.join(directory, file))
            print(f"| {struck[0]} | {done} | {left} still run |", flush=True)


main()
