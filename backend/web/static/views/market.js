// What goes on now: the book that is open, prices and trades as they come.
import { announceSeldom } from "../lib/announce.js";
import { nextGateSlot, useSlot } from "../lib/clock.js";
import { counted, kwh, kwhOf, price, slotName, slotTimes, usdPerKwhOf } from "../lib/format.js";
import { html, useEffect, useMemo, useState } from "../lib/html.js";
import { useParticipants } from "../lib/market.js";
import { useKept, useResource } from "../lib/resource.js";
import { useSlots } from "../lib/slots.js";
import { Card, Kind, Phase, Tile, Tiles, Waiting } from "../parts/basics.js";
import { BookChart, sentence, sides } from "../parts/book-chart.js";
import { Stepper } from "../parts/stepper.js";
import { Table, TableOf } from "../parts/table.js";
import { TimeChart } from "../parts/time-chart.js";

export function MarketView() {
  const now = useSlot();
  const slots = useSlots();
  return html`<div class="grid">
    <${LastRound} slots=${slots} now=${now} />
    <${Book} now=${now} slots=${slots} />
    <${Prices} slots=${slots} />
    <${Trades} now=${now} />
  </div>`;
}

function LastRound({ slots, now }) {
  const newest = slots.cleared[0] ?? null;
  const last = slots.cleared.find((one) => one.trades > 0) ?? newest;
  const since = last === newest ? "" : ", no trade since";
  useEffect(() => {
    if (last) announceSeldom(`${slotTimes(last.slot)} cleared: ${counted(last.trades, "trade")}, ${kwh(last.volume_wh)} kWh at ${price(last.clearing_price_micro_usd_per_mwh)} dollars a kWh.`);
  }, [last?.slot]);
  const day = slots.cleared.slice(0, 96);
  const volume = day.reduce((total, one) => total + one.volume_wh, 0);
  return html`<${Tiles} label="Last clearing">
    <${Tile} name="Last clearing price" value=${last ? price(last.clearing_price_micro_usd_per_mwh) : "–"} unit="USD/kWh" note=${last ? `${slotName(last.slot, now)}${since}` : "no slot yet"} />
    <${Tile} name="Traded in it" value=${last ? kwh(last.volume_wh) : "–"} unit="kWh" note=${last ? counted(last.trades, "trade") : ""} />
    <${Tile} name="Orders in it" value=${last ? last.orders : "–"} note=${last?.cancellations ? `${last.cancellations} cancelled` : "offers and bids"} />
    <${Tile} name="Traded in 24 hours" value=${kwh(volume)} unit="kWh" note=${counted(day.filter((one) => one.trades).length, "slot")} />
  <//>`;
}

function Book({ now, slots }) {
  const open = now === null ? null : nextGateSlot(now);
  const [chosen, setChosen] = useState(null);
  const slot = chosen ?? open;
  const book = useKept(useResource(slot === null ? null : `/slots/${slot}/book`, ["order", "clearing"]));
  const { nameOf } = useParticipants();
  const entries = book.data?.entries ?? [];
  const { offers, bids } = useMemo(() => sides(entries), [entries]);
  const cleared = slots.of(slot);
  const isCleared = ["cleared", "settled"].includes(cleared?.phase);
  const clearing = isCleared ? cleared.clearing_price_micro_usd_per_mwh : null;
  const rows = [...offers, ...bids];
  return html`<${Card} id="book" title="Order book" aside=${html`<${Stepper} slot=${slot} latest=${open} now=${now} chosen=${chosen} choose=${setChosen} latestName="Open slot" />`}>
    <p class="lead">${slot === null ? "…" : html`<b>${slotName(slot, now)}</b> <${Phase} phase=${cleared?.phase ?? (slot >= open ? "open" : "closed")} />`}</p>
    <${Waiting} of=${book} lines=${12}>
      ${rows.length === 0 && html`<div class="hollow book-empty"><p>No orders yet: whoever orders now is first in the book.</p></div>`}
      ${rows.length > 0 && html`<${BookChart} offers=${offers} bids=${bids} price=${clearing} traded=${isCleared ? cleared.volume_wh : 0} />`}
      <ul class="legend"><li><span class="key step offers"></span>Offers</li><li><span class="key step bids"></span>Bids</li>
        ${clearing !== null && html`<li><span class="key dashed price"></span>Mean price</li><li><span class="key bars traded"></span>Traded</li>`}</ul>
      <p class="small">${sentence(offers, bids, clearing, isCleared ? cleared.volume_wh : 0)}</p>
      ${rows.length > 0 && html`<${TableOf} summary=${`The ${counted(rows.length, "order")} as a table`} caption="Order book" hidden rows=${rows} keyOf=${(row) => row.position} columns=${[
        { name: "Participant", text: true, cell: (row) => nameOf(row.participant) },
        { name: "Side", text: true, cell: (row) => html`<${Kind} kind=${row.kind} />` },
        { name: "Energy", unit: "kWh", cell: (row) => kwh(row.energy_wh) },
        { name: "Price", unit: "USD/kWh", cell: (row) => price(row.price_micro_usd_per_mwh) },
      ]} />`}
    <//>
  <//>`;
}

function Prices({ slots }) {
  const items = useMemo(() => slots.cleared.slice(0, 96).reverse(), [slots.data]);
  const numbers = useMemo(() => items.map((one) => one.slot), [items]);
  const series = useMemo(
    () => [
      { name: "Traded", unit: "kWh", digits: 3, colour: "soft", kind: "bars", right: true, values: items.map((one) => kwhOf(one.volume_wh)) },
      { name: "Clearing price", unit: "USD/kWh", digits: 4, colour: "blue", kind: "step", values: items.map((one) => (one.clearing_price_micro_usd_per_mwh === null ? null : usdPerKwhOf(one.clearing_price_micro_usd_per_mwh))) },
    ],
    [items],
  );
  return html`<${Card} id="prices" title="Clearing price and volume">
    <${Waiting} of=${slots} lines=${10} empty=${items.length === 0 && "No slot has been cleared yet. The first is, as soon as its gate has closed."}>
      <${TimeChart} caption="Clearing price and volume by slot" slots=${numbers} series=${series}
        label=${`Clearing price and traded energy of the last ${counted(items.length, "cleared slot")}; the table below has them all.`} />
      <p class="small">The clearing price is the mean of a slot's trades by energy; axis on the left in USD/kWh, energy on the right in kWh.</p>
    <//>
  <//>`;
}

function Trades({ now }) {
  const trades = useResource("/trades?limit=25", ["clearing", "settlement"]);
  const { nameOf } = useParticipants();
  const items = trades.data?.items ?? [];
  return html`<${Card} id="trades" title="Newest trades" wide aside=${html`<a href="#rounds">All rounds</a>`}>
    <${Waiting} of=${trades} lines=${8} empty=${items.length === 0 && "No trades yet."}>
      <${Table} caption="Newest trades" hidden tall rows=${items} keyOf=${(row) => `${row.slot}-${row.position}`} columns=${[
        { name: "Slot", text: true, cell: (row) => html`<a href=${`#rounds/${row.slot}`}>${slotName(row.slot, now)}</a>` },
        { name: "Seller", text: true, cell: (row) => nameOf(row.seller) },
        { name: "Buyer", text: true, cell: (row) => nameOf(row.buyer) },
        { name: "Energy", unit: "kWh", cell: (row) => kwh(row.energy_wh) },
        { name: "Price", unit: "USD/kWh", cell: (row) => price(row.price_micro_usd_per_mwh) },
        { name: "Lease fee", unit: "USD/kWh", cell: (row) => price(row.fee_micro_usd_per_mwh) },
        { name: "Delivered", unit: "kWh", cell: (row) => (row.delivered_wh === null ? "not yet" : kwh(row.delivered_wh)) },
      ]} />
    <//>
  <//>`;
}
