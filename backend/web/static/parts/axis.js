// Round numbers on axes.

const STEPS = [1, 2, 2.5, 5, 10];

/** Returns { low, high, ticks, digits } that hold both values. */
export function roundAxis(low, high, intervals = 4) {
  const span = high > low ? high - low : Math.abs(high) || 1;
  const power = 10 ** Math.floor(Math.log10(span / intervals));
  const step = STEPS.map((one) => one * power).find((one) => span / one <= intervals);
  const first = Math.floor(low / step + 1e-9) * step;
  const last = Math.ceil(high / step - 1e-9) * step;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9) + (String(step / power) === "2.5" ? 1 : 0));
  const ticks = [];
  for (let at = 0; at <= Math.round((last - first) / step); at += 1) ticks.push(first + at * step);
  return { low: first, high: last > first ? last : first + step, ticks, digits };
}
