// Which market this is, on which chain, how far, and whether it is live.
import { indexedBlock } from "../lib/api.js";
import { clock } from "../lib/clock.js";
import { number } from "../lib/format.js";
import { html } from "../lib/html.js";
import { liveState } from "../lib/live.js";
import { useMarket } from "../lib/market.js";
import { useStore } from "../lib/store.js";
import { theme, toggleTheme } from "../lib/theme.js";

const LIVE = { connecting: "Connecting …", live: "Live", offline: "No connection" };
const SPEED = { step: "Step by step", 1: "Real time", 60: "60 times real time" };

export function Header() {
  const { data: market } = useMarket();
  const block = useStore(indexedBlock);
  const live = useStore(liveState);
  const speed = useStore(clock)?.speed ?? market?.speed;
  return html`<header class="top">
    <div class="frame">
      <h1><img src="/static/icon.svg" alt="" width="28" height="28" />Wattline</h1>
      <dl class="facts">
        <div><dt>Market</dt><dd>${market?.manifest.scenario || "–"}</dd></div>
        <div><dt>Chain</dt><dd>${market?.domain.chainId ?? "–"}${market?.devnet ? " (devnet)" : ""}</dd></div>
        <div><dt>Block</dt><dd class="block">${block === null ? "–" : number(block)}</dd></div>
        ${market?.devnet && speed && html`<div><dt>Time</dt><dd>${SPEED[speed] ?? `${speed} times real time`}</dd></div>`}
      </dl>
      <p class=${`live ${live}`}><span class="dot" aria-hidden="true"></span>${LIVE[live]}</p>
      <${ThemeButton} />
    </div>
  </header>`;
}

function ThemeButton() {
  const shown = useStore(theme);
  const other = shown === "dark" ? "light" : "dark";
  return html`<button type="button" class="icon" onClick=${toggleTheme}
    aria-label=${`Change to ${other} colours`} title=${`Change to ${other} colours`}>
    <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">${
      shown === "dark"
        ? html`<circle cx="12" cy="12" r="4.5" /><path
          d="M12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2" />`
        : html`<path d="M20 14.5A8 8 0 1 1 9.5 4a6.5 6.5 0 0 0 10.5 10.5z" />`
    }</svg>
  </button>`;
}
