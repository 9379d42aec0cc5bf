"""Puts a day together: the faults first, each on its own order, then ordinary journeys up to the number asked for."""

from simulators.journeys import Traveller, number_windows
from simulators.plan import Plan, PlanOptions, World, sorted_by_time
from simulators.seeded_faults import Faults


def build_plan(options: PlanOptions, only: str | None = None) -> Plan:
    """The plan for ``options``; the same for the same options, wherever and whenever it is built.

    ``only``: the one channel whose acts get a picture of their order; the other channels' acts are for counting only.
    """
    world = World(options, only)
    traveller = Traveller(world)
    faults = Faults(world, traveller)
    faults.seed()
    traveller.account_orders()
    while world.plan.orders < options.orders:
        traveller.journey()
    number_windows(world)
    faults.files()
    for channel, steps in world.plan.steps.items():
        world.plan.steps[channel] = sorted_by_time(steps)
    return world.plan
