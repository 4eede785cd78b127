// Whom the visitor speaks for.
import { useChosen, useParticipants } from "../lib/market.js";
import { html, useId } from "../lib/html.js";

export function PersonSelect({ error }) {
  const { items } = useParticipants();
  const [chosen, choose] = useChosen();
  const id = useId();
  return html`<div class="field">
    <label for=${id}>Participant</label>
    <select id=${id} value=${String(chosen?.number ?? "")} disabled=${items.length === 0}
      aria-invalid=${error ? "true" : undefined} aria-describedby=${error ? `${id}-error` : undefined}
      onChange=${(event) => choose(Number(event.currentTarget.value))}>
      ${items.map((one) => html`<option key=${one.number} value=${String(one.number)}>${one.name}</option>`)}
    </select>
    ${error && html`<p class="error" id=${`${id}-error`}>${error}</p>`}
  </div>`;
}
