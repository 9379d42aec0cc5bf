"""The travel agents (代售点): OTA JSON with yuan doubles. The wire is described in README.md."""

from adapters.agents.connections import AGENTS, AGENTS_SOUTH, AgentsAdapter, adapter_for

adapter = adapter_for(AGENTS)

__all__ = ["AGENTS", "AGENTS_SOUTH", "AgentsAdapter", "adapter", "adapter_for"]
