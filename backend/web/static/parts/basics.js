// Small pieces that every view is made of.
import { shortHex } from "../lib/format.js";
import { html, useEffect, useState } from "../lib/html.js";

/** A titled part of a view. */
export function Card({ title, aside, id, children, wide = false }) {
  return html`<section class=${`card${wide ? " wide" : ""}`} aria-labelledby=${id}>
    <div class="card-head"><h3 id=${id}>${title}</h3>${aside && html`<div class="aside">${aside}</div>`}</div>
    ${children}
  </section>`;
}

/** One figure with its name and unit. */
export function Tile({ name, value, unit, note, tone }) {
  return html`<div class=${`tile ${tone ?? ""}`}>
    <dt>${name}</dt>
    <dd><span class="figure"><b>${value}</b>${unit && html` <span class="unit">${unit}</span>`}</span>
      ${note && html`<span class="note">${note}</span>`}</dd>
  </div>`;
}

export const Tiles = ({ children, label }) => html`<dl class="tiles" aria-label=${label}>${children}</dl>`;

/** Loading, failed or empty: what stands where the data will be, as high as they. */
export function Waiting({ of, empty, children, lines = 4 }) {
  if (of.data === null && of.error) {
    return html`<div class="hollow bad" style=${{ minHeight: `${lines * 1.75}rem` }}>
      <p>${of.error.status === 0 ? "The service does not answer. It is asked again every few seconds." : of.error.message}</p>
      <button type="button" onClick=${of.reload}>Ask again</button>
    </div>`;
  }
  if (of.data === null) {
    return html`<div class="hollow loading" style=${{ minHeight: `${lines * 1.75}rem` }}
      aria-busy="true"><p>Loading …</p></div>`;
  }
  if (empty) return html`<div class="hollow"><p>${empty}</p></div>`;
  return html`${of.error && html`<p class="stale">Not the newest: ${of.error.message}</p>`}${children}`;
}

/** A hash or a certificate, shortened, with a button that copies all of it. */
export function Hex({ value, label, href, head, tail }) {
  const short = html`<code title=${value}>${shortHex(value, head, tail)}</code>`;
  return html`<span class="hex">
    ${href ? html`<a href=${href} aria-label=${`${label} ${shortHex(value, head, tail)}`}>${short}</a>` : short}
    <${CopyButton} text=${value} label=${label} />
  </span>`;
}

export const TransactionLink = ({ hash, label = "Transaction" }) =>
  hash ? html`<${Hex} value=${hash} label=${label} href=${`/api/v1/transactions/${hash}`} />` : html`–`;

function CopyButton({ text, label }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return undefined;
    const timer = setTimeout(() => setDone(false), 1_500);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
    } catch {
      setDone(false);
    }
  };
  return html`<button type="button" class="copy" onClick=${copy}
    aria-label=${done ? `${label} copied` : `Copy ${label.toLowerCase()}`}>
    <svg viewBox="0 0 24 24" width="15" height="15" aria-hidden="true">${
      done
        ? html`<path d="M5 13l5 5 9-11" />`
        : html`<rect x="9" y="9" width="11" height="11" rx="2" /><path d="M5 15V6a2 2 0 0 1 2-2h8" />`
    }</svg>
  </button>`;
}

/** Words of a slot's phase, with a colour and a sign that does not need it. */
export function Phase({ phase }) {
  return html`<span class=${`phase ${phase}`}>${phase}</span>`;
}

export function Kind({ kind }) {
  return html`<span class=${`kind ${kind}`}>${kind ?? "cancelled"}</span>`;
}
