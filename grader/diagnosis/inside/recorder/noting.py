"""What is noted while one question is answered, and what is put in place of the student's input meanwhile."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from typing import Any

from .calls import Call, Caller, Request, Run
from .checkpoints import described_files
from .networks import MOST_NAME, described, networks_in
from .tensors import (
    MOST_BYTES,
    Array,
    Kept,
    Room,
    kept_of,
)
from .weights import Preparation

MOST_RECORDS = 8
MOST_NETWORKS = 4
MOST_OTHER_BYTES = 16 << 10
"""Of the outputs before the last one, in an answer for which no inputs are wanted."""


class Recorder:
    """Notes the calls of networks while a question is being answered."""

    def __init__(self) -> None:
        self.hook: Callable[[], None] = lambda: None
        self._caller = Caller()
        self._lock = threading.Lock()
        self._answer: _Answer | None = None
        self._networks: dict[int, tuple[str, Any]] = {}
        self._preparation = Preparation()

    def begin(self, image: Array, task: Mapping[str, Any] | None) -> None:
        """Note from now on what belongs to the answer about `image`."""
        with contextlib.suppress(Exception):
            self.hook()  # a class may have been given a call of its own meanwhile
            self._preparation.follow(task or {})
            answer = _Answer(image, task or {})
            if answer.loads:
                self._networks.clear()  # only those that are called from now on get the file's parameters
            self._answer = answer

    def end(self) -> dict[str, Any]:
        """Return what was noted since, as JSON takes it."""
        answer, self._answer = self._answer, None
        noted: dict[str, Any] = {"records": [], "calls": 0, "replaced": False, "networks": [], "files": []}
        if answer is None:
            return noted
        with contextlib.suppress(Exception):
            noted.update(answer.noted())
            if answer.wants_networks:
                noted["networks"] = [self._described(answer, *each) for each in self._networks.values()]
            if answer.wants_parameters:
                noted["files"] = described_files()
        return noted

    def _described(self, answer: _Answer, kind: str, network: Any) -> dict[str, Any]:
        loaded = self._preparation.loaded(network) if answer.loads else 0
        return described(kind, network, loaded, answer.wants_parameters)

    def passes(self) -> bool:
        """Whether calls are nothing to the recorder now: no question is open, or they are within another."""
        return self._answer is None or (self._caller.is_within and not self._caller.is_searching)

    def call(self, kind: str, network: Any, run: Run, given: Any) -> Any:
        """Call a network, and note the call if it is an outermost one.

        Args:
            kind: its framework.
            network: what is called.
            run: calls it.
            given: its arguments.
        """
        if self._caller.is_searching:
            return self._caller.nested(kind, network, run, given)
        with self._caller.within():
            return self._noted(kind, network, run, given)

    def _noted(self, kind: str, network: Any, run: Run, given: Any) -> Any:
        answer = self._answer
        call = None
        with contextlib.suppress(Exception), self._lock:
            self._preparation.prepare(network)
        with contextlib.suppress(Exception):
            call = None if answer is None else Call(kind, network, given, answer.request)
        if answer is None or call is None:
            return run(given)
        output = None
        try:
            output = self._caller.outermost(call, answer.request, run)
        finally:
            self._note(answer, call, output)
        return output

    def _note(self, answer: _Answer, call: Call, output: Any) -> None:
        with contextlib.suppress(Exception), self._lock:
            answer.add(call, output)
            for network in networks_in(call.network):
                if len(self._networks) < MOST_NETWORKS:
                    self._networks.setdefault(id(network), (call.kind, network))


class _Answer:
    """What is noted during one answer."""

    def __init__(self, image: Array, task: Mapping[str, Any]) -> None:
        self.wants_parameters = bool(task.get("parameters"))
        self.loads = bool(task.get("load"))
        self.wants_networks = self.wants_parameters or self.loads
        recipe = task.get("recipe")
        # The student's code may change its image.
        self.request = Request(image.copy() if recipe else image, recipe, bool(task.get("inputs", True)))
        self._is_replaced = False
        self._calls = 0
        self._records: list[tuple[Call, Kept | None]] = []

    def add(self, call: Call, output: Any) -> None:
        """Note a call; of too many, the first ones and the last."""
        self._calls += 1
        self._is_replaced |= call.taken is not None
        self._records[MOST_RECORDS - 1 :] = [(call, self._kept(output))]
        call.given = None

    def _kept(self, output: Any) -> Kept | None:
        """Who wants no inputs asks about many images: of what networks return for those, little is kept."""
        return kept_of(output, self.request.inputs)

    def _keep_little(self) -> None:
        """Keep the last call's output, which may be the logits, and little of the others."""
        left = MOST_OTHER_BYTES
        for _, kept in self._records[-2::-1]:
            if kept is not None and kept.values is not None:
                left -= kept.values.nbytes
                kept.values = kept.values if left >= 0 else None

    def noted(self) -> dict[str, Any]:
        """Return all of it, as JSON takes it."""
        if not self.request.inputs:
            self._keep_little()
        room = Room(MOST_BYTES // 2 if self.wants_networks else MOST_BYTES)
        records = [
            {
                "kind": call.kind,
                "name": type(call.network).__name__[:MOST_NAME],
                "input": room.sent(call.seen),
                "output": room.sent(output),
                "training": call.training,
                "inputs": call.inputs,
            }
            for call, output in self._records
        ]
        return {"records": records, "calls": self._calls, "replaced": self._is_replaced}
