// From what a person types to a signed order, and what its refusals mean.
import { post } from "./api.js";
import { amountDown, amountUp, priceFromUsdPerKwh, whFromKwh } from "./decimal.js";
import { kwh, price, usd } from "./format.js";
import { signWithTestKey, signWithWallet, typedData } from "./signing.js";

const MAX_ENERGY_WH = 2n ** 32n - 1n;

/** The field beside which a refusal is told; all others go to the end of the form. */
const FIELD_OF = {
  "zero-energy": "energy",
  "insufficient-funds": "energy",
  "price-above-cap": "price",
  "gate-closed": "slot",
  "not-open-yet": "slot",
  "order-exists": "slot",
  "wrong-signature": "signer",
  "not-a-participant": "participant",
  "foreign-chain": "signer",
};

/** Returns { energy, price } in the chain's integers, or `errors` by field. */
export function read(form, market) {
  const errors = {};
  const energy = whFromKwh(form.energy);
  const limit = priceFromUsdPerKwh(form.price);
  const cap = BigInt(market.manifest.settings.price_cap_micro_usd_per_mwh);
  if (energy === null) errors.energy = "Enter kWh with at most three decimals, such as 1.25.";
  else if (energy === 0n) errors.energy = "Enter more than 0 kWh.";
  else if (energy > MAX_ENERGY_WH) errors.energy = "An order holds at most 4,294,967 kWh.";
  if (limit === null) errors.price = "Enter USD per kWh with at most nine decimals, such as 0.21.";
  else if (limit > cap) errors.price = `The market's cap is ${price(cap)} USD/kWh.`;
  return { energy, limit, errors };
}

/** What the order locks until it is settled, in micro-USD: a bid its highest cost, an offer a bond. */
export function lockOf(kind, energy, limit, market) {
  return amountUp(energy, kind === "bid" ? limit : market.manifest.settings.bond_micro_usd_per_mwh);
}

/**
 * What the mechanism wants to know besides: pairwise-nash takes an offer's cost of sale, here its
 * price. A bid without a utility curve pays its highest price there.
 */
function termsOf(fields, mechanism) {
  const isCost = mechanism === "pairwise-nash" && fields.kind === "offer";
  return isCost ? String(fields.price_micro_usd_per_mwh) : "0";
}

/** Signs the order with the chosen key and hands it in; returns what the service says of it. */
export async function placeOrder({ market, participant, signer, ...fields }) {
  const order = {
    ...fields,
    participant: participant.number,
    nonce: participant.next_nonce,
    terms: termsOf(fields, market.manifest.mechanism.name),
  };
  const data = typedData(market.domain, order);
  const signature =
    signer === "wallet"
      ? await signWithWallet(data, participant.owner)
      : await signWithTestKey(data, participant.name, participant.owner);
  const body = {
    chain_id: data.domain.chainId,
    exchange: data.domain.verifyingContract,
    ...order,
    signature,
  };
  return { ...order, ...(await post("/orders", body)) };
}

/** Returns { field, text } for a refusal of the service. */
export function refusal(problem) {
  const again = problem.retryAfter ? ` Try again in ${problem.retryAfter} seconds.` : "";
  return {
    field: FIELD_OF[problem.name] ?? "form",
    text: `${problem.title}${problem.detail ? `: ${problem.detail}` : ""}.${again}`.replace(/\.\.$/, "."),
  };
}

export const orderWords = (order) =>
  `${order.kind === "bid" ? "Bid for" : "Offer of"} ${kwh(order.energy_wh)} kWh at ${price(order.price_micro_usd_per_mwh)} USD/kWh`;

/** What delivered energy of a trade earned its seller or cost its buyer, in USD as text. */
export function paid(trade, isSeller) {
  const { price_micro_usd_per_mwh, fee_micro_usd_per_mwh, surplus_micro_usd_per_mwh } = trade;
  const rates = [price_micro_usd_per_mwh];
  if (!isSeller) rates.push(fee_micro_usd_per_mwh, surplus_micro_usd_per_mwh);
  // Each is rounded down by itself, as the contract does.
  const amounts = rates.map((rate) => amountDown(trade.delivered_wh, rate));
  return usd(Number(amounts.reduce((sum, amount) => sum + amount, 0n)));
}
