// Puts the application into the page.
import { html, render } from "./lib/html.js";
import { startLive } from "./lib/live.js";
import { startClock } from "./lib/clock.js";
import { App } from "./app.js";

const root = document.getElementById("app");
root.replaceChildren();
render(html`<${App} />`, root);
startClock();
startLive();
