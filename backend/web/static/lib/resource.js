// Answers of the API that keep themselves fresh: asked for again when an event concerns them.
import { get } from "./api.js";
import { useEffect, useRef, useState } from "./html.js";
import { onLive } from "./live.js";

const SETTLE = 250; // events come in bursts: wait for the end of one
const LEAST_BETWEEN = 1_000;
const KEPT = 60;

const known = new Map();

/**
 * Returns { data, error, loading, reload } of a path, or of nothing while `path` is null.
 *
 * `on` names the live events after which it is asked for again. What was shown stays while a newer
 * answer is on its way, or when it fails: then `error` says so beside it.
 */
export function useResource(path, on = [], load = get) {
  const [, draw] = useState(0);
  const resource = path === null ? null : resourceOf(path, load);
  const types = on.join();
  useEffect(() => {
    if (!resource) return undefined;
    const redraw = () => draw((count) => count + 1);
    resource.listeners.add(redraw);
    if (!resource.loading) ask(resource);
    redraw();
    const quiet = onLive((type) => {
      if (type === "reconnected" || types.split(",").includes(type)) askSoon(resource);
    });
    return () => {
      resource.listeners.delete(redraw);
      quiet();
    };
  }, [resource, types]);
  if (!resource) return { data: null, error: null, loading: false, reload() {} };
  return {
    data: resource.data,
    error: resource.error,
    loading: resource.data === null && resource.error === null,
    reload: () => ask(resource),
  };
}

/** Shows the answer of the path before until that of a new path is there: nothing flickers. */
export function useKept(answer) {
  const last = useRef(null);
  if (answer.data !== null) last.current = answer.data;
  return answer.loading && last.current !== null ? { ...answer, data: last.current, loading: false } : answer;
}

function resourceOf(path, load) {
  let resource = known.get(path);
  if (!resource) {
    resource = { path, load, data: null, error: null, asked: 0, listeners: new Set() };
    known.set(path, resource);
    for (const [old, one] of known) {
      if (known.size <= KEPT) break;
      if (one.listeners.size === 0 && one !== resource) known.delete(old);
    }
  }
  return resource;
}

function askSoon(resource) {
  if (resource.timer) return;
  const since = Date.now() - resource.asked;
  resource.timer = setTimeout(() => ask(resource), Math.max(SETTLE, LEAST_BETWEEN - since));
}

async function ask(resource) {
  clearTimeout(resource.timer);
  resource.timer = null;
  if (resource.loading) {
    resource.again = true;
    return;
  }
  resource.loading = true;
  resource.asked = Date.now();
  try {
    resource.data = await resource.load(resource.path);
    resource.error = null;
  } catch (error) {
    resource.error = error;
    const wait = 1_000 * Number(error.retryAfter || 0) || 5_000;
    if (resource.listeners.size) resource.timer = setTimeout(() => ask(resource), wait);
  }
  resource.loading = false;
  for (const listener of [...resource.listeners]) listener();
  if (resource.again) {
    resource.again = false;
    askSoon(resource);
  }
}
