// What each function of the contracts has used.
import { html } from "../lib/html.js";
import { useResource } from "../lib/resource.js";
import { Card, Waiting } from "../parts/basics.js";
import * as columns from "../parts/columns.js";
import { Table } from "../parts/table.js";

export function GasView() {
  const gas = useResource("/gas?limit=200", ["clearing", "settlement"]);
  const rows = [...(gas.data?.items ?? [])].sort((a, b) => b.total_gas - a.total_gas);
  const most = Math.max(...rows.map((row) => row.max_gas), 1);
  return html`<div class="grid">
    <${Card} id="gas" title="Gas by function" wide>
      <p class="small">Gas of every transaction that left an event, since the market's deployment; the bar runs
        from the least to the most, its mark is the median.</p>
      <${Waiting} of=${gas} lines=${10} empty=${rows.length === 0 && "No transactions yet."}>
        <${Table} caption="Gas by function" hidden rows=${rows}
          keyOf=${(row) => `${row.contract}.${row.function}`} columns=${[
            columns.words(
              "Function",
              (row) => html`<code>${row.function}</code> <span class="unit">${row.contract}</span>`,
            ),
            columns.count("Calls", (row) => row.calls),
            columns.words("Range", (row) => html`<${Range} row=${row} most=${most} />`),
            columns.count("Least", (row) => row.min_gas),
            columns.count("Median", (row) => row.median_gas),
            columns.count("Most", (row) => row.max_gas),
            columns.count("Total", (row) => row.total_gas),
          ]} />
      <//>
    <//>
  </div>`;
}

function Range({ row, most }) {
  const place = (value) => `${((100 * value) / most).toFixed(2)}`;
  return html`<svg class="range" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
    <line class="track" x1="0" x2="100" y1="5" y2="5" />
    <line class="span" x1=${place(row.min_gas)} x2=${place(row.max_gas)} y1="5" y2="5" />
    <line class="median" x1=${place(row.median_gas)} x2=${place(row.median_gas)} y1="1" y2="9" />
  </svg>`;
}
