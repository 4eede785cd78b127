// Slots that were cleared: orders, trades, the certificate, and what it proves.
import { useSlot } from "../lib/clock.js";
import { provesWhat } from "../lib/certificates.js";
import { counted, number, slotName } from "../lib/format.js";
import { html, useEffect, useRef } from "../lib/html.js";
import { useParticipants } from "../lib/market.js";
import { useResource } from "../lib/resource.js";
import { Card, Hex, Phase, TransactionLink, Waiting } from "../parts/basics.js";
import * as columns from "../parts/columns.js";
import { More, distinct, useList } from "../parts/pager.js";
import { Table } from "../parts/table.js";

export function RoundsView({ argument }) {
  const now = useSlot();
  const list = useList("/rounds?limit=25", ["clearing", "settlement", "void"]);
  const rows = distinct(list.items, (row) => row.slot);
  const chosen = /^\d+$/.test(argument ?? "") ? Number(argument) : null;
  const slot = chosen ?? rows[0]?.slot ?? null;
  const linkTo = (row) =>
    html`<a href=${`#rounds/${row.slot}`}
      aria-current=${row.slot === slot ? "true" : undefined}>${slotName(row.slot, now)}</a>`;
  return html`<div class="grid rounds">
    <${Card} id="list" title="Rounds">
      <${Waiting} of=${list} lines=${12} empty=${rows.length === 0 && "No slot has been cleared yet."}>
        <${Table} caption="Rounds, the newest first" hidden tall rows=${rows} keyOf=${(row) => row.slot}
          marked=${(row) => row.slot === slot} columns=${[
            columns.words("Slot", linkTo),
            columns.words("Phase", (row) => html`<${Phase} phase=${row.outcome} />`),
            columns.count("Orders", (row) => row.orders),
            columns.count("Trades", (row) => row.trades),
            columns.energy("Volume", (row) => row.volume_wh),
          ]} />
        <${More} list=${list} what="rounds" />
      <//>
    <//>
    ${slot !== null && html`<${Round} key=${slot} slot=${slot} now=${now} focus=${chosen !== null} />`}
  </div>`;
}

function Round({ slot, now, focus }) {
  const answer = useResource(`/rounds/${slot}`, ["clearing", "settlement", "void"]);
  const data = answer.data;
  const top = useRef(null);
  useEffect(() => {
    if (focus) top.current?.focus({ preventScroll: innerWidth > 900 });
  }, [slot]);
  const missing = answer.error?.status === 404 && `Nothing was cleared in slot ${number(slot)} so far.`;
  return html`<div class="stack" ref=${top} tabindex="-1" role="group"
    aria-label=${`Round of ${slotName(slot, now)}`}>
    <${Card} id="round" title=${`Round of ${slotName(slot, now)}`}>
      ${
        missing
          ? html`<div class="hollow"><p>${missing}</p></div>`
          : html`<${Waiting} of=${answer}
            lines=${12}>${
              data &&
              html`<${Facts} round=${data.round} /><${Certificate} hex=${data.certificate}
            round=${data.round} />`
            }<//>`
      }
    <//>
    ${data && html`<${Trades} trades=${data.trades} /><${Book} orders=${data.orders} />`}
  </div>`;
}

function Facts({ round }) {
  const { clear, settle, void: voided } = round.transactions;
  return html`<dl class="pairs">
    <div><dt>Slot</dt><dd>${number(round.slot)}</dd></div>
    ${
      round.mechanism &&
      html`<div><dt>Mechanism</dt><dd>${round.mechanism_name ?? "unknown here"} <${Hex}
      value=${round.mechanism} label="Mechanism's address" /></dd></div>`
    }
    <div><dt>Submitted by</dt><dd><${Hex} value=${round.submitter} label="Submitter's address" /></dd></div>
    ${
      clear &&
      html`<div><dt>Cleared in</dt><dd><${TransactionLink} hash=${clear} label="Clearing transaction" /></dd></div>
    <div><dt>Settled in</dt><dd>${
      settle
        ? html`<${TransactionLink} hash=${settle} label="Settling transaction"
      />`
        : "not yet"
    }</dd></div>`
    }
    ${
      voided &&
      html`<div><dt>Made void
      in</dt><dd><${TransactionLink} hash=${voided} label="Voiding transaction" /></dd></div>`
    }
  </dl>`;
}

function Certificate({ hex, round }) {
  if (round.outcome === "void") {
    return html`<p class="small">Nobody cleared this slot before its delivery began: no trade took place, and
      all that its orders locked is free again.</p>`;
  }
  const shown =
    hex === null
      ? "Not known: another contract passed the clearing on."
      : hex === "0x"
        ? "Empty: this mechanism needs none."
        : html`<${Hex} value=${hex} label="Certificate" head=${22} tail=${8} /> <span
          class="unit">${counted((hex.length - 2) / 2, "byte")}</span>`;
  return html`<h4>Certificate</h4><p>${shown}</p>
    <p class="small"><b>What it proves.</b> ${provesWhat(round.mechanism_name)} So nobody has to trust whoever
      submitted it.</p>`;
}

function Trades({ trades }) {
  const { nameOf } = useParticipants();
  return html`<${Card} id="round-trades" title=${counted(trades.length, "trade")}>
    ${
      trades.length === 0
        ? html`<div class="hollow"><p>No two orders of this slot could trade.</p></div>`
        : html`<${Table} caption="Trades of the round" hidden tall rows=${trades} keyOf=${(row) => row.position}
          columns=${[
            columns.sellerOf(nameOf),
            columns.buyerOf(nameOf),
            columns.orderEnergy,
            columns.orderPrice,
            columns.leaseFee,
            columns.delivered,
          ]} />`
    }
  <//>`;
}

function Book({ orders }) {
  const { nameOf } = useParticipants();
  return html`<${Card} id="round-orders" title=${counted(orders.length, "order")}>
    <${Table} caption="Book of the round, in the order of arrival" hidden tall rows=${orders}
      keyOf=${(row) => row.position}
      columns=${[columns.participantOf(nameOf), columns.side, columns.orderEnergy, columns.orderPrice, columns.transaction]} />
  <//>`;
}
