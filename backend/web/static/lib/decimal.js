// Decimals that people type, as exact integers of the chain's units.

/**
 * Returns `text` times 10^digits as a BigInt; null for what is no decimal or has too many places.
 */
export function scaled(text, digits) {
  const found = /^\s*(\d*)(?:[.,](\d*))?\s*$/.exec(text);
  if (!found || (!found[1] && !found[2])) return null;
  const fraction = (found[2] ?? "").replace(/0+$/, "");
  if (fraction.length > digits) return null;
  return BigInt((found[1] || "0") + fraction.padEnd(digits, "0"));
}

/** kWh → Wh. */
export const whFromKwh = (text) => scaled(text, 3);

/** USD/kWh → micro-USD/MWh. */
export const priceFromUsdPerKwh = (text) => scaled(text, 9);

/** Energy times price in micro-USD, rounded down: what is paid. */
export function amountDown(energyWh, priceMicroUsdPerMwh) {
  return (BigInt(energyWh) * BigInt(priceMicroUsdPerMwh)) / 1_000_000n;
}

/** The same, rounded up: what is locked. */
export function amountUp(energyWh, priceMicroUsdPerMwh) {
  return (BigInt(energyWh) * BigInt(priceMicroUsdPerMwh) + 999_999n) / 1_000_000n;
}
