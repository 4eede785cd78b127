// Server-sent events of /api/v1/live: what happened, and whether we would hear of it.
import { store } from "./store.js";

const TYPES = ["head", "order", "clearing", "settlement", "void", "reading", "storage", "score"];
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 15_000;

/** "connecting", "live" or "offline". */
export const liveState = store("connecting");

const listeners = new Set();
let source = null;
let wait = FIRST_WAIT;
let timer = null;

/** Calls back with (type, data) for every event, and with "reconnected" where all may be new. */
export function onLive(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function startLive() {
  connect();
  addEventListener("online", () => retry(0));
  addEventListener("offline", () => liveState.set("offline"));
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && liveState.get() === "offline") retry(0);
  });
}

function connect() {
  clearTimeout(timer);
  source?.close();
  source = new EventSource("/api/v1/live");
  source.onopen = () => {
    wait = FIRST_WAIT;
    const gap = liveState.get() === "offline";
    liveState.set("live");
    if (gap) tell("reconnected", {});
  };
  // Browsers try again by themselves after a cut, but not after an answer such as 503.
  source.onerror = lost;
  for (const type of TYPES) source.addEventListener(type, (event) => hear(type, event));
}

function hear(type, event) {
  let data = {};
  try {
    data = JSON.parse(event.data);
  } catch {
    // An event without data still says that something happened.
  }
  tell(type === "head" && data.reset ? "reconnected" : type, data);
}

function tell(type, data) {
  for (const listener of [...listeners]) listener(type, data);
}

/** The service did not answer, or the stream has ended. */
export function lost() {
  source?.close();
  liveState.set("offline");
  retry(wait);
  wait = Math.min(2 * wait, LONGEST_WAIT);
}

function retry(after) {
  clearTimeout(timer);
  timer = setTimeout(connect, after);
}
