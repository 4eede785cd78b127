// Signatures of orders (EIP-712): by a browser wallet, or on a devnet by a test key made here.
// No key ever leaves the browser; what is sent is the order and its signature.

const KINDS = { offer: 1, bid: 2 };
const REJECTED = 4001; // EIP-1193
const UNKNOWN_CHAIN = 4902; // EIP-3085

const ORDER = [
  { name: "kind", type: "uint8" },
  { name: "slot", type: "uint32" },
  { name: "participant", type: "uint16" },
  { name: "energyWh", type: "uint32" },
  { name: "price", type: "uint48" },
  { name: "nonce", type: "uint32" },
  { name: "terms", type: "uint96" },
];

const DOMAIN = [
  { name: "name", type: "string" },
  { name: "version", type: "string" },
  { name: "chainId", type: "uint256" },
  { name: "verifyingContract", type: "address" },
];

/** Why there is no signature, in words for the person who was to give it. */
export class NotSigned extends Error {}

export function typedData(domain, order) {
  return {
    types: { EIP712Domain: DOMAIN, Order: ORDER },
    primaryType: "Order",
    domain: {
      name: domain.name,
      version: domain.version,
      chainId: Number(domain.chainId),
      verifyingContract: domain.verifyingContract,
    },
    message: {
      kind: KINDS[order.kind],
      slot: order.slot,
      participant: order.participant,
      energyWh: order.energy_wh,
      price: order.price_micro_usd_per_mwh,
      nonce: order.nonce,
      terms: order.terms,
    },
  };
}

/** Signs with the key that every development chain gives this label; anybody can compute it. */
export async function signWithTestKey(data, name, owner) {
  const { Wallet, keccak256, toUtf8Bytes } = await import("ethers");
  const wallet = new Wallet(keccak256(toUtf8Bytes(`wattline development key: ${name} owner`)));
  if (wallet.address.toLowerCase() !== owner.toLowerCase()) {
    throw new NotSigned(`${name} is owned by ${owner}, not by its test key: use a wallet.`);
  }
  return wallet.signTypedData(data.domain, { Order: ORDER }, data.message);
}

export const hasWallet = () => typeof window.ethereum?.request === "function";

/** Asks the browser's wallet; checks its chain and that it holds the owner's account first. */
export async function signWithWallet(data, owner) {
  if (!hasWallet()) throw new NotSigned("This browser has no wallet. Nothing was signed.");
  const wallet = window.ethereum;
  try {
    const accounts = await wallet.request({ method: "eth_requestAccounts" });
    const account = accounts.find((one) => one.toLowerCase() === owner.toLowerCase());
    if (!account) {
      throw new NotSigned(
        `Your wallet shares ${accounts.join(", ") || "no account"}; this participant is owned by ${owner}.`,
      );
    }
    await onChain(wallet, data.domain.chainId);
    return await wallet.request({
      method: "eth_signTypedData_v4",
      params: [account, JSON.stringify(data)],
    });
  } catch (error) {
    if (error instanceof NotSigned) throw error;
    if (error?.code === REJECTED) {
      throw new NotSigned("You declined in your wallet. Nothing was sent.");
    }
    throw new NotSigned(`Your wallet did not sign: ${error?.message ?? error}`);
  }
}

async function onChain(wallet, expected) {
  const found = Number(await wallet.request({ method: "eth_chainId" }));
  if (found === expected) return;
  try {
    await wallet.request({
      method: "wallet_switchEthereumChain",
      params: [{ chainId: `0x${expected.toString(16)}` }],
    });
  } catch (error) {
    if (error?.code === REJECTED) throw error;
    const why = error?.code === UNKNOWN_CHAIN ? " It does not know that chain: add it there." : "";
    throw new NotSigned(
      `Your wallet is on chain ${found}, this market on chain ${expected}.${why} Nothing was signed.`,
    );
  }
}
