// The participants on a circle, neighbours by distance side by side; arrows lead to the buyer.
import { number, usdPerKwhOf, kwh, price } from "../lib/format.js";
import { circleOrder, feeClasses, lineKey } from "../lib/flows.js";
import { html, useMemo } from "../lib/html.js";
import { useWidth } from "./width.js";

const THINNEST = 1.5;
const WIDEST = 9;

export function LineMap({ people, lines, flows, nameOf, only, choose, label }) {
  const [ref, width] = useWidth(520);
  const size = Math.min(width, 620);
  const node = Math.max(13, Math.min(20, size / 22));
  const order = useMemo(() => circleOrder(people, lines), [people, lines]);
  const classes = useMemo(() => feeClasses(lines), [lines]);
  const radius = size / 2 - node - 4;
  const places = new Map(
    order.map((one, at) => {
      const angle = (2 * Math.PI * at) / order.length - Math.PI / 2;
      return [one, { x: size / 2 + radius * Math.cos(angle), y: size / 2 + radius * Math.sin(angle) }];
    }),
  );
  const fees = new Map(lines.map((line) => [lineKey(line.first, line.second), line.fee_micro_usd_per_mwh]));
  const largest = Math.max(...flows.map((flow) => flow.energy_wh), 1);
  const dim = (one, other) => (only !== null && one !== only && other !== only ? " dim" : "");
  const roles = new Map();
  for (const flow of flows) {
    roles.set(flow.seller, (roles.get(flow.seller) ?? 0) + flow.energy_wh);
    roles.set(flow.buyer, (roles.get(flow.buyer) ?? 0) - flow.energy_wh);
  }
  return html`<div class="picture map" ref=${ref}>
    <svg width=${size} height=${size} viewBox=${`0 0 ${size} ${size}`} role="img" aria-label=${label}>
      ${lines.map((line) => {
        const [from, to] = [places.get(line.first), places.get(line.second)];
        return (
          from &&
          to &&
          html`<line key=${`${line.first}-${line.second}`} class=${`lease${dim(line.first, line.second)}`}
            x1=${from.x} y1=${from.y} x2=${to.x} y2=${to.y} />`
        );
      })}
      ${[...flows].reverse().map((flow) => {
        const [from, to] = [places.get(flow.seller), places.get(flow.buyer)];
        if (!from || !to) return null;
        const fee = fees.get(lineKey(flow.seller, flow.buyer)) ?? 0;
        const thick = THINNEST + ((WIDEST - THINNEST) * flow.energy_wh) / largest;
        const { shaft, head } = arrow(from, to, thick, node);
        return html`<g key=${`${flow.seller}-${flow.buyer}`}
          class=${`flow q${classes.of(fee)}${dim(flow.seller, flow.buyer)}`}>
          <title>${`${nameOf(flow.seller)} → ${nameOf(flow.buyer)}: ${kwh(flow.energy_wh)} kWh, lease fee ${price(fee)} USD/kWh`}</title>
          <path class="shaft" d=${shaft} stroke-width=${thick.toFixed(1)} /><path class="head" d=${head} /></g>`;
      })}
      ${order.map((one) => {
        const { x, y } = places.get(one);
        const net = roles.get(one) ?? 0;
        return html`<g key=${one}
          class=${`node ${net > 0 ? "seller" : net < 0 ? "buyer" : "idle"}${dim(one, one)}`}
          onClick=${() => choose(one)}>
          <title>${nameOf(one)}</title><circle cx=${x} cy=${y} r=${node} />
          <text x=${x} y=${y + node * 0.28} text-anchor="middle"
            font-size=${Math.max(10, node * 0.72).toFixed(1)}>${nameOf(one).slice(0, 5)}</text></g>`;
      })}
    </svg>
  </div>`;
}

/** What the colours mean. */
export function FeeKeys({ lines }) {
  if (lines.length === 0) return null;
  const { bounds } = feeClasses(lines);
  return html`<ul class="legend">
    <li><span class="key dot seller"></span>sold more</li><li><span class="key dot buyer"></span>bought more</li>
    <li class="break">Lease fee, USD/kWh:</li>
    ${bounds.map(
      (one, at) => html`<li key=${at}><span
      class=${`key bars q${at + 1}`}></span>${number(usdPerKwhOf(one.low), 3)}–${number(usdPerKwhOf(one.high), 3)}</li>`,
    )}
  </ul>`;
}

// Bent, so that the two directions of a pair lie side by side.
function arrow(from, to, thick, node) {
  const across = to.x - from.x;
  const down = to.y - from.y;
  const length = Math.hypot(across, down) || 1;
  const bend = { x: (from.x + to.x) / 2 - 0.14 * down, y: (from.y + to.y) / 2 + 0.14 * across };
  const run = Math.hypot(to.x - bend.x, to.y - bend.y) || 1;
  const unit = { x: (to.x - bend.x) / run, y: (to.y - bend.y) / run };
  const size = Math.min(7 + 1.2 * thick, 0.3 * length);
  const tip = { x: to.x - unit.x * (node + 3), y: to.y - unit.y * (node + 3) };
  const back = { x: tip.x - unit.x * size, y: tip.y - unit.y * size };
  const half = 0.45 * size;
  const at = (x, y) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  return {
    shaft: `M${at(from.x, from.y)}Q${at(bend.x, bend.y)} ${at(back.x, back.y)}`,
    head: `M${at(tip.x, tip.y)}L${at(back.x - unit.y * half, back.y + unit.x * half)}L${at(back.x + unit.y * half, back.y - unit.x * half)}Z`,
  };
}
