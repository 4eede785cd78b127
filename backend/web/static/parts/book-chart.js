// The order book as steps: offers by rising price, bids by falling price, over the energy so far.
import { counted, kwhOf, number, usdPerKwhOf } from "../lib/format.js";
import { html } from "../lib/html.js";
import { roundAxis } from "./axis.js";
import { useWidth } from "./width.js";

const HEIGHT = 260;
const LEFT = 46;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 34;

/** `offers` and `bids` are sorted; `price` is the clearing price, `traded` in Wh, once cleared. */
export function BookChart({ offers, bids, price, traded }) {
  const [ref, width] = useWidth();
  const energy = roundAxis(0, Math.max(kwhOf(sum(offers)), kwhOf(sum(bids)), 0.001), width < 420 ? 4 : 6);
  const highest = Math.max(
    ...[...offers, ...bids].map((one) => usdPerKwhOf(one.price_micro_usd_per_mwh)),
    0.01,
  );
  const prices = roundAxis(0, 1.02 * highest, 5);
  const x = (value) => LEFT + ((width - LEFT - RIGHT) * (value - energy.low)) / (energy.high - energy.low);
  const y = (value) =>
    TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - prices.low) / (prices.high - prices.low));
  const label = sentence(offers, bids, price, traded);
  return html`<div class="picture" ref=${ref}>
    <svg width=${width} height=${HEIGHT} viewBox=${`0 0 ${width} ${HEIGHT}`} role="img" aria-label=${label}>
      ${
        traded > 0 &&
        html`<rect class="traded" x=${x(0)} y=${TOP} width=${x(kwhOf(traded)) - x(0)}
        height=${HEIGHT - TOP - BOTTOM} />`
      }
      ${prices.ticks.map(
        (tick) => html`<g key=${`p${tick}`}><line class="grid" x1=${LEFT} x2=${width - RIGHT} y1=${y(tick)}
          y2=${y(tick)} />
          <text class="tick" x=${LEFT - 7} y=${y(tick) + 4}
            text-anchor="end">${number(tick, prices.digits)}</text></g>`,
      )}
      ${energy.ticks.map(
        (tick, at) => html`<text class="tick" key=${`e${tick}`} x=${x(tick)} y=${HEIGHT - BOTTOM + 17}
          text-anchor=${at === energy.ticks.length - 1 ? "end" : "middle"}>${number(tick, energy.digits)}</text>`,
      )}
      <text class="axis-name" x=${width - RIGHT} y=${HEIGHT - 3} text-anchor="end">energy so far, kWh</text>
      ${
        price !== null &&
        html`<line class="price-line" x1=${LEFT} x2=${width - RIGHT}
        y1=${y(usdPerKwhOf(price))} y2=${y(usdPerKwhOf(price))} />`
      }
      <path class="steps offers" d=${steps(offers, x, y)} />
      <path class="steps bids" d=${steps(bids, x, y)} />
    </svg>
  </div>`;
}

/** What the lines mean. */
export function BookKeys({ price = null }) {
  return html`<ul class="legend">
    <li><span class="key step offers"></span>Offers</li><li><span class="key step bids"></span>Bids</li>
    ${
      price !== null &&
      html`<li><span class="key dashed price"></span>Mean
        price</li><li><span class="key bars traded"></span>Traded</li>`
    }
  </ul>`;
}

/** Sorts a book as markets do, and leaves out what was cancelled. */
export function sides(entries) {
  const gone = new Set(entries.filter((one) => one.entry === "cancellation").map((one) => one.participant));
  const live = entries.filter((one) => one.entry !== "cancellation" && !gone.has(one.participant));
  const by = (sign) => (a, b) =>
    sign * (a.price_micro_usd_per_mwh - b.price_micro_usd_per_mwh) || a.position - b.position;
  return {
    offers: live.filter((one) => one.kind === "offer").sort(by(1)),
    bids: live.filter((one) => one.kind === "bid").sort(by(-1)),
  };
}

export const sum = (orders) => orders.reduce((total, one) => total + one.energy_wh, 0);

export function sentence(offers, bids, price, traded) {
  const book = `${counted(offers.length, "offer")} of ${number(kwhOf(sum(offers)), 3)} kWh, ${counted(bids.length, "bid")} for ${number(kwhOf(sum(bids)), 3)} kWh`;
  if (price === null) return `${book}.`;
  return `${book}; ${number(kwhOf(traded), 3)} kWh traded at ${number(usdPerKwhOf(price), 4)} USD/kWh on average.`;
}

function steps(orders, x, y) {
  let path = "";
  let energy = 0;
  for (const [place, one] of orders.entries()) {
    const height = y(usdPerKwhOf(one.price_micro_usd_per_mwh)).toFixed(1);
    path += place ? `V${height}` : `M${x(0).toFixed(1)} ${height}`;
    energy += kwhOf(one.energy_wh);
    path += `H${x(energy).toFixed(1)}`;
  }
  return path;
}
