"""Jobs of the journal; their times are in config/schedule.py."""

from cercle.base.common.jobs import task

from . import seals


@task(queue="audit")
def seal() -> None:
    """Every minute."""
    try:
        seals.seal()
    finally:
        seals.watch()


@task(queue="audit")
def partitions() -> None:
    """Every night."""
    seals.make_partitions()
