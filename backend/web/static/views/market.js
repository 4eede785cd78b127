// What goes on now: the book that is open, prices and trades as they come.
import { announceSeldom } from "../lib/announce.js";
import { nextGateSlot, useSlot } from "../lib/clock.js";
import { counted, kwh, kwhOf, price, slotName, slotTimes, usdPerKwhOf } from "../lib/format.js";
import { html, useEffect, useMemo, useState } from "../lib/html.js";
import { useParticipants } from "../lib/market.js";
import { useKept, useResource } from "../lib/resource.js";
import { useSlots } from "../lib/slots.js";
import { Card, Phase, Tile, Tiles, Waiting } from "../parts/basics.js";
import { BookChart, BookKeys, sentence, sides } from "../parts/book-chart.js";
import * as columns from "../parts/columns.js";
import { Stepper } from "../parts/stepper.js";
import { Table, TableOf } from "../parts/table.js";
import { TimeChart } from "../parts/time-chart.js";

const DAY = 96;

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
  useEffect(() => {
    if (newest) announceSeldom(roundInWords(newest));
  }, [newest?.slot]);
  const day = slots.cleared.slice(0, DAY);
  const volume = day.reduce((total, one) => total + one.volume_wh, 0);
  const since = last === newest ? "" : ", no trade since";
  return html`<${Tiles} label="Last clearing">
    <${Tile} name="Last clearing price" unit="USD/kWh"
      value=${last ? price(last.clearing_price_micro_usd_per_mwh) : "–"}
      note=${last ? `${slotName(last.slot, now)}${since}` : "no slot yet"} />
    <${Tile} name="Traded in it" value=${last ? kwh(last.volume_wh) : "–"} unit="kWh"
      note=${last ? counted(last.trades, "trade") : ""} />
    <${Tile} name="Orders in it" value=${last ? last.orders : "–"}
      note=${last?.cancellations ? `${last.cancellations} cancelled` : "offers and bids"} />
    <${Tile} name="Traded in 24 hours" value=${kwh(volume)} unit="kWh"
      note=${`in ${counted(day.filter((one) => one.trades).length, "slot")}`} />
  <//>`;
}

function roundInWords({ slot, trades, volume_wh, clearing_price_micro_usd_per_mwh: mean }) {
  if (trades === 0) return `${slotTimes(slot)} cleared without a trade.`;
  const what = `${counted(trades, "trade")}, ${kwh(volume_wh)} kWh`;
  return `${slotTimes(slot)} cleared: ${what} at ${price(mean)} dollars a kWh.`;
}

function Book({ now, slots }) {
  const open = now === null ? null : nextGateSlot(now);
  const [chosen, setChosen] = useState(null);
  const slot = chosen ?? open;
  const path = slot === null ? null : `/slots/${slot}/book`;
  const book = useKept(useResource(path, ["order", "clearing"]));
  const { nameOf } = useParticipants();
  const { offers, bids } = useMemo(() => sides(book.data?.entries ?? []), [book.data]);
  const known = slots.of(slot);
  const isCleared = ["cleared", "settled"].includes(known?.phase);
  const mean = isCleared ? known.clearing_price_micro_usd_per_mwh : null;
  const traded = isCleared ? known.volume_wh : 0;
  const rows = [...offers, ...bids];
  const aside = html`<${Stepper} slot=${slot} latest=${open} now=${now} chosen=${chosen}
    choose=${setChosen} latestName="Open slot" />`;
  const none = "No orders yet: whoever orders now is first in the book.";
  return html`<${Card} id="book" title="Order book" aside=${aside}>
    <p class="lead">${
      slot === null
        ? "…"
        : html`<b>${slotName(slot, now)}</b> <${Phase}
      phase=${known?.phase ?? (slot >= open ? "open" : "closed")} />`
    }</p>
    <${Waiting} of=${book} lines=${12}>
      ${
        rows.length === 0
          ? html`<div class="hollow book-empty"><p>${slot >= open ? none : "Nobody ordered for this slot."}</p></div>`
          : html`<${BookChart} offers=${offers} bids=${bids} price=${mean} traded=${traded} />`
      }
      <${BookKeys} price=${mean} />
      <p class="small">${sentence(offers, bids, mean, traded)}</p>
      ${
        rows.length > 0 &&
        html`<${TableOf} summary=${`The ${counted(rows.length, "order")} as a table`}
        caption="Order book" hidden rows=${rows} keyOf=${(row) => row.position}
        columns=${[columns.participantOf(nameOf), columns.side, columns.orderEnergy, columns.orderPrice]} />`
      }
    <//>
  <//>`;
}

function Prices({ slots }) {
  const items = useMemo(() => slots.cleared.slice(0, DAY).reverse(), [slots.data]);
  const numbers = useMemo(() => items.map((one) => one.slot), [items]);
  const series = useMemo(() => {
    const mean = (one) => one.clearing_price_micro_usd_per_mwh;
    const prices = items.map((one) => (mean(one) === null ? null : usdPerKwhOf(mean(one))));
    const volumes = items.map((one) => kwhOf(one.volume_wh));
    return [
      { name: "Traded", unit: "kWh", digits: 3, colour: "soft", kind: "bars", right: true, values: volumes },
      { name: "Clearing price", unit: "USD/kWh", digits: 4, colour: "blue", kind: "step", values: prices },
    ];
  }, [items]);
  const none = "No slot has been cleared yet. The first is, as soon as its gate has closed.";
  const many = counted(items.length, "cleared slot");
  return html`<${Card} id="prices" title="Clearing price and volume">
    <${Waiting} of=${slots} lines=${10} empty=${items.length === 0 && none}>
      <${TimeChart} caption="Clearing price and volume by slot" slots=${numbers} series=${series}
        label=${`Clearing price and traded energy of the last ${many}; the table below has them all.`} />
      <p class="small">The clearing price is the mean of a slot's trades by energy; axis on the left in USD/kWh,
        energy on the right in kWh.</p>
    <//>
  <//>`;
}

function Trades({ now }) {
  const trades = useResource("/trades?limit=25", ["clearing", "settlement"]);
  const { nameOf } = useParticipants();
  const items = trades.data?.items ?? [];
  const aside = html`<a href="#rounds">All rounds</a>`;
  return html`<${Card} id="trades" title="Newest trades" wide aside=${aside}>
    <${Waiting} of=${trades} lines=${8} empty=${items.length === 0 && "No trades yet."}>
      <${Table} caption="Newest trades" hidden tall rows=${items}
        keyOf=${(row) => `${row.slot}-${row.position}`}
        columns=${[
          columns.roundLink(now),
          columns.sellerOf(nameOf),
          columns.buyerOf(nameOf),
          columns.orderEnergy,
          columns.orderPrice,
          columns.leaseFee,
          columns.delivered,
        ]} />
    <//>
  <//>`;
}
