// Says that what is shown grows old, once it is sure.
import { html, useEffect, useState } from "../lib/html.js";
import { liveState } from "../lib/live.js";
import { useStore } from "../lib/store.js";

const PATIENCE = 2_000;

export function ConnectionNote() {
  const live = useStore(liveState);
  const [since, setSince] = useState(null);
  useEffect(() => {
    if (live === "live") {
      setSince(null);
      return undefined;
    }
    const began = new Date();
    const timer = setTimeout(() => setSince(began), PATIENCE);
    return () => clearTimeout(timer);
  }, [live === "live"]);
  return html`<div role="status" class="connection">${
    since &&
    html`<p>No connection to the service since ${since.toLocaleTimeString("en-GB")} of your clock. What you see may be
      old; the page keeps trying and goes on by itself.</p>`
  }</div>`;
}
