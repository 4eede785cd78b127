// The frame: header, time, tabs, and the view that is open.
import { Announcer } from "./lib/announce.js";
import { utcOffset } from "./lib/format.js";
import { html, useEffect } from "./lib/html.js";
import { route } from "./lib/route.js";
import { useStore } from "./lib/store.js";
import { Header } from "./parts/header.js";
import { Timeline } from "./parts/timeline.js";
import { ConnectionNote } from "./parts/connection.js";
import { TabList } from "./parts/tabs.js";
import { AccountView } from "./views/account.js";
import { GasView } from "./views/gas.js";
import { LinesView } from "./views/lines.js";
import { MarketView } from "./views/market.js";
import { OrderView } from "./views/order.js";
import { RoundsView } from "./views/rounds.js";
import { StorageView } from "./views/storage.js";

const VIEWS = [
  { id: "market", name: "Market", view: MarketView },
  { id: "order", name: "Order", view: OrderView },
  { id: "account", name: "Account", view: AccountView },
  { id: "lines", name: "Lines", view: LinesView },
  { id: "storage", name: "Storage", view: StorageView },
  { id: "rounds", name: "Rounds", view: RoundsView },
  { id: "gas", name: "Gas", view: GasView },
];

export function App() {
  const { view, argument } = useStore(route);
  useStore(utcOffset); // once it is known, all times are written anew
  const open = VIEWS.find((one) => one.id === view) ?? VIEWS[0];
  useEffect(() => {
    document.title = `${open.name} – Wattline`;
  }, [open]);
  return html`
    <${Header} />
    <div class="frame">
      <${ConnectionNote} />
      <${Timeline} />
    </div>
    <main id="main" class="frame" tabindex="-1">
      <${TabList} tabs=${VIEWS} open=${open.id} />
      <div role="tabpanel" id="panel" aria-labelledby=${`tab-${open.id}`} key=${open.id} class="panel">
        <h2 class="unseen">${open.name}</h2>
        <${open.view} argument=${argument} />
      </div>
    </main>
    <footer class="frame">
      <p>Everything here is read from the chain through <a href="/api/v1/market">this service's API</a>. Energy
        in kWh, prices in USD/kWh, money in USD of the market's token.</p>
    </footer>
    <${Announcer} />
  `;
}
