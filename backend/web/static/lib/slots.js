// The last day's slots with what was cleared in them, shared by all views.
import { useResource } from "./resource.js";

const EVENTS = ["clearing", "settlement", "void", "order"];

export function useSlots() {
  const answer = useResource("/slots?limit=120", EVENTS);
  const items = answer.data?.items ?? [];
  const bySlot = new Map(items.map((one) => [one.slot, one]));
  const cleared = items.filter((one) => ["cleared", "settled"].includes(one.phase));
  return {
    ...answer,
    items,
    cleared, // the newest first
    phaseOf: (slot) => bySlot.get(slot)?.phase ?? null,
    of: (slot) => bySlot.get(slot) ?? null,
  };
}
