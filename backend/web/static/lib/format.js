// Numbers with their units, times and slots as people read them.
import { SLOT_SECONDS } from "./clock.js";
import { store } from "./store.js";

/** Minutes that the market's place is ahead of UTC; times are shown as its clocks show them. */
export const utcOffset = store(0);

export function number(value, digits = 0) {
  return Number(value)
    .toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })
    .replace(/^-(?=.*[1-9])/, "−")
    .replace(/^-/, "");
}

export const signed = (value, digits) => (value > 0 ? `+${number(value, digits)}` : number(value, digits));
export const kwhOf = (wh) => Number(wh) / 1e3;
export const usdOf = (microUsd) => Number(microUsd) / 1e6;
export const usdPerKwhOf = (microUsdPerMwh) => Number(microUsdPerMwh) / 1e9;
export const kwOf = (wh) => (Number(wh) / 1e3) * 4;

export const kwh = (wh) => number(kwhOf(wh), 3);
export const usd = (microUsd, digits = 4) => number(usdOf(microUsd), digits);
export const price = (microUsdPerMwh) =>
  microUsdPerMwh === null || microUsdPerMwh === undefined ? "–" : number(usdPerKwhOf(microUsdPerMwh), 4);
export const percent = (bps) => number(bps / 100, 1);

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export const shifted = (seconds) => seconds + 60 * utcOffset.get();
const two = (value) => String(value).padStart(2, "0");

/** 10:45 */
export function hours(seconds) {
  const at = new Date(1_000 * shifted(seconds));
  return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
}

/** 10:45:07 */
export function clockTime(seconds) {
  return `${hours(seconds)}:${two(Math.floor(seconds) % 60)}`;
}

/** Sat 1 Jan 2050 */
export function day(seconds) {
  const at = new Date(1_000 * shifted(seconds));
  return `${DAYS[at.getUTCDay()]} ${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}

/** 10:45–11:00 */
export function slotTimes(slot) {
  return `${hours(slot * SLOT_SECONDS)}–${hours((slot + 1) * SLOT_SECONDS)}`;
}

/** The slot's times, with the day where it is not that of `now` (in slots). */
export function slotName(slot, now) {
  const start = slot * SLOT_SECONDS;
  if (now !== null && day(start) === day(now * SLOT_SECONDS)) return slotTimes(slot);
  const at = new Date(1_000 * shifted(start));
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}, ${slotTimes(slot)}`;
}

/** UTC+02:00 */
export function zone() {
  const minutes = utcOffset.get();
  if (!minutes) return "UTC";
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? "−" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** 4:05, or 1:04:05 */
export function duration(seconds) {
  const left = Math.max(0, Math.ceil(seconds));
  const h = Math.floor(left / 3_600);
  const m = Math.floor(left / 60) % 60;
  return h ? `${h}:${two(m)}:${two(left % 60)}` : `${m}:${two(left % 60)}`;
}

export const counted = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

/** 0x1234…cdef */
export function shortHex(hex, head = 6, tail = 4) {
  return hex.length <= head + tail + 3 ? hex : `${hex.slice(0, head)}…${hex.slice(-tail)}`;
}
