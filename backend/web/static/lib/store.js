// One value that several components follow.
import { useEffect, useState } from "./html.js";

export function store(initial) {
  let value = initial;
  const listeners = new Set();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of [...listeners]) listener(value);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Returns a store's value, and draws the component anew when it changes. */
export function useStore(one) {
  const [value, setValue] = useState(one.get());
  useEffect(() => {
    setValue(one.get());
    return one.subscribe(setValue);
  }, [one]);
  return value;
}

/** A store that outlives the visit, where the browser lets it. */
export function keptStore(key, initial) {
  let first = initial;
  try {
    first = JSON.parse(localStorage.getItem(key)) ?? initial;
  } catch {
    // Forbidden or broken storage: begin anew.
  }
  const one = store(first);
  one.subscribe((value) => {
    try {
      localStorage.setItem(key, JSON.stringify(value));
    } catch {
      // Then it lasts as long as the page.
    }
  });
  return one;
}
