// The columns that tables have in common, each with its unit.
import { kwh, number, price, slotName } from "../lib/format.js";
import { html } from "../lib/html.js";
import { Kind, TransactionLink } from "./basics.js";

export const words = (name, cell) => ({ name, text: true, cell });

export const count = (name, of) => ({ name, cell: (row) => number(of(row)) });

/** An energy in Wh; what is not known yet is said to be so. */
export function energy(name, of) {
  const cell = (row) => (of(row) === null ? "not yet" : kwh(of(row)));
  return { name, unit: "kWh", cell };
}

export const rate = (name, of) => ({ name, unit: "USD/kWh", cell: (row) => price(of(row)) });

export const slotTimes = (now) => words("Slot", (row) => slotName(row.slot, now));

/** The slot as a link to its round. */
export function roundLink(now) {
  const cell = (row) => html`<a href=${`#rounds/${row.slot}`}>${slotName(row.slot, now)}</a>`;
  return words("Slot", cell);
}

export const side = words("Side", (row) => html`<${Kind} kind=${row.kind} />`);

export const orderEnergy = energy("Energy", (row) => row.energy_wh);

export const orderPrice = rate("Price", (row) => row.price_micro_usd_per_mwh);

export const leaseFee = rate("Lease fee", (row) => row.fee_micro_usd_per_mwh);

export const delivered = energy("Delivered", (row) => row.delivered_wh);

export const transaction = words(
  "Transaction",
  (row) => html`<${TransactionLink} hash=${row.transaction_hash} />`,
);

export const participantOf = (nameOf) => words("Participant", (row) => nameOf(row.participant));

export const sellerOf = (nameOf) => words("Seller", (row) => nameOf(row.seller));

export const buyerOf = (nameOf) => words("Buyer", (row) => nameOf(row.buyer));
