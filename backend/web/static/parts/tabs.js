// Tabs by the ARIA practice: arrows move and open, the address follows.
import { html, useEffect, useRef } from "../lib/html.js";
import { go } from "../lib/route.js";

const STEPS = { ArrowRight: 1, ArrowLeft: -1 };

export function TabList({ tabs, open }) {
  const list = useRef(null);
  const at = tabs.findIndex((tab) => tab.id === open);
  useEffect(() => {
    list.current
      ?.querySelector("[aria-selected=true]")
      ?.scrollIntoView?.({ block: "nearest", inline: "nearest" });
  }, []);
  const press = (event) => {
    const last = tabs.length - 1;
    let next = null;
    if (event.key in STEPS) next = (at + STEPS[event.key] + tabs.length) % tabs.length;
    if (event.key === "Home") next = 0;
    if (event.key === "End") next = last;
    if (next === null) return;
    event.preventDefault();
    go(tabs[next].id);
    list.current.children[next].focus();
  };
  return html`<div class="tabs" role="tablist" aria-label="Views" ref=${list} onKeyDown=${press}>
    ${tabs.map(
      (tab) => html`<button type="button" role="tab" id=${`tab-${tab.id}`} key=${tab.id}
        aria-selected=${tab.id === open ? "true" : "false"} aria-controls="panel"
        tabindex=${tab.id === open ? 0 : -1} onClick=${() => go(tab.id)}>${tab.name}</button>`,
    )}
  </div>`;
}
