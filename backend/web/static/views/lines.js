// The lines of the market: who can trade with whom, at which lease fee, and what flows.
import { useSlot } from "../lib/clock.js";
import { counted, kwh, number, slotName, usdPerKwhOf } from "../lib/format.js";
import { html, useId, useMemo, useState } from "../lib/html.js";
import { flowsOf, lineRows } from "../lib/flows.js";
import { getList } from "../lib/api.js";
import { useParticipants } from "../lib/market.js";
import { useKept, useResource } from "../lib/resource.js";
import { useSlots } from "../lib/slots.js";
import { Card, Waiting } from "../parts/basics.js";
import * as columns from "../parts/columns.js";
import { FeeKeys, LineMap } from "../parts/line-map.js";
import { Stepper } from "../parts/stepper.js";
import { Table } from "../parts/table.js";

const capacity = {
  name: "Capacity",
  unit: "kWh",
  cell: (row) => (row.capacity_wh === null ? "–" : kwh(row.capacity_wh)),
};

const SPANS = [
  [1, "One slot"],
  [4, "One hour"],
  [96, "One day"],
];
const all = (path) => getList(path, { pages: 5 });

export function LinesView() {
  const now = useSlot();
  const slots = useSlots();
  const { items: people, nameOf } = useParticipants();
  const latest = slots.cleared[0]?.slot ?? null;
  const [chosen, setChosen] = useState(null);
  const [span, setSpan] = useState(1);
  const [only, setOnly] = useState(null);
  const slot = chosen ?? latest;
  const at = slot ?? now;
  const lines = useKept(useResource(at === null ? null : `/lines?slot=${at}&limit=500`, [], all));
  const ladder = useKept(useResource(at === null ? null : `/ladder?slot=${at}`));
  const trades = useTrades(slot, span);
  const flows = useMemo(() => flowsOf(trades.data?.items ?? []), [trades.data]);
  const rows = useMemo(() => lineRows(lines.data?.items ?? [], flows), [lines.data, flows]);
  const shown = only === null ? rows : rows.filter((row) => row.first === only || row.second === only);
  const moved = flows.reduce((total, one) => total + one.energy_wh, 0);
  const what =
    slot === null
      ? "No slot has been cleared yet"
      : `${span === 1 ? "" : `${SPANS.find(([size]) => size === span)[1]} up to `}${slotName(slot, now)}: ${kwh(moved)} kWh over ${counted(flows.length, "line")}`;
  return html`<div class="grid">
    <${Card} id="map" title="Map of the lines" wide
      aside=${html`<${Stepper} slot=${slot} latest=${latest} now=${now} chosen=${chosen} choose=${setChosen}
      latestName="Last cleared" />`}>
      <div class="controls">
        <${Choice} label="Flow of" value=${span} options=${SPANS} choose=${(next) => setSpan(Number(next))} />
        <${Choice} label="Participant" value=${only ?? ""}
          options=${[["", "All"], ...people.map((one) => [one.number, one.name])]}
          choose=${(next) => setOnly(next === "" ? null : Number(next))} />
      </div>
      <p class="lead">${what}</p>
      <${Waiting} of=${lines} lines=${14}
        empty=${lines.data && lines.data.items.length === 0 && "This market has no lines: everybody trades in one pool."}>
        <div class="beside">
          <div>
            <${LineMap} people=${people} lines=${lines.data?.items ?? []} flows=${flows} nameOf=${nameOf}
              only=${only} choose=${(next) => setOnly(next === only ? null : next)}
              label=${`${what}. The table beside the map lists every line.`} />
            <${FeeKeys} lines=${lines.data?.items ?? []} />
          </div>
          <${Table} caption="Lines, the busiest first" tall rows=${shown} keyOf=${(row) => row.key} columns=${[
            columns.words(
              "Line",
              (row) => `${nameOf(row.from)} ${row.energy_wh ? "→" : "–"} ${nameOf(row.to)}`,
            ),
            { name: "Flow", unit: "kWh", cell: (row) => (row.energy_wh ? kwh(row.energy_wh) : "–") },
            columns.leaseFee,
            { name: "Length", unit: "m", cell: (row) => number(row.distance_m) },
            ...(rows.some((row) => row.capacity_wh !== null) ? [capacity] : []),
          ]} />
        </div>
        ${ladder.data && html`<p class="small">${ladderWords(ladder.data)}</p>`}
      <//>
    <//>
  </div>`;
}

function useTrades(slot, span) {
  const path =
    slot === null ? null : span === 1 ? `/trades?slot=${slot}&limit=500` : `/trades?limit=500#${slot - span}`;
  const answer = useKept(useResource(path, ["clearing"], since));
  return useMemo(() => {
    const inSpan = (one) => span === 1 || (one.slot <= slot && one.slot > slot - span);
    return { data: answer.data && { items: answer.data.items.filter(inSpan) } };
  }, [answer.data, slot, span]);
}

// The trades after a slot, the newest first; the slot stands behind the path's #.
function since(path) {
  const [list, after] = path.split("#");
  return getList(list, {
    pages: 12,
    enough: (items) => after !== undefined && items.at(-1)?.slot <= Number(after),
  });
}

function Choice({ label, value, options, choose }) {
  const id = useId();
  return html`<div class="field inline"><label for=${id}>${label}</label>
    <select id=${id} value=${String(value)} onChange=${(event) => choose(event.currentTarget.value)}>
      ${options.map(([key, name]) => html`<option key=${key} value=${String(key)}>${name}</option>`)}
    </select></div>`;
}

function ladderWords(ladder) {
  const base = number(usdPerKwhOf(ladder.base_micro_usd_per_mwh_km), 3);
  const interval = number(ladder.interval_m);
  const growth = number(ladder.growth_bps / 100);
  return (
    `Lease fees rise with distance: ${base} USD per kWh and km for the first ${interval} m, for each further ` +
    `${interval} m ${growth} % of that more per km. A line's fee goes to its owner, the price to the seller.`
  );
}
