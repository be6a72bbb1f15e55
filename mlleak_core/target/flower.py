"""A federation of processes or machines: Flower carries the joint model to the participants and back.

Source: Beutel et al., "Flower: A friendly federated learning research framework", 2020. Every update counts
alike, so that a round of one gradient each is the synchronous SGD of `federated`. Flower is an extra
(`requirements-federation.txt`), imported only where it is used.
"""

from __future__ import annotations

import importlib
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlleak_core.contract import BadInput, Diverged
from mlleak_core.defences.aggregator import Aggregator

Arrays = Sequence[NDArray[np.float32]]
"""Weights as Flower carries them: a tensor each."""


class Participant(Protocol):
    """One who trains along. Sees what Flower hands to a client, and nothing else. Says that one record stands
    behind its update, unless it has a number `claim`.
    """

    def sends(self, number: int, weights: Tensor, behind: int) -> Tensor:
        """The update [p] for round `number` at joint weights [p]. behind: how many updates stand behind the
        last step of the joint model; 0 before the first round.
        """

    def ends(self, weights: Tensor, behind: int) -> float:
        """Takes the final joint weights [p]; returns the mean loss on its own records."""


@dataclass(eq=False, kw_only=True)
class Served:
    """weights [p]: the joint model after the last finished round. took_part: how many in each finished round.
    loss: the participants' mean in the end, None where nobody was left to say.
    """

    weights: Tensor
    took_part: list[int] = field(default_factory=list)
    loss: float | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Lead:
    """How a server leads. recipe: names the settings that everybody must have. wait: seconds until all must
    be there. on_round: is told each finished round and how many took part. rule: how updates are added up,
    Flower's own mean by claims where there is none.
    """

    participants: int
    rounds: int
    recipe: str
    wait: float
    on_round: Callable[[int, int], None]
    rule: Aggregator | None = None


def serve(weights: Tensor, shapes: Sequence[torch.Size], address: str, lead: Lead) -> Served:
    """Wait for the participants, then train jointly from weights [p]; who is lost on the way is done without.

    Raises BadInput: no Flower, an address that cannot be served on, too few participants in time, two who say
    they are the same, updates that the rule refuses.
    """
    flower = _flower("server")
    _limited(lead.wait)
    _free(address)
    served = Served(weights=weights)
    strategy = _strategy(served, shapes, lead)
    history = flower.start_server(
        server_address=address, config=flower.ServerConfig(num_rounds=lead.rounds), strategy=strategy
    )
    if strategy.problem is not None:
        raise strategy.problem
    losses = history.losses_distributed
    served.loss = losses[-1][1] if losses else None
    return served


def join(
    participant: Participant, shapes: Sequence[torch.Size], *, who: int, server: str, recipe: str, wait: float
) -> None:
    """Train along until the server says that it is over. who: the participant's number.

    wait: seconds until the server must answer. Raises BadInput: no Flower, no server, another recipe, a
    connection that breaks.
    """
    flower = _flower("client")
    _limited(wait)
    _reach(server, wait)
    client = _client(participant, shapes, who, recipe)
    try:
        flower.start_client(server_address=server, client=client.to_client())
    except importlib.import_module("grpc").RpcError as problem:
        expected = f"a Flower server at {server} that stays until the last round"
        raise BadInput(expected, f"a broken connection ({problem.code().name})", "Start anew.") from None


def flat(arrays: Arrays) -> Tensor:
    """Weights as one vector [p]."""
    return torch.cat([torch.from_numpy(np.array(array, np.float32)).reshape(-1) for array in arrays])


def split(weights: Tensor, shapes: Sequence[torch.Size]) -> list[NDArray[np.float32]]:
    """One vector [p] as a tensor each."""
    parts = weights.split([shape.numel() for shape in shapes])
    return [part.view(shape).numpy() for part, shape in zip(parts, shapes, strict=True)]


def _flower(part: str) -> Any:
    """The module `flwr.<part>`, silent and without telemetry."""
    os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
    try:
        module = importlib.import_module(f"flwr.{part}")
    except ImportError:
        remedy = "Install it: pip install -r requirements-federation.txt."
        raise BadInput("Flower (flwr) for a federation over a network", "no such package", remedy) from None
    logging.getLogger("flwr").setLevel(logging.CRITICAL)  # what goes wrong is said once, by us
    return module


def _strategy(served: Served, shapes: Sequence[torch.Size], lead: Lead) -> Any:
    common = importlib.import_module("flwr.common")
    averaging: Any = _flower("server").strategy.FedAvg

    def told(round_: int) -> dict[str, Any]:
        took_part = served.took_part
        return {"round": round_ - 1, "behind": took_part[-1] if took_part else 0, "recipe": lead.recipe}

    class Synchronous(averaging):  # type: ignore[misc]
        """All who are there take part in every round; after the last one they are handed the outcome."""

        problem: BadInput | None = None

        def configure_fit(self, server_round: int, parameters: Any, client_manager: Any) -> Any:
            if server_round == 1 and not client_manager.wait_for(lead.participants, timeout=lead.wait):
                there = str(client_manager.num_available())
                remedy = "Start the others, or wait longer."
                expected = f"{lead.participants} participants within {lead.wait:g} seconds"
                self.problem = BadInput(expected, there, remedy)
            if self.problem is not None or not client_manager.num_available():
                return []  # raising here would leave Flower's threads behind
            return super().configure_fit(server_round, parameters, client_manager)

        def aggregate_fit(self, server_round: int, results: Any, failures: Any) -> Any:
            results = sorted(results, key=lambda r: r[1].metrics["participant"])  # a sum's order rounds
            numbers = [result.metrics["participant"] for _, result in results]
            if len(set(numbers)) < len(numbers):
                got = f"two who are number {max(numbers, key=numbers.count)}"
                self.problem = BadInput("participants with a number each", got, "Give each its own.")
                return None, {}
            if lead.rule is None or not results:
                joint, metrics = super().aggregate_fit(server_round, results, failures)
            else:
                joint, metrics = self._by_rule(lead.rule.in_round(server_round - 1), results), {}
            if joint is not None:
                served.weights = flat(common.parameters_to_ndarrays(joint))
                served.took_part.append(len(results))
                lead.on_round(server_round - 1, len(results))
            return joint, metrics

        def _by_rule(self, rule: Aggregator, results: Any) -> Any:
            sent = [flat(common.parameters_to_ndarrays(result.parameters)) for _, result in results]
            claims = torch.tensor([float(result.num_examples) for _, result in results])
            try:
                step = rule(torch.stack(sent) - served.weights, claims)
            except (BadInput, Diverged) as problem:
                remedy = "Let more take part, or choose another rule."
                self.problem = (
                    problem
                    if isinstance(problem, BadInput)
                    else BadInput("updates of finite numbers", str(problem), remedy)
                )
                return None
            return common.ndarrays_to_parameters(split(served.weights + step, shapes))

        def configure_evaluate(self, server_round: int, parameters: Any, client_manager: Any) -> Any:
            if server_round < lead.rounds or self.problem is not None or not client_manager.num_available():
                return []
            return super().configure_evaluate(server_round, parameters, client_manager)

    return Synchronous(
        min_fit_clients=1,
        min_evaluate_clients=1,
        min_available_clients=1,
        initial_parameters=common.ndarrays_to_parameters(split(served.weights, shapes)),
        on_fit_config_fn=told,
        on_evaluate_config_fn=told,
    )


def _client(participant: Participant, shapes: Sequence[torch.Size], who: int, recipe: str) -> Any:
    class Client(_flower("client").NumPyClient):  # type: ignore[misc]
        def fit(self, parameters: Arrays, config: Mapping[str, Any]) -> tuple[Arrays, int, dict[str, Any]]:
            if config.get("recipe") != recipe:
                expected = "a server with the same settings as this participant"
                remedy = "Start all with the same options; of texts, all need the same vocabulary."
                raise BadInput(expected, "one with others", remedy)
            weights = flat(parameters)
            update = participant.sends(int(config["round"]), weights, int(config["behind"]))
            claim = int(getattr(participant, "claim", 1))
            return split(weights + update, shapes), claim, {"participant": who}

        def evaluate(
            self, parameters: Arrays, config: Mapping[str, Any]
        ) -> tuple[float, int, dict[str, Any]]:
            return participant.ends(flat(parameters), int(config["behind"])), 1, {}

    return Client()


def _limited(wait: float) -> None:
    if not 0 <= wait <= 86400:
        raise BadInput("a wait of 0 to 86,400 seconds", f"{wait}", "Choose one of that length.")


def _place(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise BadInput("an address as HOST:PORT", repr(address[:80]), "127.0.0.1:9092 is one.")
    return host.strip("[]"), int(port)


def _free(address: str) -> None:
    host, port = _place(address)
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        socket.create_server((host, port), family=family).close()
    except OSError as problem:
        got = problem.strerror or str(problem)
        raise BadInput(f"an address to serve on, such as {address}", got, "Choose another.") from None


def _reach(server: str, wait: float) -> None:
    place, until = _place(server), time.monotonic() + wait
    while True:
        try:
            socket.create_connection(place, timeout=min(max(1.0, until - time.monotonic()), 30.0)).close()
            return
        except OSError as problem:
            if time.monotonic() > until:
                got = problem.strerror or str(problem)
                expected = f"a Flower server at {server} within {wait:g} seconds"
                raise BadInput(expected, got, "Start the server first, or look at the address.") from None
            time.sleep(0.2)
