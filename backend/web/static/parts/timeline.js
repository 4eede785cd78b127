// The slots around now: delivered, cleared, and open for orders, with what is left of each time.
import { clock, gateClosesAt, nextGateSlot, SLOT_SECONDS, useNow, useSlot } from "../lib/clock.js";
import { clockTime, day, duration, slotTimes, zone } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useMarket } from "../lib/market.js";
import { useStore } from "../lib/store.js";
import { useSlots } from "../lib/slots.js";

export function Timeline() {
  useMarket(); // the market's place gives the times their zone
  const slot = useSlot();
  const { phaseOf } = useSlots();
  if (slot === null) return html`<div class="timeline waiting" aria-busy="true"></div>`;
  const open = nextGateSlot(slot);
  return html`<section class="timeline" aria-label="Time of the market">
    <p class="chain-time"><${Now} /></p>
    <ol>
      <li class="past"><span class="times">${slotTimes(slot - 1)}</span><span
        class="what">${past(phaseOf(slot - 1))}</span></li>
      <li class="now"><span class="times">${slotTimes(slot)}</span><span class="what">delivered
        now</span><${Left} until=${(slot + 1) * SLOT_SECONDS} word="ends in" /></li>
      <li class="soon"><span class="times">${slotTimes(slot + 1)}</span><span
        class="what">${ahead(phaseOf(slot + 1))}</span></li>
      <li class="soon"><span class="times">${slotTimes(slot + 2)}</span><span
        class="what">${ahead(phaseOf(slot + 2))}</span></li>
      <li class="open"><span class="times">${slotTimes(open)}</span><span class="what">open for
        orders</span><${Left} until=${gateClosesAt(open)} word="gate closes in" /></li>
    </ol>
  </section>`;
}

function Now() {
  const now = useNow();
  const stands = useStore(clock)?.speed === "step";
  return html`<span class="unseen">Chain time </span><b>${clockTime(now)}</b> <span>${zone()}, ${day(now)}</span>
    ${stands && html`<span> – stands still until <code>wattline step</code></span>`}`;
}

function Left({ until, word }) {
  const left = until - useNow();
  const share = Math.min(1, Math.max(0, 1 - left / SLOT_SECONDS));
  return html`<span class="left">${word} <b>${duration(left)}</b></span>
    <progress max="1" value=${share.toFixed(3)} aria-label=${`${word} ${duration(left)}`}></progress>`;
}

const past = (phase) => ({ settled: "settled", void: "void" })[phase] ?? "delivered";

const ahead = (phase) => ({ cleared: "cleared", settled: "cleared", void: "void" })[phase] ?? "gate closed";
