// What became of the orders that this browser has handed in.
import { useSlot } from "../lib/clock.js";
import { counted, kwh, price, slotName } from "../lib/format.js";
import { html, useEffect } from "../lib/html.js";
import { useParticipants } from "../lib/market.js";
import { orderWords, paid } from "../lib/orders.js";
import { STAGE_WORDS, follow, ofMarket, sent } from "../lib/sent.js";
import { useStore } from "../lib/store.js";
import { Card } from "./basics.js";

const STEPS = ["Handed in", "Recorded", "Cleared", "Settled"];
const REACHED = { waiting: 0, posted: 0, recorded: 1, cleared: 2, settled: 3 };
const lowered = (words) => words[0].toLowerCase() + words.slice(1);
const BAD = ["skipped", "failed", "dropped", "void", "lost"];

export function SentOrders({ market }) {
  const orders = ofMarket(useStore(sent), market);
  const now = useSlot();
  const { nameOf } = useParticipants();
  useEffect(follow, []);
  return html`<${Card} id="sent" title="Your orders from this browser">
    ${
      orders.length === 0 &&
      html`<div class="hollow"><p>None yet. An order goes four steps: handed in, recorded
      in the book, cleared at the gate's closure, settled after delivery. You see each here as it happens.</p></div>`
    }
    <ol class="sent">${orders.map(
      (one) => html`<${Sent} key=${one.id} order=${one} now=${now} nameOf=${nameOf}
      />`,
    )}</ol>
  <//>`;
}

function Sent({ order, now, nameOf }) {
  const isBad = BAD.includes(order.stage);
  return html`<li class=${isBad ? "bad" : ""} data-stage=${order.stage}>
    <p class="order"><b>${nameOf(order.participant)}</b> ${lowered(orderWords(order))}<br />
      <span class="unit">for ${slotName(order.slot, now)}</span></p>
    ${
      isBad
        ? html`<p class="error">${STAGE_WORDS[order.stage]}${order.reason ? `: ${order.reason}` : ""}</p>`
        : html`<${Steps} at=${REACHED[order.stage] ?? 0} />`
    }
    ${REACHED[order.stage] >= 2 && html`<${Outcome} order=${order} nameOf=${nameOf} />`}
  </li>`;
}

function Steps({ at }) {
  return html`<ol class="steps-of">${STEPS.map(
    (name, place) => html`<li key=${name} class=${place <= at ? "done" : place === at + 1 ? "next" : ""}
      aria-current=${place === at ? "step" : undefined}>
      <span class="mark" aria-hidden="true">${place <= at ? "✓" : ""}</span>${name}<span
        class="unseen">${place <= at ? " (done)" : " (to come)"}</span></li>`,
  )}</ol>`;
}

function Outcome({ order, nameOf }) {
  if (order.trades.length === 0)
    return html`<p class="outcome">Cleared without a trade: what it locked is free
      again${order.stage === "settled" ? "" : " once the slot is settled"}.</p>`;
  const isSeller = order.kind === "offer";
  const energy = order.trades.reduce((total, one) => total + one.energy_wh, 0);
  const done = `${counted(order.trades.length, "trade")}, ${kwh(energy)} of ${kwh(order.energy_wh)} kWh:`;
  const isSettled = order.stage === "settled";
  return html`<div class="outcome"><p>${done}</p>
    <ul>${order.trades.map(
      (one) =>
        html`<li key=${one.position}>${tradeWords(one, isSeller, nameOf)}${isSettled && one.delivered_wh !== null && html`<${Paid} trade=${one} isSeller=${isSeller} />`}</li>`,
    )}</ul>
    ${isSettled && html`<p><a href="#account">See the account</a></p>`}
  </div>`;
}

function tradeWords(trade, isSeller, nameOf) {
  const partner = isSeller ? `to ${nameOf(trade.buyer)}` : `from ${nameOf(trade.seller)}`;
  const rate = `at ${price(trade.price_micro_usd_per_mwh)} USD/kWh`;
  const hasFee = !isSeller && trade.fee_micro_usd_per_mwh > 0;
  const fee = hasFee ? ` and ${price(trade.fee_micro_usd_per_mwh)} lease fee` : "";
  return `${kwh(trade.energy_wh)} kWh ${partner} ${rate}${fee}`;
}

function Paid({ trade, isSeller }) {
  const money = `${paid(trade, isSeller)} USD ${isSeller ? "earned" : "paid"}`;
  return html` – ${kwh(trade.delivered_wh)} kWh delivered, <b>${money}</b>`;
}
