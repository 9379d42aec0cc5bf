"""The payment processors as one process: WeChat Pay and the acquiring bank.

They know what truly happened with the money, mistakes included, and write it into the settlement files of the day:
``python -m simulators.processors --config FILE``. ``POST /settle`` (after the day) writes; ``GET /state`` answers.
"""

import argparse
from pathlib import Path

from aiohttp import web

from simulators import configuration
from simulators.bills import bank_statement, wechat_bill
from simulators.configuration import Simulation
from simulators.day import build_plan
from simulators.plan import Capture, Plan, Repayment

# No channel has this name: the plan is built without pictures of orders.
NO_CHANNEL = "processors"


def settlement_files(plan: Plan) -> dict[str, bytes]:
    """processor/file name -> the file, for the day of the plan."""
    day = plan.options.date
    return {
        f"wechat/trade-bill-{day:%Y%m%d}.csv": wechat_bill(*_moved_by("wechat", plan)),
        f"bank/camt053-{day:%Y%m%d}.xml": bank_statement(*_moved_by("bank", plan), day),
    }


def _moved_by(processor: str, plan: Plan) -> tuple[list[Capture], list[Repayment]]:
    captures = [capture for capture in plan.captures if capture.processor == processor]
    return captures, [repayment for repayment in plan.repayments if repayment.processor == processor]


def drop(folder: Path, files: dict[str, bytes]) -> list[str]:
    """Put the files where the hub collects statements; a name ending in ``.writing`` is not ready yet."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(path.name + ".writing")
        draft.write_bytes(content)
        draft.rename(path)
    return sorted(files)


def create_app(simulation: Simulation) -> web.Application:
    """The processors' server. The plan is built at once: a process that answers is ready."""
    plan = build_plan(simulation.plan_options, NO_CHANNEL)

    async def settle(_request: web.Request) -> web.Response:
        return web.json_response({"files": drop(simulation.data_dir / "drop" / "statements", settlement_files(plan))})

    async def state(_request: web.Request) -> web.Response:
        return web.json_response({"captures": len(plan.captures), "refunds": len(plan.repayments)})

    app = web.Application()
    app.add_routes([web.post("/settle", settle), web.get("/state", state)])
    return app


def main() -> None:
    """Run on 127.0.0.1 until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="the file that describes the simulation")
    simulation = configuration.read(parser.parse_args().config)
    web.run_app(create_app(simulation), host="127.0.0.1", port=simulation.processors_port, print=None)


if __name__ == "__main__":
    main()
