// Series over slots (uPlot), with a legend that names the values under the pointer.
import uPlot from "uplot";
import { SLOT_SECONDS } from "../lib/clock.js";
import { hours, number, shifted, slotTimes, utcOffset } from "../lib/format.js";
import { html, useEffect, useRef, useState } from "../lib/html.js";
import { theme } from "../lib/theme.js";
import { useStore } from "../lib/store.js";
import { TableOf } from "./table.js";
import { useWidth } from "./width.js";

const HEIGHT = 220;
const TICKS = [900, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800];

/**
 * `series` are { name, values, unit, digits, colour, kind, right, planned, first }, one value per slot of
 * `slots`, null where there is none; `right` ones have an axis of their own on the right. Kinds:
 * "step" holds for its slot, "held" until the next value, "bars"; "line" and "dashed" join
 * what slots end with, beginning with `first`.
 */
export function TimeChart({ caption, slots, series, label }) {
  const [ref, width] = useWidth();
  const plot = useRef(null);
  const host = useRef(null);
  const [at, setAt] = useState(null);
  const chosen = useStore(theme);
  const offset = useStore(utcOffset);
  const kinds = series.map((one) => `${one.name}${one.kind}`).join();
  useEffect(() => {
    plot.current = new uPlot(options(series, width, setAt), data(slots, series), host.current);
    return () => plot.current.destroy();
  }, [kinds, chosen]);
  useEffect(() => plot.current.setData(data(slots, series)), [slots, series, offset]);
  useEffect(() => plot.current.setSize({ width, height: HEIGHT }), [width]);
  const shown = at !== null && at < slots.length ? at : null;
  return html`<figure class="chart" ref=${ref}>
    <${Legend} series=${series} at=${shown} where=${shown === null ? "" : slotTimes(slots[shown])} />
    <div class="plot" ref=${host} role="img" aria-label=${label}></div>
    <${TableOf} caption=${caption} columns=${columns(series)} rows=${rows(slots, series)}
      keyOf=${(row) => row.slot} hidden />
  </figure>`;
}

function Legend({ series, at, where }) {
  return html`<ul class="legend">
    ${series.map(
      (
        one,
      ) => html`<li key=${one.name}><span class=${`key ${one.kind} ${one.colour}`}></span>${one.name}${" "}
        <output>${valueAt(one, at)}</output>${" "}
        <span class="unit">${one.unit}</span></li>`,
    )}
    <li class="where">${where}</li>
  </ul>`;
}

// Without a pointer: what is known last, and of a plan what comes first.
function valueAt(one, at) {
  const known = (value) => value !== null;
  const place = at ?? (one.planned ? one.values.findIndex(known) : one.values.findLastIndex(known));
  const value = one.values[place] ?? null;
  return value === null ? "–" : number(value, one.digits);
}

// A slot's value is drawn from its start to its end: the axis ends where the last one does.
function data(slots, series) {
  if (slots.length === 0) return [[], ...series.map(() => [])];
  const places = [...slots, slots.at(-1) + 1].map((slot) => shifted(slot * SLOT_SECONDS));
  return [places, ...series.map(placed)];
}

function placed({ kind, values, first = null }) {
  if (kind === "step") return [...values, null];
  if (kind === "held") return [...values, values.at(-1)];
  if (kind === "bars") return [...values.map((value) => value || null), null]; // none for nothing
  return [first, ...values]; // what a slot ends with stands at its end
}

const columns = (series) => [
  { name: "Slot", text: true, cell: (row) => slotTimes(row.slot) },
  ...series.map((one, place) => ({
    name: one.name,
    unit: one.unit,
    cell: (row) => (row.values[place] === null ? "–" : number(row.values[place], one.digits)),
  })),
];

const rows = (slots, series) =>
  slots
    .map((slot, place) => ({ slot, values: series.map((one) => one.values[place] ?? null) }))
    .filter((row) => row.values.some((value) => value !== null))
    .reverse();

function options(series, width, setAt) {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const font = "12px system-ui, sans-serif";
  const axis = { stroke: colour("muted"), font, ticks: { show: false } };
  const grid = { stroke: colour("grid"), width: 1 };
  const tenths = (_, splits) =>
    splits.map((value) =>
      Math.abs(value) < 1e-9 ? "0" : String(Number(value.toFixed(4))).replace("-", "−"),
    );
  const right = series.some((one) => one.right);
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: { x: { time: false }, y: { range: range }, right: { range: range } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        incrs: TICKS,
        space: 56,
        size: 28,
        values: (_, splits) => splits.map(label),
      },
      { ...axis, grid, values: tenths, size: 48, side: 3 },
      ...(right
        ? [{ ...axis, scale: "right", grid: { show: false }, values: tenths, size: 44, side: 1 }]
        : []),
    ],
    series: [{}, ...series.map((one) => line(one, colour))],
    hooks: { setCursor: [(plot) => setAt(plot.cursor.left >= 0 ? plot.cursor.idx : null)] },
  };
}

// Times are shifted to the market's place already, and `hours` would shift them again.
const label = (place) => hours(place - shifted(0));

function range(_, low, high) {
  if (low === null || high === null) return [0, 1];
  const bottom = Math.min(0, low);
  const top = Math.max(0, high);
  const room = 0.06 * (top - bottom || 1);
  return [bottom < 0 ? bottom - room : 0, top > 0 ? top + room : top];
}

// Each value from the start of its slot to its end, joined where the next slot has one.
function stairs(plot, place, first, last) {
  const stroke = new Path2D();
  const { scale } = plot.series[place];
  const [xs, values] = [plot.data[0], plot.data[place]];
  for (let at = first; at <= last; at += 1) {
    if (values[at] === null) continue;
    const y = plot.valToPos(values[at], scale, true);
    const isJoined = at > first && values[at - 1] !== null && xs[at] - xs[at - 1] === SLOT_SECONDS;
    stroke[isJoined ? "lineTo" : "moveTo"](plot.valToPos(xs[at], "x", true), y);
    stroke.lineTo(plot.valToPos(xs[at] + SLOT_SECONDS, "x", true), y);
  }
  return { stroke };
}

function line(one, colour) {
  const stroke = colour(one.colour);
  const paths = {
    step: stairs,
    held: uPlot.paths.stepped({ align: 1 }),
    bars: uPlot.paths.bars({ size: [0.9, 1_000], align: 1 }),
  };
  return {
    label: one.name,
    scale: one.right ? "right" : "y",
    stroke,
    width: one.kind === "bars" ? 0 : 2,
    fill: one.kind === "bars" ? stroke : undefined,
    dash: one.kind === "dashed" ? [5, 4] : undefined,
    points: { show: false },
    paths: paths[one.kind],
  };
}
