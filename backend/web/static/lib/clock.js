// Chain time: taken from blocks, and carried on at the chain's speed in between.
import { get, indexedBlock } from "./api.js";
import { useEffect, useState } from "./html.js";
import { liveState, lost, onLive } from "./live.js";
import { store, useStore } from "./store.js";

export const SLOT_SECONDS = 900;
const TICK = 250;
const ASK_EVERY = 10_000;

/** What /clock said last, with the wall's time when it did; null before. */
export const clock = store(null);

export async function startClock() {
  onLive((type, data) => {
    if (type === "reconnected") ask();
    if (type !== "head") return;
    indexedBlock.set(data.block);
    if (clock.get()) clock.set({ ...clock.get(), at: seconds(data.chain_time), heard: Date.now() });
  });
  setInterval(ask, ASK_EVERY);
  await ask();
}

async function ask() {
  try {
    const said = await get("/clock");
    const factor = said.speed === "step" ? 0 : Number(said.speed) || 1;
    clock.set({ at: seconds(said.chain_time), heard: Date.now(), speed: said.speed, factor });
  } catch (problem) {
    if (problem.status === 0 && liveState.get() === "live") lost();
  }
}

/** Returns chain time in seconds, estimated between blocks, or null before the first answer. */
export function chainNow() {
  const said = clock.get();
  if (!said) return null;
  return said.at + Math.min((Date.now() - said.heard) / 1_000, 30) * said.factor;
}

/** Returns the moment's chain time, a few times a second. */
export function useNow() {
  const [now, setNow] = useState(chainNow());
  useEffect(() => {
    const draw = () => setNow(chainNow());
    draw();
    const timer = setInterval(draw, TICK);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** Returns the number of the slot now delivered, drawn anew only when it changes. */
export function useSlot() {
  useStore(clock);
  const [slot, setSlot] = useState(currentSlot());
  useEffect(() => {
    const timer = setInterval(() => setSlot(currentSlot()), TICK);
    return () => clearInterval(timer);
  }, []);
  return slot ?? currentSlot();
}

export function currentSlot() {
  const now = chainNow();
  return now === null ? null : Math.floor(now / SLOT_SECONDS);
}

/** The slot whose gate closes next; later ones are open too. */
export const nextGateSlot = (slot) => slot + 3;

export const gateClosesAt = (slot) => (slot - 2) * SLOT_SECONDS;

const seconds = (iso) => Date.parse(iso) / 1_000;
