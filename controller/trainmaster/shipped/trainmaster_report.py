"""Tell trainmaster how far this process is: report(step, total, loss=0.5), or a callback for Keras, or a hook for PyTorch.

It lies on the PYTHONPATH of each process that trainmaster starts. Without trainmaster, and whatever goes wrong, it does nothing:
no call here raises or waits. A thread of its own sends the newest step, once a second at most. To import it is enough for the
process to tell where it stands (the stacks of its threads, on stderr) when trainmaster asks why it makes no steps.
"""

import atexit
import faulthandler
import functools
import http.client
import json
import math
import os
import signal
import sys
import threading
import time
import types
from urllib.parse import urlsplit

_URL = os.environ.get("TRAINMASTER_STATUS_URL", "")
_TOKEN = os.environ.get("TRAINMASTER_STATUS_TOKEN", "")
_SPEAKS = bool(_URL and _TOKEN) and os.environ.get("LOCAL_RANK", "0") == "0"
"""of several processes of one replica the first speaks: they step together"""
_TIMEOUT = 3.0
_LEAST, _MOST, _AGAIN = 1.0, 60.0, 5.0
"""seconds between two posts, and between two tries at most: who is silent for longer counts as hung"""
_METRICS = 16


class _Reporter:
    """Holds the newest report and sends it from a thread of its own."""

    def __init__(self):
        self._news, self._sending = threading.Condition(), threading.Lock()
        self._newest = None
        self._thread = None
        self._pid = 0
        self._connection = None
        self._after = _LEAST
        self.answered = True

    def put(self, step, total, metrics):
        with self._news:
            self._newest = (step, total, metrics)
            if self._pid != os.getpid():  # a fork has no thread
                self._pid, self._connection, self._sending = os.getpid(), None, threading.Lock()
                self._thread = threading.Thread(target=self._run, name="trainmaster", daemon=True)
                self._thread.start()
            self._news.notify()

    def _run(self):
        while True:
            with self._news:
                while self._newest is None:
                    self._news.wait()
            self.send()
            time.sleep(self._after)

    def send(self):
        """The newest, if there is one. What couldn't be sent is not sent again: something newer comes."""
        if not self._sending.acquire(timeout=_TIMEOUT):
            return
        try:
            with self._news:
                newest, self._newest = self._newest, None
            if newest is not None:
                self._try(newest)
        finally:
            self._sending.release()

    def _try(self, newest):
        try:
            self._after = min(_MOST, max(_LEAST, float(self._post(_document(*newest)).get("after", _LEAST))))
            self.answered = True
        except Exception:
            self._hang_up()
            self.answered = False
            self._after = min(_AGAIN, self._after * 2)

    def _post(self, document):
        where = urlsplit(_URL)
        if self._connection is None:
            kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
            self._connection = kind(where.hostname, where.port, timeout=_TIMEOUT)
        headers = {"Authorization": "Bearer " + _TOKEN, "Content-Type": "application/json"}
        self._connection.request("POST", where.path, json.dumps(document).encode(), headers)
        answer = self._connection.getresponse()
        said = json.loads(answer.read(65536).decode())
        return said if answer.status == 200 else {}

    def _hang_up(self):
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                connection.close()
        except Exception:
            pass


def _document(step, total, metrics):
    numbers = {}
    for name, value in list(metrics.items())[:_METRICS]:
        try:
            number = float(value)
        except Exception:
            continue
        if math.isfinite(number):  # a loss that is no number any more is no reason to hear nothing
            numbers[str(name)] = number
    document = {"step": int(step), "metrics": numbers}
    return document if total is None else dict(document, total=int(total))


_reporter = _Reporter()


def report(step, total=None, **metrics):
    """This process has taken so many steps, of `total` if that is known; metrics are numbers by name."""
    if not _SPEAKS:
        return
    try:
        _reporter.put(step, total, metrics)
    except Exception:
        pass


def keras_callback(total=None):
    """A callback for model.fit(callbacks=[...]): each batch is a step."""
    base = _keras().callbacks.Callback

    class Report(base):
        def __init__(self):
            super().__init__()
            self._step, self._total = 0, total

        def on_train_begin(self, logs=None):
            params = getattr(self, "params", None) or {}
            if self._total is None and params.get("steps") and params.get("epochs"):
                self._total = params["steps"] * params["epochs"]

        def on_train_batch_end(self, batch, logs=None):
            self._step += 1
            report(self._step, self._total, **(logs or {}))

    return Report()


def _keras():
    """The one that the training has imported: there may be two, and they don't go together."""
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"].keras
    import keras

    return keras


def pytorch_hook(optimizer, total=None, start=0):
    """Each optimizer.step() is a step from now on; `start` is the step that the training goes on from."""
    steps = [start]

    def stepped(*_args, **_kwargs):
        steps[0] += 1
        report(steps[0], total)

    try:
        if hasattr(optimizer, "register_step_post_hook"):
            optimizer.register_step_post_hook(stepped)
        else:
            _around(optimizer, stepped)
    except Exception:
        pass


def _around(optimizer, stepped):
    """Before PyTorch 2.0 an optimizer has no hooks."""
    inner = optimizer.step

    @functools.wraps(inner)
    def step(_self, *args, **kwargs):
        result = inner(*args, **kwargs)
        stepped()
        return result

    optimizer.step = types.MethodType(step, optimizer)


def _tell_stacks_when_asked():
    """On SIGQUIT, which YARN sends for a thread dump, and which its NodeManagers' children begin with blocked."""
    try:
        faulthandler.register(signal.SIGQUIT, all_threads=True)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGQUIT})
    except Exception:
        pass


def _at_exit():
    try:
        if (
            _reporter.answered
        ):  # else nobody would be there to hear it, and the process would wait for nothing
            _reporter.send()
    except Exception:
        pass


if _URL and _TOKEN:
    _tell_stacks_when_asked()
    atexit.register(_at_exit)
