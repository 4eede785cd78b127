"""Chains that remember the contracts deployed on them, so that a test may read them by itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from web3.contract import Contract
from web3.types import EventData

from oracle.chain.chains import AnvilChain, Chain
from oracle.chain.deployment import Deployment
from oracle.chain.embedded import EmbeddedChain
from oracle.chain.market import Market
from oracle.chain.signatures import development_key
from oracle.domain.results import RunResult, TradeRecord
from oracle.domain.scenario import Scenario
from oracle.market.registry import BY_CONTRACT
from oracle.round import RoundRunner
from oracle.units import MicroUsd, Slot


class Remembering(Chain):
    """Mixed into a chain, keeps what is deployed."""

    contracts: dict[str, Contract]

    def deploy(self, sender: LocalAccount, name: str, *arguments: Any) -> Contract:
        contract = super().deploy(sender, name, *arguments)
        if not hasattr(self, "contracts"):
            self.contracts = {}
        self.contracts[name] = contract
        return contract

    @property
    def mechanism_name(self) -> str:
        return next(name for name in self.contracts if name in BY_CONTRACT)

    def market(self) -> Market:
        """Return the market as a stranger finds it: from the addresses alone."""
        return Market(
            self,
            Deployment(
                token=self.contracts["TestDollar"],
                registry=self.contracts["Registry"],
                line_lease=self.contracts["LineLease"],
                storage_ledger=self.contracts["StorageLedger"],
                mechanism=self.contracts[self.mechanism_name],
                mechanism_name=self.mechanism_name,
                exchange=self.contracts["Exchange"],
                first_block=0,
            ),
        )

    def stranger(self, name: str = "stranger") -> RoundRunner:
        """Return an oracle that knows nothing but the addresses, with an account of its own."""
        account = development_key(name)
        self.fund([account.address])
        verifier = self.contracts[self.mechanism_name]
        twin = BY_CONTRACT[self.mechanism_name].of_parameters(
            verifier.functions.parameters().call()
        )
        return RoundRunner(self.market(), account, {verifier.address: twin})

    def events(self, contract: str, name: str) -> Iterator[EventData]:
        """Return all events of a kind, read from the chain."""
        event = self.contracts[contract].events[name]()
        topic = bytes.fromhex(event.topic.removeprefix("0x"))
        address: ChecksumAddress = self.contracts[contract].address
        for log in self.logs(address, 0, self.block_number()):
            if bytes(log["topics"][0]) == topic:
                yield event.process_log(log)


class RememberingEmbedded(Remembering, EmbeddedChain):
    """The chain in the process."""


class RememberingAnvil(Remembering, AnvilChain):
    """The local node."""


@dataclass(frozen=True)
class Run:
    """A run that is over, and its chain, to be read."""

    scenario: Scenario
    chain: Remembering
    result: RunResult

    @cached_property
    def first_slot(self) -> Slot:
        """The chain's slot of the scenario's first."""
        names = ("OrdersPosted", "OfferPlaced", "BidPlaced")
        placed = [e["args"]["slot"] for name in names for e in self.chain.events("Exchange", name)]
        return Slot(min(placed) - min(order.slot for order in self.result.orders))

    def trades_on_the_chain(self) -> list[TradeRecord]:
        """Return every settled trade as the chain's events tell it, without the money."""
        assert self.scenario.community is not None
        names = [prosumer.name for prosumer in self.scenario.community.prosumers]
        market = self.chain.market()
        records = []
        for event in self.chain.events("Exchange", "SlotSettled"):
            slot = event["args"]["slot"]
            book = market.book(slot)
            for trade in market.settled_trades(slot) or ():
                records.append(
                    TradeRecord(
                        slot=slot - self.first_slot,
                        seller=names[book[trade.offer].participant - 1],
                        buyer=names[book[trade.bid].participant - 1],
                        energy=trade.energy,
                        price=trade.price,
                        lease_fee=trade.fee,
                        surplus=trade.surplus,
                        delivered=trade.delivered,
                    )
                )
        return records

    def money_on_the_chain(self) -> dict[str, MicroUsd]:
        """Return what was paid in and out, what the accounts hold, and what the token says."""
        sums = {"Deposited": 0, "Withdrawn": 0}
        owners = set()
        for name in sums:
            for event in self.chain.events("Exchange", name):
                owner, amount = list(event["args"].values())
                owners.add(owner)
                sums[name] += amount
        market = self.chain.market()
        owners.add(development_key("storage provider").address)
        accounts = [market.account(owner) for owner in owners]
        return {
            "deposited": MicroUsd(sums["Deposited"]),
            "withdrawn": MicroUsd(sums["Withdrawn"]),
            "in_accounts": MicroUsd(sum(a.free + a.locked for a in accounts)),
            "locked": MicroUsd(sum(a.locked for a in accounts)),
            "token_balance": market.token_balance(market.deployment.exchange.address),
        }
