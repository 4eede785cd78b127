// Chooses the slot that legends, order book and tables show. Everything else is in the page already.
"use strict";
(() => {
  const parse = (id) => JSON.parse(document.getElementById(id).textContent);
  const times = parse("times");
  const data = parse("data");
  const bar = document.querySelector(".slot-bar");
  const range = bar.querySelector("input");
  const only = document.getElementById("only-slot");
  const number = (value, digits) =>
    value
      .toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })
      .replace("-", "−");
  const kwh = (wh) => number(wh / 1e3, 3);
  const usdPerKwh = (price) => number(price / 1e9, 4);

  const fill = (id, rows) => {
    const table = document.getElementById(id);
    if (!table) return;
    table.parentElement.hidden = rows.length === 0;
    table.tBodies[0].replaceChildren(
      ...rows.map((cells) => {
        const row = document.createElement("tr");
        cells.forEach((text) => {
          const cell = row.insertCell();
          cell.textContent = text;
          if (!/^[\d–]/.test(text)) cell.className = "name";
        });
        return row;
      }),
    );
  };

  const show = (slot) => {
    range.value = slot;
    range.setAttribute("aria-valuetext", `slot ${slot + 1}, ${times[slot]}`);
    bar.querySelector(".where").textContent = `Slot ${slot + 1} · ${times[slot]}`;
    document.querySelectorAll(".chart").forEach((chart) => {
      const { digits, unit, series } = data.charts[chart.dataset.chart];
      const cursor = chart.querySelector(".cursor");
      cursor.hidden = false;
      cursor.style.left = `${(100 * slot) / times.length}%`;
      cursor.style.width = `${100 / times.length}%`;
      chart.querySelectorAll("output").forEach((output) => {
        const value = series[output.dataset.series][slot];
        output.textContent = value === null ? "–" : `${number(value, digits)} ${unit}`;
      });
    });

    let found = false;
    document.querySelectorAll(".book").forEach((book) => {
      book.hidden = Number(book.dataset.slot) !== slot;
      found ||= !book.hidden;
    });
    document.querySelectorAll(".empty").forEach((text) => (text.hidden = found));
    const orders = data.orders.filter((order) => order[0] === slot);
    orders.sort((a, b) => b[2] - a[2] || (a[2] ? a[4] - b[4] : b[4] - a[4]));
    fill(
      "slot-orders",
      orders.map(([, who, offer, energy, limit, reputation]) => [
        data.names[who], offer ? "offer" : "bid", kwh(energy), usdPerKwh(limit), number(reputation / 1e4, 3),
      ]),
    );
    const trades = data.trades.filter((trade) => trade[0] === slot);
    fill(
      "slot-trades",
      trades.map(([, seller, buyer, energy, price, fee, delivered]) => [
        data.names[seller], data.names[buyer], kwh(energy), usdPerKwh(price), usdPerKwh(fee),
        delivered === null ? "–" : kwh(delivered),
      ]),
    );

    const pairs = new Set(trades.map((trade) => `${trade[1]}-${trade[2]}`));
    document.querySelectorAll(".trade").forEach((arrow) => {
      arrow.classList.toggle("dim", only.checked && !pairs.has(arrow.dataset.pair));
    });
  };

  const choose = (slot) => show(Math.min(times.length - 1, Math.max(0, slot)));
  const pointed = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    choose(Math.floor((times.length * (event.clientX - box.left)) / box.width));
  };

  document.querySelectorAll("[hidden]:is(.slot-bar, .slot-tables, .only)").forEach((part) => (part.hidden = false));
  document.body.classList.add("live");
  range.addEventListener("input", () => choose(Number(range.value)));
  bar.addEventListener("submit", (event) => event.preventDefault());
  bar.querySelectorAll("button").forEach((button) =>
    button.addEventListener("click", () => choose(Number(range.value) + Number(button.dataset.step))),
  );
  only?.addEventListener("change", () => choose(Number(range.value)));
  document.querySelectorAll(".plot.slots").forEach((plot) => {
    plot.addEventListener("click", pointed);
    plot.addEventListener("pointermove", (event) => event.buttons === 1 && pointed(event));
  });
  choose(Number(range.value));
})();
