// A list of the API that grows on request.
import { getList } from "../lib/api.js";
import { html, useEffect, useState } from "../lib/html.js";
import { useResource } from "../lib/resource.js";

/** Returns a list's items: the newest kept fresh, older ones read by `more`. */
export function useList(path, on) {
  const newest = useResource(path, on);
  const [older, setOlder] = useState({ path, items: [], cursor: undefined });
  const [busy, setBusy] = useState(false);
  useEffect(() => setOlder({ path, items: [], cursor: undefined }), [path]);
  const kept = older.path === path ? older : { items: [], cursor: undefined };
  const cursor = kept.cursor === undefined ? newest.data?.next_cursor : kept.cursor;
  const more = async () => {
    setBusy(true);
    try {
      const answer = await getList(`${path}&cursor=${encodeURIComponent(cursor)}`);
      setOlder({ path, items: [...kept.items, ...answer.items], cursor: answer.next_cursor });
    } finally {
      setBusy(false);
    }
  };
  return {
    ...newest,
    items: [...(newest.data?.items ?? []), ...kept.items],
    hasMore: Boolean(cursor),
    more,
    busy,
  };
}

export function More({ list, what }) {
  if (!list.hasMore) return null;
  return html`<p class="more"><button type="button" onClick=${list.more} disabled=${list.busy}>
    ${list.busy ? "Loading …" : `Older ${what}`}
  </button></p>`;
}

/** The items once each, by their key: a page read earlier may overlap the newest. */
export function distinct(items, keyOf) {
  return [...new Map(items.map((one) => [keyOf(one), one])).values()];
}
