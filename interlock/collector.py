"""Python's garbage collector, as the long-lived processes set it."""

import gc


def settle_garbage_collector() -> None:
    """What this process has loaded stays: only what messages leave behind is looked through, and less often.

    Reference counts free nearly all of it at once. With the default thresholds the collector walked the objects of the
    imported code again and again: a tenth of the CPU of the intake, a seventh of a delivery's
    (docs/explanation/where-time-goes.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
