"""A browser wallet (EIP-1193) whose key is here, in the process of the test."""

import json
from dataclasses import dataclass, field
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from tests.browser.visitor import Visitor

# Playwright passes no codes of errors on, so that the page's side makes them of what we return.
INJECTED = """
window.ethereum = {
  request: async ({ method, params }) => {
    const { result, error } = await window.askWallet(method, params ?? []);
    if (error) throw Object.assign(new Error(error.message), { code: error.code });
    return result;
  },
};
"""


@dataclass
class Wallet:
    """Holds one account on one chain; `asked` are the methods that the page called."""

    account: LocalAccount
    chain_id: int
    declines: bool = False
    asked: list[str] = field(default_factory=list)

    def put_into(self, visitor: Visitor) -> None:
        """Give the visitor's browser this wallet; before a page is opened."""
        visitor.page.expose_function("askWallet", self.answer)
        visitor.page.add_init_script(INJECTED)

    def answer(self, method: str, parameters: list[Any]) -> dict[str, Any]:
        self.asked.append(method)
        if method == "eth_requestAccounts":
            return {"result": [self.account.address]}
        if method == "eth_chainId":
            return {"result": hex(self.chain_id)}
        if method == "eth_signTypedData_v4" and not self.declines:
            signed = Account.sign_typed_data(
                self.account.key, full_message=json.loads(parameters[1])
            )
            return {"result": signed.signature.to_0x_hex()}
        if method == "wallet_switchEthereumChain":
            return {"error": {"code": 4902, "message": "unknown chain"}}
        return {"error": {"code": 4001, "message": "declined"}}
