// Which view is open: the part of the address after #, such as #rounds/2805256.
import { store } from "./store.js";

export const route = store(read());

addEventListener("hashchange", () => {
  if (location.hash !== "#main") route.set(read());
});

function read() {
  const [view, argument = null] = decodeURIComponent(location.hash.slice(1)).split("/");
  return { view: view === "main" ? "" : view, argument };
}

export function go(view, argument = null) {
  location.hash = argument === null ? view : `${view}/${argument}`;
}
