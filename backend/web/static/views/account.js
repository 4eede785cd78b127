// One participant's money, bill, reputation, orders and trades.
import { useSlot } from "../lib/clock.js";
import { counted, kwh, number, percent, price, signed, slotName, usd, usdOf } from "../lib/format.js";
import { html, useMemo } from "../lib/html.js";
import { useChosen, useParticipants } from "../lib/market.js";
import { useResource } from "../lib/resource.js";
import { Card, Hex, Tile, Tiles, Waiting } from "../parts/basics.js";
import * as columns from "../parts/columns.js";
import { More, distinct, useList } from "../parts/pager.js";
import { PersonSelect } from "../parts/person.js";
import { Table } from "../parts/table.js";
import { TimeChart } from "../parts/time-chart.js";

const MONEY = ["order", "clearing", "settlement", "void"];

const CAUSES = {
  deposit: "Deposit",
  withdrawal: "Withdrawal",
  lock: "Locked for an order",
  release: "Lock released",
  sale: "Sale",
  purchase: "Purchase",
  "lease-fee": "Lease fee",
  compensation: "Compensation for energy not delivered",
  surplus: "Surplus of the mechanism",
  "storage-compensation": "Compensation for storage",
  slash: "Bond lost for a corrected reading",
  seal: "Bond of a sealed order",
  "seal-release": "Bond of a sealed order released",
};

export function AccountView() {
  const [one] = useChosen();
  return html`<div class="grid">
    <${Card} id="who" title="Account" wide>
      <${PersonSelect} />
      ${
        one &&
        html`<p class="small addresses"><span>Owner <${Hex} value=${one.owner} label="Owner's address"
        /></span> <span>Meter <${Hex} value=${one.meter} label="Meter's address" /></span></p><${Balance}
        one=${one} />`
      }
    <//>
    ${
      one &&
      html`<${Bill} one=${one} /><${Reputation} one=${one} /><${Orders} one=${one} /><${Trades}
      one=${one} /><${Entries} one=${one} />`
    }
  </div>`;
}

function Balance({ one }) {
  const account = useResource(`/accounts/${one.owner}`, MONEY);
  const data = account.data;
  const score = useResource(`/participants/${one.number}`, ["score"]).data?.score_bps ?? one.score_bps;
  return html`<${Tiles} label="Money and reputation">
    <${Tile} name="Free" value=${data ? usd(data.free_micro_usd) : "–"} unit="USD" note="for new orders" />
    <${Tile} name="Locked" value=${data ? usd(data.locked_micro_usd) : "–"} unit="USD"
      note="in orders not yet settled" />
    <${Tile} name="Reputation" value=${percent(score)} unit="%" note="share delivered of what was sold" />
  <//>`;
}

function Bill({ one }) {
  const bill = useResource(`/accounts/${one.owner}/bill`, ["settlement"]);
  const data = bill.data;
  const alone = data?.grid_alone_micro_usd ?? null;
  const most = data ? Math.max(Math.abs(data.cost_micro_usd), Math.abs(alone ?? 0), 1) : 1;
  return html`<${Card} id="bill" title="Bill against the grid alone">
    <${Waiting} of=${bill} lines=${6}
      empty=${data?.slots === 0 && "No slot with a trade of this participant is settled yet."}>${
        data &&
        html`
      <dl class="bill-bars">
        <${Bar} name="Traded in this market" value=${data.cost_micro_usd} most=${most} tone="here" />
        ${
          alone !== null &&
          html`<${Bar} name="The same with the grid alone" value=${alone} most=${most}
          tone="alone" />`
        }
      </dl>
      ${data.saved_micro_usd !== null && html`<${Saved} amount=${data.saved_micro_usd} />`}
      <p class="small">${billInWords(data)}</p>`
      }
    <//>
  <//>`;
}

function Saved({ amount }) {
  const isWorse = amount < 0;
  return html`<p class=${`strong ${isWorse ? "bad" : "good"}`}>
    ${isWorse ? "Worse off by" : "Better off by"} ${usd(Math.abs(amount))} USD
  </p>`;
}

function billInWords(data) {
  const exported = data.export_price_micro_usd_per_mwh;
  const sold = exported === null ? "" : ` and sold at ${price(exported)} USD/kWh`;
  const other = data.other_micro_usd
    ? ` Besides, ${usd(data.other_micro_usd)} USD came from lines, storage and surpluses.`
    : "";
  return (
    `${kwh(data.sold_wh)} kWh sold and ${kwh(data.bought_wh)} kWh bought in ` +
    `${counted(data.slots, "settled slot")}, lease fees included. A negative bill is income. With the grid ` +
    `alone the same energy would be bought at the real-time price${sold}.${other}`
  );
}

function Bar({ name, value, most, tone }) {
  return html`<div><dt>${name}</dt><dd><span class="track"><span class=${`fill ${tone}`}
    style=${{ width: `${((100 * Math.abs(value)) / most).toFixed(1)}%` }}></span></span><b>${usd(value)}</b> <span
    class="unit">USD</span></dd></div>`;
}

function Reputation({ one }) {
  const history = useResource(`/participants/${one.number}/reputation?limit=200`, ["settlement", "score"]);
  const items = useMemo(
    () => (history.data?.items ?? []).filter((each) => each.slot !== null).sort((a, b) => a.slot - b.slot),
    [history.data],
  );
  const slots = useMemo(() => items.map((each) => each.slot), [items]);
  const series = useMemo(
    () => [
      {
        name: "Reputation",
        unit: "%",
        digits: 1,
        colour: "violet",
        kind: "held",
        values: items.map((each) => each.score_bps / 100),
      },
    ],
    [items],
  );
  return html`<${Card} id="reputation" title="Reputation">
    <${Waiting} of=${history} lines=${9} empty=${items.length === 0 && "It starts with the first settled sale."}>
      <${TimeChart} caption=${`Reputation of ${one.name} after each settled slot`} slots=${slots} series=${series}
        label=${`Reputation of ${one.name}, ${counted(items.length, "value")}; the table below has them all.`} />
    <//>
  <//>`;
}

function Orders({ one }) {
  const now = useSlot();
  const list = useList(`/orders?participant=${one.number}&limit=20`, ["order"]);
  const rows = distinct(list.items, (row) => `${row.slot}-${row.position}`);
  return html`<${Card} id="orders" title="Orders">
    <${Waiting} of=${list} lines=${6}
      empty=${rows.length === 0 && html`No orders yet. <a href="#order">Place one</a>.`}>
      <${Table} caption=${`Orders of ${one.name}`} hidden tall rows=${rows}
        keyOf=${(row) => `${row.slot}-${row.position}`}
        columns=${[columns.slotTimes(now), columns.side, columns.orderEnergy, columns.orderPrice, columns.transaction]} />
      <${More} list=${list} what="orders" />
    <//>
  <//>`;
}

function Trades({ one }) {
  const now = useSlot();
  const { nameOf } = useParticipants();
  const sold = useList(`/trades?seller=${one.number}&limit=20`, ["clearing", "settlement"]);
  const bought = useList(`/trades?buyer=${one.number}&limit=20`, ["clearing", "settlement"]);
  const both = [...sold.items, ...bought.items];
  const rows = distinct(both, (row) => `${row.slot}-${row.position}`).sort(
    (a, b) => b.slot - a.slot || b.position - a.position,
  );
  const partner = (row) =>
    row.seller === one.number ? `sold to ${nameOf(row.buyer)}` : `bought from ${nameOf(row.seller)}`;
  const list = {
    ...sold,
    hasMore: sold.hasMore || bought.hasMore,
    busy: sold.busy || bought.busy,
    more: () => Promise.all([sold.hasMore && sold.more(), bought.hasMore && bought.more()]),
  };
  return html`<${Card} id="account-trades" title="Trades">
    <${Waiting} of=${sold.data ? bought : sold} lines=${6} empty=${rows.length === 0 && "No trades yet."}>
      <${Table} caption=${`Trades of ${one.name}`} hidden tall rows=${rows}
        keyOf=${(row) => `${row.slot}-${row.position}`}
        columns=${[
          columns.roundLink(now),
          columns.words("With", partner),
          columns.orderEnergy,
          columns.orderPrice,
          columns.delivered,
        ]} />
      <${More} list=${list} what="trades" />
    <//>
  <//>`;
}

function Entries({ one }) {
  const now = useSlot();
  const list = useList(`/accounts/${one.owner}/entries?limit=30`, MONEY);
  const rows = distinct(list.items, (row) => `${row.block}-${row.log_index}-${row.sequence}`);
  const money = (amount) => (amount === 0 ? "" : signed(usdOf(amount), 4));
  return html`<${Card} id="entries" title="Every movement of money" wide>
    <${Waiting} of=${list} lines=${6} empty=${rows.length === 0 && "No money has come in yet."}>
      <${Table} caption=${`Movements of the account of ${one.name}`} hidden tall rows=${rows} columns=${[
        columns.words("Cause", (row) => CAUSES[row.cause] ?? row.cause),
        columns.words("Slot", (row) => (row.slot === null ? "–" : slotName(row.slot, now))),
        { name: "Free", unit: "USD", cell: (row) => money(row.free_micro_usd) },
        { name: "Locked", unit: "USD", cell: (row) => money(row.locked_micro_usd) },
        columns.transaction,
      ]} />
      <${More} list=${list} what="movements" />
    <//>
  <//>`;
}
