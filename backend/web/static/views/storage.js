// The provider's storage: what it did, what it holds, and what the oracle plans for it.
import { useSlot } from "../lib/clock.js";
import { counted, kwOf, kwhOf, kwh, number, slotName } from "../lib/format.js";
import { html, useMemo } from "../lib/html.js";
import { useMarket } from "../lib/market.js";
import { useResource } from "../lib/resource.js";
import { Card, Tile, Tiles, Waiting } from "../parts/basics.js";
import * as columns from "../parts/columns.js";
import { Table } from "../parts/table.js";
import { TimeChart } from "../parts/time-chart.js";

const SHOWN = 96;

export function StorageView() {
  const now = useSlot();
  const { data: market } = useMarket();
  const records = useResource(`/storage?limit=${SHOWN}`, ["storage"]);
  const plan = useResource("/storage/plan", ["storage"]);
  const done = useMemo(
    () => [...(records.data?.items ?? [])].sort((a, b) => a.slot - b.slot),
    [records.data],
  );
  const planned = useMemo(() => {
    const last = done.at(-1)?.slot ?? -1;
    return (plan.data?.horizon ?? []).filter((one) => one.slot > last);
  }, [plan.data, done]);
  const rules = market?.manifest.settings.storage ?? null;
  return html`<div class="grid">
    <${Now} last=${done.at(-1) ?? null} next=${planned[0] ?? null} rules=${rules} now=${now} />
    <${Card} id="power" title="Power">
      <${Waiting} of=${records} lines=${10}
        empty=${done.length + planned.length === 0 && "No slot of the storage is recorded yet."}>
        <${Power} done=${done} planned=${planned} />
      <//>
    <//>
    <${Card} id="stored" title="State of charge">
      <${Waiting} of=${records} lines=${10}
        empty=${done.length + planned.length === 0 && "No slot of the storage is recorded yet."}>
        <${Stored} done=${done} planned=${planned} rules=${rules} />
      <//>
    <//>
    <${Card} id="plan" title="Plan and records" wide>
      <p class="small">${planWords(plan)}</p>
      <${Waiting} of=${records}
        empty=${done.length === 0 && "The storage's meter has signed nothing yet."}><${Table}
        caption="What the storage did, as its meter signed it" hidden tall rows=${[...done].reverse()}
        keyOf=${(row) => row.slot} columns=${[
          columns.slotTimes(now),
          columns.energy("Charged", (row) => row.charge_wh),
          columns.energy("Discharged", (row) => row.discharge_wh),
          columns.energy("Stored after", (row) => row.stored_wh),
          columns.transaction,
        ]} /><//>
    <//>
  </div>`;
}

function planWords(plan) {
  if (plan.error) return "The oracle tells no plan at the moment; the records go on.";
  if (!plan.data) return "Asking the oracle for its plan …";
  const words = {
    rolling:
      "The oracle has optimised the rest of the day anew, with the stored energy read back from the chain.",
    "day-ahead": "The oracle follows the plan of the day before",
    idle: "The oracle lets the storage rest",
  };
  const why = plan.data.reason ? `: ${plan.data.reason}.` : plan.data.source === "rolling" ? "" : ".";
  return `${words[plan.data.source] ?? plan.data.source}${why} The plan is drawn fainter than the records; power is the mean of a slot.`;
}

const chargeShare = (stored, { min_stored_wh: least, max_stored_wh: most }) =>
  (100 * (stored - least)) / (most - least);

function Now({ last, next, rules, now }) {
  const charge = (one) => kwOf(one.charge_wh - one.discharge_wh);
  const doing = (one) => (charge(one) > 0 ? "charging" : charge(one) < 0 ? "discharging" : "idle");
  const ends = rules && [rules.min_stored_wh, rules.max_stored_wh].map((wh) => number(kwhOf(wh)));
  const usable = ends ? `of the usable ${ends.join(" to ")} kWh` : "";
  return html`<${Tiles} label="Storage now">
    <${Tile} name="Stored" value=${last ? kwh(last.stored_wh) : "–"} unit="kWh"
      note=${last ? `after ${slotName(last.slot, now)}` : "no record yet"} />
    <${Tile} name="State of charge"
      value=${last && rules ? number(chargeShare(last.stored_wh, rules), 1) : "–"}
      unit="%" note=${usable} />
    <${Tile} name="Last power" value=${last ? number(Math.abs(charge(last)), 1) : "–"} unit="kW"
      note=${last ? doing(last) : ""} />
    <${Tile} name="Planned next" value=${next ? number(Math.abs(charge(next)), 1) : "–"} unit="kW"
      note=${next ? `${doing(next)}, ${slotName(next.slot, now)}` : "no plan"} />
  <//>`;
}

function Power({ done, planned }) {
  const slots = useMemo(() => [...done, ...planned].map((one) => one.slot), [done, planned]);
  const series = useMemo(() => {
    const part = (values, before, after) => [
      ...Array(before).fill(null),
      ...values,
      ...Array(after).fill(null),
    ];
    const of = (items, sign, field) => items.map((one) => sign * kwOf(one[field]) || 0);
    return [
      {
        name: "Charged",
        unit: "kW",
        digits: 1,
        colour: "violet",
        kind: "bars",
        values: part(of(done, 1, "charge_wh"), 0, planned.length),
      },
      {
        name: "Discharged",
        unit: "kW",
        digits: 1,
        colour: "orange",
        kind: "bars",
        values: part(of(done, -1, "discharge_wh"), 0, planned.length),
      },
      {
        name: "Charge planned",
        unit: "kW",
        digits: 1,
        colour: "violet-soft",
        kind: "bars",
        planned: true,
        values: part(of(planned, 1, "charge_wh"), done.length, 0),
      },
      {
        name: "Discharge planned",
        unit: "kW",
        digits: 1,
        colour: "orange-soft",
        kind: "bars",
        planned: true,
        values: part(of(planned, -1, "discharge_wh"), done.length, 0),
      },
    ];
  }, [done, planned]);
  return html`<${TimeChart} caption="Power of the storage by slot" slots=${slots} series=${series}
    label=${`Power in ${counted(done.length, "recorded slot")} and ${counted(planned.length, "planned slot")}; the table below has all values.`} />`;
}

function Stored({ done, planned, rules }) {
  const slots = useMemo(() => [...done, ...planned].map((one) => one.slot), [done, planned]);
  const series = useMemo(() => {
    const values = done.map((one) => kwhOf(one.stored_wh));
    const future = planned.map((one) => kwhOf(one.stored_wh));
    const join = done.length && planned.length ? [values.at(-1)] : [];
    const limit = (name, wh) => ({
      ...{ name, unit: "kWh", digits: 1, colour: "grey", kind: "dashed", first: kwhOf(wh) },
      values: Array(done.length + planned.length).fill(kwhOf(wh)),
    });
    return [
      {
        name: "Stored",
        unit: "kWh",
        digits: 1,
        colour: "violet",
        kind: "line",
        values: [...values, ...Array(planned.length).fill(null)],
      },
      {
        name: "Planned",
        unit: "kWh",
        digits: 1,
        colour: "violet",
        kind: "dashed",
        planned: true,
        values: [...Array(Math.max(0, done.length - join.length)).fill(null), ...join, ...future],
      },
      ...(rules
        ? [limit("Upper limit", rules.max_stored_wh), limit("Lower limit", rules.min_stored_wh)]
        : []),
    ];
  }, [done, planned, rules]);
  return html`<${TimeChart} caption="Energy stored by slot" slots=${slots} series=${series}
    label="Energy stored after each recorded slot, and as planned, between the storage's limits; the table below has all values." />`;
}
