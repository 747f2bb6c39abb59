"""
Compute batches in other processes while the network trains in this one.

Batch k comes from process k mod n through that process's own bounded queue, so batches arrive in order
and no process runs ahead of the training by more than a few.
"""

import multiprocessing
import os
import queue
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Final, Self

from quake_stream.training.batches import Batch

AHEAD: Final = 3  # batches that a process may have ready
_PATIENCE_S: Final = 5.0  # between looks whether the other side still lives


class BatchWorkers:
    """
    Processes that compute batches ``start`` to ``stop``; used as a context manager.

    Parameters
    ----------
    make
        Number of a batch → the batch.
    start, stop
        Numbers of the first batch and of the one after the last.
    n_processes
        0 computes in this process.
    """

    def __init__(self, make: Callable[[int], Batch], *, start: int, stop: int, n_processes: int) -> None:
        self._make = make
        self._range = range(start, stop)
        # Forked, so that the recordings are shared and not copied; the children touch neither GPU nor torch.
        context = multiprocessing.get_context("fork")
        self._queues: list[Any] = [context.Queue(maxsize=AHEAD) for _ in range(n_processes)]
        self._processes = [
            context.Process(
                target=_fill,
                args=(make, self._range[i::n_processes], self._queues[i], os.getpid()),
                daemon=True,
            )
            for i in range(n_processes)
        ]

    def __enter__(self) -> Self:
        for process in self._processes:
            process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the processes, whatever they are doing: they hold nothing that must be saved."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join()
        for waiting in self._queues:
            waiting.close()

    def __iter__(self) -> Iterator[Batch]:
        """
        Yield the batches in order.

        Raises
        ------
        RuntimeError
            A process died; its own report is on stderr.
        """
        for i, number in enumerate(self._range):
            if self._queues:
                yield self._next(i % len(self._queues))
            else:
                yield self._make(number)

    def _next(self, which: int) -> Batch:
        while True:
            try:
                batch: Batch = self._queues[which].get(timeout=_PATIENCE_S)
            except queue.Empty:
                if not self._processes[which].is_alive():
                    code = self._processes[which].exitcode
                    raise RuntimeError(f"batch process {which} ended with status {code}") from None
            else:
                return batch


def _fill(make: Callable[[int], Batch], numbers: range, batches: Any, parent: int) -> None:
    for number in numbers:
        batch = make(number)
        while not _put(batches, batch):
            if os.getppid() != parent:  # killed without a chance to stop us
                batches.cancel_join_thread()
                return


def _put(batches: Any, batch: Batch) -> bool:
    try:
        batches.put(batch, timeout=_PATIENCE_S)
    except queue.Full:
        return False
    return True
