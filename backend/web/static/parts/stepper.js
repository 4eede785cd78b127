// Chooses a slot: one back, one on, or whichever is the latest.
import { slotName } from "../lib/format.js";
import { html } from "../lib/html.js";

export function Stepper({ slot, latest, now, chosen, choose, latestName }) {
  if (slot === null) return null;
  const to = (next) => choose(next === latest ? null : next);
  return html`<div class="stepper" role="group" aria-label="Slot">
    <button type="button" class="icon" aria-label=${`Earlier slot, ${slotName(slot - 1, now)}`}
      onClick=${() => to(slot - 1)}>‹</button>
    <button type="button" class="small-button" aria-pressed=${chosen === null ? "true" : "false"}
      onClick=${() => choose(null)}>${latestName}</button>
    <button type="button" class="icon" aria-label=${`Later slot, ${slotName(slot + 1, now)}`}
      onClick=${() => to(slot + 1)}>›</button>
  </div>`;
}
