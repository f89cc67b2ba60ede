"""The lesson gil starts this as `python3 -I -c SCRIPT PART ADDRESS`. It needs the standard library only."""

import contextlib, json, multiprocessing, os, platform, socket, sys, sysconfig, threading, time

# The parent holds the other end of stdin. When the parent ends, so does this. Its own children get an
# empty stdin: on Windows, a process does not start on a pipe that another one is reading.
stdin = os.dup(0)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
threading.Thread(target=lambda: (os.read(stdin, 1), os._exit(3)), daemon=True).start()

LOOP = """
import hashlib, time
end, data = time.perf_counter() + SECONDS, bytes(1 << 22)
while time.perf_counter() < end:
    WORK
"""


def loop(work, seconds=0.3):
    return LOOP.replace("SECONDS", str(seconds)).replace("WORK", work)


COMPUTE = "sum(range(1000))"
HASH = "hashlib.sha256(data)"


told = []  # Pipes from processes, which tell their CPU time: Windows does not add it to their parent's.


def cores_busy(start):
    wall, cpu = time.perf_counter(), time.process_time()
    run([start() for _ in range(2)])
    cpu -= sum(pipe.recv() for pipe in told if pipe.poll())
    return (time.process_time() - cpu) / (time.perf_counter() - wall)


def run(workers):
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def thread(work):
    return threading.Thread(target=exec, args=(loop(work), {}))


def process():
    # A new interpreter on every system. (On Linux, the default was a fork until 3.13.)
    spawn = multiprocessing.get_context("spawn")
    pipe, send = spawn.Pipe(duplex=False)
    told.append(pipe)
    work = loop(COMPUTE, 0.6) + "tell.send(time.process_time())"
    return spawn.Process(target=exec, args=(work, {"tell": send}))


def interpreter():
    from concurrent import interpreters  # 3.14
    return threading.Thread(target=interpreters.create().exec, args=(loop(COMPUTE),))


def ask(host, port):
    with socket.create_connection((host, int(port))) as server:
        server.recv(1)


def added(lock):
    """Ten threads add 1 to a number, 100 times each."""
    number = 0

    def add():
        nonlocal number
        for _ in range(100):
            with lock:
                read = number
                time.sleep(0)  # Another thread may run here: sleep releases the interpreter's lock.
                number = read + 1

    run([threading.Thread(target=add) for _ in range(10)])
    return number


part, address = sys.argv[1:]
answer = {
    "version": platform.python_implementation() + " " + platform.python_version(),
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    # Before 3.13, every build had the lock, and none could tell.
    "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
}
if part == "compute":
    answer["busy"] = cores_busy(lambda: thread(COMPUTE))
elif part == "hash":
    answer["busy"] = cores_busy(lambda: thread(HASH))
elif part == "processes":
    answer["busy"] = cores_busy(process)
elif part == "interpreters":
    answer["busy"] = cores_busy(interpreter)
elif part == "add":
    answer["added"] = [added(contextlib.nullcontext()), added(threading.Lock())]
elif part == "wait":
    run([threading.Thread(target=ask, args=address.split(":")) for _ in range(10)])
print(json.dumps(answer))
