// Tables that scroll within their card, with the unit in the heading.
import { html } from "../lib/html.js";

/**
 * `columns` are { name, unit, cell(row), text } — `text` for columns of words, which stand left.
 * The first column names its row.
 */
export function Table({ caption, columns, rows, keyOf, marked, hidden = false, tall = false }) {
  return html`<div class=${`scroll${tall ? " tall" : ""}`} tabindex="0" role="group" aria-label=${caption}>
    <table>
      <caption class=${hidden ? "unseen" : ""}>${caption}</caption>
      <thead><tr>${columns.map(
        (one) =>
          html`<th scope="col" class=${one.text ? "words" : ""}>${one.name}${
            one.unit &&
            html` <span
            class="unit">${one.unit}</span>`
          }</th>`,
      )}</tr></thead>
      <tbody>${rows.map(
        (row, place) =>
          html`<tr key=${keyOf ? keyOf(row) : place} class=${marked?.(row) ? "marked" : ""}>${columns.map(
            (one, at) =>
              at === 0
                ? html`<th scope="row" class=${one.text ? "words" : ""}>${one.cell(row)}</th>`
                : html`<td class=${one.text ? "words" : ""}>${one.cell(row)}</td>`,
          )}</tr>`,
      )}</tbody>
    </table>
  </div>`;
}

/** A table that says what a picture shows, folded away below it. */
export function TableOf({ summary = "The same as a table", ...table }) {
  return html`<details class="as-table"><summary>${summary}</summary><${Table} ...${table} tall /></details>`;
}
