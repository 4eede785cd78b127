// The market's constants and its participants: what nearly every view needs.
import { getList } from "./api.js";
import { utcOffset } from "./format.js";
import { useEffect } from "./html.js";
import { useResource } from "./resource.js";
import { keptStore, useStore } from "./store.js";

const LIMIT = 500;

export function useMarket() {
  const market = useResource("/market");
  useEffect(() => {
    if (market.data) utcOffset.set(market.data.manifest.utc_offset_minutes ?? 0);
  }, [market.data]);
  return market;
}

const everybody = (path) => getList(path, { pages: 3 });

/** Returns the participants and a function from number to name. */
export function useParticipants() {
  const answer = useResource(`/participants?limit=${LIMIT}`, [], everybody);
  const items = answer.data?.items ?? [];
  const names = new Map(items.map((one) => [one.number, one.name || `No. ${one.number}`]));
  return { ...answer, items, nameOf: (one) => names.get(one) ?? `No. ${one}` };
}

const chosen = keptStore("wattline-participant", 1);

/** Returns whom the visitor speaks for, and the function that changes it. */
export function useChosen() {
  const { items } = useParticipants();
  const wanted = useStore(chosen);
  const one = items.find((each) => each.number === wanted) ?? items[0] ?? null;
  return [one, (next) => chosen.set(next)];
}
