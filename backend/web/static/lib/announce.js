// What a screen reader is told without being asked: the market seldom, one's own orders at once.
import { html } from "./html.js";
import { store, useStore } from "./store.js";

const MARKET_EVERY = 60_000; // at 60× a slot is cleared every 15 seconds: that would never end

const message = store("");
let last = 0;

export function announce(text) {
  last = Date.now();
  message.set(text);
}

export function announceSeldom(text) {
  if (Date.now() - last >= MARKET_EVERY) announce(text);
}

export function Announcer() {
  const text = useStore(message);
  return html`<div class="unseen" role="status" aria-live="polite">${text}</div>`;
}
