// Trades added up by line.

export const lineKey = (first, second) => `${Math.min(first, second)}-${Math.max(first, second)}`;

/** Returns { seller, buyer, energy_wh, trades } of each pair and direction, the largest first. */
export function flowsOf(trades) {
  const pairs = new Map();
  for (const trade of trades) {
    if (trade.pooled) continue;
    const key = `${trade.seller}-${trade.buyer}`;
    const pair = pairs.get(key) ?? { seller: trade.seller, buyer: trade.buyer, energy_wh: 0, trades: 0 };
    pair.energy_wh += trade.energy_wh;
    pair.trades += 1;
    pairs.set(key, pair);
  }
  return [...pairs.values()].sort((a, b) => b.energy_wh - a.energy_wh);
}

/** Returns a row for each line and direction with a flow, and one for each line without. */
export function lineRows(lines, flows) {
  const rows = [];
  for (const line of lines) {
    const key = lineKey(line.first, line.second);
    const own = flows.filter((flow) => lineKey(flow.seller, flow.buyer) === key);
    const directions = own.filter((flow) => line.both_ways !== false || flow.seller === line.first);
    for (const flow of directions) {
      rows.push({
        ...line,
        key: `${flow.seller}-${flow.buyer}`,
        from: flow.seller,
        to: flow.buyer,
        energy_wh: flow.energy_wh,
      });
    }
    if (directions.length === 0) {
      rows.push({
        ...line,
        key: `${key}-idle-${line.first}`,
        from: line.first,
        to: line.second,
        energy_wh: 0,
      });
    }
  }
  return rows.sort((a, b) => b.energy_wh - a.energy_wh || a.fee_micro_usd_per_mwh - b.fee_micro_usd_per_mwh);
}

/** Returns the participants in an order that puts short lines between neighbours. */
export function circleOrder(people, lines) {
  const distance = new Map(lines.map((line) => [lineKey(line.first, line.second), line.distance_m]));
  const left = new Set(people.slice(1).map((one) => one.number));
  const order = people.length ? [people[0].number] : [];
  while (left.size) {
    const far = (one) => distance.get(lineKey(order.at(-1), one)) ?? Infinity;
    const next = [...left].reduce((best, one) => (far(one) < far(best) ? one : best));
    order.push(next);
    left.delete(next);
  }
  return order;
}

const CLASSES = 5;

/** Returns the fifths of the lines' fees: { low, high } in micro-USD/MWh, and `of` a fee. */
export function feeClasses(lines) {
  const fees = lines.map((line) => line.fee_micro_usd_per_mwh);
  const low = Math.min(...fees);
  const width = (Math.max(...fees) - low) / CLASSES || 1;
  const bounds = Array.from({ length: CLASSES }, (_, at) => ({
    low: low + at * width,
    high: low + (at + 1) * width,
  }));
  return { bounds, of: (fee) => Math.min(CLASSES, 1 + Math.floor((fee - low) / width)) };
}
