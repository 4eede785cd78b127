// Requests to /api/v1, and what went wrong with them as text for people.
import { store } from "./store.js";

const BASE = "/api/v1";

/** The block that the service's index has reached, as its last answer said. */
export const indexedBlock = store(null);

/** A problem as RFC 9457 tells it, or the lack of an answer (status 0). */
export class Problem extends Error {
  constructor({ name, status, title, detail, retryAfter }) {
    super(detail || title);
    Object.assign(this, { name, status, title, detail, retryAfter });
  }
}

export const get = (path) => request(path);

export const post = (path, body) =>
  request(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
  });

/** Returns the items of a list, page after page, until `enough` says so or `pages` are read. */
export async function getList(path, { enough = () => false, pages = 1 } = {}) {
  const items = [];
  let cursor = null;
  for (let page = 0; page < pages; page += 1) {
    const answer = await get(cursor ? `${path}&cursor=${encodeURIComponent(cursor)}` : path);
    items.push(...answer.items);
    cursor = answer.next_cursor;
    if (!cursor || enough(items)) break;
  }
  return { items, next_cursor: cursor };
}

async function request(path, options = { headers: { Accept: "application/json" } }) {
  let response;
  try {
    response = await fetch(BASE + path, options);
  } catch {
    throw new Problem({ name: "offline", status: 0, title: "The service does not answer" });
  }
  const block = Number(response.headers.get("X-Wattline-Block"));
  if (block) indexedBlock.set(block);
  let answer = null;
  try {
    answer = await response.json();
  } catch {
    // Judged by its status below.
  }
  if (response.ok && answer !== null) return answer;
  throw new Problem({
    name:
      String(answer?.type ?? "")
        .split("/")
        .pop() || "unknown",
    status: response.status,
    title: answer?.title ?? `The service answered ${response.status}`,
    detail: text(answer?.detail),
    retryAfter: response.headers.get("Retry-After"),
  });
}

const text = (detail) => (typeof detail === "string" ? detail : undefined);
