// The orders that this browser has handed in, and how far each has come.
import { get, getList } from "./api.js";
import { announce } from "./announce.js";
import { slotTimes } from "./format.js";
import { onLive } from "./live.js";
import { orderWords } from "./orders.js";
import { keptStore } from "./store.js";

const KEPT = 20;
const LOOK_EVERY = 2_000;
const FINAL = ["settled", "void", "skipped", "failed", "dropped", "lost"];

/** Newest first: the order's fields with { id, stage, reason, trades }. */
export const sent = keptStore("wattline-sent", []);

export const STAGE_WORDS = {
  waiting: "handed in, waiting for its block",
  posted: "sent to the chain",
  recorded: "recorded in the book",
  cleared: "cleared",
  settled: "settled",
  void: "void: the slot was not cleared in time, its money is free again",
  skipped: "not taken by the contract",
  failed: "not taken, as its transaction fails",
  dropped: "given up",
  lost: "unknown to this service",
};

let following = false;
let busy = false;

export function remember(order, market) {
  const one = { ...order, stage: order.state ?? "waiting", trades: [], chain: chainOf(market) };
  sent.set([one, ...sent.get()].slice(0, KEPT));
}

/** The orders of one market: a devnet begun anew has another exchange or an earlier block. */
export const ofMarket = (orders, market) => orders.filter((one) => one.chain === chainOf(market));

const chainOf = (market) =>
  `${market.domain.chainId}:${market.domain.verifyingContract}:${market.manifest.start_slot}`;

/** Keeps looking at the orders that have not come to their end. */
export function follow() {
  if (following) return;
  following = true;
  onLive((type) => type !== "head" && look());
  setInterval(look, LOOK_EVERY);
  look();
}

async function look() {
  const open = sent.get().filter((one) => !FINAL.includes(one.stage));
  if (busy || open.length === 0) return;
  busy = true;
  for (const one of open) {
    try {
      tell(one, await stageOf(one));
    } catch {
      // The service is away or busy: the next look will tell.
    }
  }
  busy = false;
}

async function stageOf(order) {
  if (["waiting", "posted"].includes(order.stage)) {
    const answer = await get(`/orders/${order.id}`).catch((problem) => {
      if (problem.status === 404) return { state: "lost", reason: null };
      throw problem;
    });
    if (answer.state !== "recorded") return { stage: answer.state, reason: answer.reason };
  }
  const slot = await get(`/slots/${order.slot}`).catch(() => ({ phase: "open" }));
  if (slot.phase === "void") return { stage: "void" };
  if (!["cleared", "settled"].includes(slot.phase)) return { stage: "recorded" };
  const side = order.kind === "offer" ? "seller" : "buyer";
  const { items } = await getList(`/trades?slot=${order.slot}&${side}=${order.participant}&limit=100`);
  return { stage: slot.phase, trades: items };
}

function tell(order, found) {
  const now = { ...order, ...found };
  if (JSON.stringify(now) === JSON.stringify(order)) return;
  sent.set(sent.get().map((one) => (one.id === order.id ? now : one)));
  if (now.stage === order.stage) return;
  const traded = now.stage === "cleared" && now.trades.length === 0 ? " without a trade" : "";
  announce(`${orderWords(now)}, ${slotTimes(now.slot)}: ${STAGE_WORDS[now.stage]}${traded}.`);
}
