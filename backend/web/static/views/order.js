// Placing an order, and watching it until its money has moved.
import { clock, gateClosesAt, nextGateSlot, useSlot } from "../lib/clock.js";
import { clockTime, price, slotName, usd } from "../lib/format.js";
import { html, useEffect, useId, useMemo, useRef, useState } from "../lib/html.js";
import { useChosen, useMarket } from "../lib/market.js";
import { lockOf, placeOrder, read, refusal } from "../lib/orders.js";
import { Problem, get } from "../lib/api.js";
import { useKept, useResource } from "../lib/resource.js";
import { remember } from "../lib/sent.js";
import { NotSigned, hasWallet } from "../lib/signing.js";
import { useSlots } from "../lib/slots.js";
import { useStore } from "../lib/store.js";
import { announce } from "../lib/announce.js";
import { Card, Tile, Tiles, Waiting } from "../parts/basics.js";
import { BookChart, BookKeys, sentence, sides } from "../parts/book-chart.js";
import { PersonSelect } from "../parts/person.js";
import { SentOrders } from "../parts/sent-orders.js";

const SHOWN_SLOTS = 12;
const CURVELESS =
  " In this market a bid like this, without a curve of what more energy is worth, pays its highest price.";
const MONEY = ["order", "clearing", "settlement", "void"];

export function OrderView() {
  const market = useMarket();
  return html`<div class="grid">
    <${Waiting} of=${market} lines=${14}>
      ${market.data && (market.data.takes_orders ? html`<${Desk} market=${market.data} />` : html`<${NoOrders} />`)}
    <//>
  </div>`;
}

function NoOrders() {
  return html`<${Card} id="place" title="Place an order" wide>
    <div class="hollow"><p>This service posts no orders: it was started without a key that pays their gas.
      Owners can still send theirs to the chain themselves.</p></div>
  <//>`;
}

function Desk({ market }) {
  const [slot, setSlot] = useState(null);
  return html`<${OrderForm} market=${market} tell=${setSlot} />
    <div class="stack"><${SentOrders} market=${market} /><${BookOf} slot=${slot} /></div>`;
}

function BookOf({ slot }) {
  const now = useSlot();
  const book = useKept(useResource(slot === null ? null : `/slots/${slot}/book`, ["order"]));
  const { offers, bids } = sides(book.data?.entries ?? []);
  return html`<${Card} id="book-of" title=${slot === null ? "Order book" : `Order book of ${slotName(slot, now)}`}>
    <${Waiting} of=${book} lines=${4} empty=${offers.length + bids.length === 0 && "No orders for this slot yet."}>
      <${BookChart} offers=${offers} bids=${bids} price=${null} traded=${0} />
      <${BookKeys} />
      <p class="small">${sentence(offers, bids, null, 0)}</p>
    <//>
  <//>`;
}

function OrderForm({ market, tell }) {
  const [participant] = useChosen();
  const now = useSlot();
  const speed = useStore(clock)?.speed;
  const [form, setForm] = useState({ kind: "bid", energy: "", price: "", slot: null });
  const [signer, setSigner] = useState(market.devnet ? "test" : "wallet");
  const [errors, setErrors] = useState({});
  const [busy, setBusy] = useState("");
  const element = useRef(null);
  const first = now === null ? null : nextGateSlot(now);
  const slot =
    form.slot !== null && first !== null && form.slot >= first ? form.slot : suggested(first, speed);
  useEffect(() => tell(slot), [slot]);
  const change = (fields) => {
    setForm({ ...form, ...fields });
    setErrors({});
  };
  useEffect(() => {
    if (Object.keys(errors).length) element.current?.querySelector("[aria-invalid=true]")?.focus();
  }, [errors]);

  const send = async (event) => {
    event.preventDefault();
    const typed = read(form, market);
    if (Object.keys(typed.errors).length) return setErrors(typed.errors);
    setErrors({});
    setBusy(signer === "wallet" ? "Waiting for your wallet …" : "Signing …");
    try {
      const newest = await get(`/participants/${participant.number}`);
      const order = await placeOrder({
        market,
        participant: newest,
        signer,
        slot,
        kind: form.kind,
        energy_wh: Number(typed.energy),
        price_micro_usd_per_mwh: Number(typed.limit),
      });
      remember(order, market);
      announce("Order signed and handed in.");
      setForm({ ...form, energy: "", slot: null });
    } catch (problem) {
      setErrors(problems(problem));
    }
    setBusy("");
    return undefined;
  };

  return html`<${Card} id="place" title="Place an order">
    <form ref=${element} onSubmit=${send} noValidate autocomplete="off">
      <${PersonSelect} error=${errors.participant} />
      <${Money} participant=${participant} />
      <fieldset class="segments"><legend>Side</legend>
        ${[
          ["bid", "Bid", "buy energy"],
          ["offer", "Offer", "sell energy"],
        ].map(
          ([kind, name, meaning]) =>
            html`<label key=${kind} class=${kind}><input type="radio" name="kind" value=${kind}
              checked=${form.kind === kind} onChange=${() => change({ kind })}
              /><span><b>${name}</b> <small>${meaning}</small></span></label>`,
        )}
      </fieldset>
      <${SlotField} slot=${slot} first=${first} now=${now} participant=${participant} error=${errors.slot}
        choose=${(next) => change({ slot: next })} />
      <div class="pair">
        <${TextField} label="Energy" unit="kWh" value=${form.energy} error=${errors.energy} placeholder="1.25"
          change=${(energy) => change({ energy })} />
        <${TextField} label=${form.kind === "bid" ? "Highest price" : "Lowest price"} unit="USD/kWh"
          value=${form.price} error=${errors.price} placeholder="0.21"
          change=${(value) => change({ price: value })} hint=${html`<${PriceHint} kind=${form.kind} />`} />
      </div>
      <${Preview} form=${form} market=${market} />
      <${SignerField} market=${market} participant=${participant} signer=${signer} choose=${setSigner}
        error=${errors.signer} />
      ${errors.form && html`<p class="error box" role="alert">${errors.form}</p>`}
      <p class="actions"><button type="submit" class="primary"
        disabled=${busy !== "" || !participant || slot === null}
        aria-describedby="sign-note">${busy || "Sign and hand in"}</button></p>
      <p class="small" id="sign-note">Your signature (EIP-712) is all that is sent. The service posts the order
        to the chain and pays its gas; it can change nothing in it.</p>
    </form>
  <//>`;
}

/** Far enough ahead to type, and later than what the village's simulated orders are for. */
const suggested = (first, speed) => (first === null ? null : first + (Number(speed) > 1 ? 3 : 1));

function problems(problem) {
  if (problem instanceof NotSigned) return { signer: problem.message };
  if (problem instanceof Problem) {
    const { field, text } = refusal(problem);
    return { [field]: text };
  }
  return { form: `This went wrong in the page: ${problem.message}` };
}

function Money({ participant }) {
  const account = useResource(participant ? `/accounts/${participant.owner}` : null, MONEY);
  const data = account.data;
  return html`<${Tiles} label="Money of the participant">
    <${Tile} name="Free" value=${data ? usd(data.free_micro_usd) : "–"} unit="USD" />
    <${Tile} name="Locked in orders" value=${data ? usd(data.locked_micro_usd) : "–"} unit="USD" />
  <//>`;
}

function SlotField({ slot, first, now, participant, error, choose }) {
  const id = useId();
  const orders = useResource(
    participant && slot !== null ? `/orders?slot=${slot}&participant=${participant.number}&limit=5` : null,
    ["order"],
  );
  const has = (orders.data?.items ?? []).find((one) => one.entry !== "cancellation");
  const options = first === null ? [] : Array.from({ length: SHOWN_SLOTS }, (_, at) => first + at);
  const note = `${id}-note`;
  return html`<div class="field">
    <label for=${id}>Delivery slot</label>
    <select id=${id} value=${String(slot ?? "")} aria-describedby=${note} aria-invalid=${error ? "true" : undefined}
      onChange=${(event) => choose(Number(event.currentTarget.value))}>
      ${options.map((one) => html`<option key=${one} value=${String(one)}>${slotName(one, now)}</option>`)}
    </select>
    <p class=${error ? "error" : "hint"} id=${note}>${
      error ||
      (has
        ? `${participant.name} has an order for this slot already; a slot takes one.`
        : slot === null
          ? "…"
          : `Orders until ${clockTime(gateClosesAt(slot))} chain time, half an hour before delivery.`)
    }</p>
  </div>`;
}

function TextField({ label, unit, value, change, error, placeholder, hint }) {
  const id = useId();
  return html`<div class="field">
    <label for=${id}>${label} <span class="unit">${unit}</span></label>
    <input id=${id} type="text" inputmode="decimal" value=${value} placeholder=${placeholder} required
      aria-invalid=${error ? "true" : undefined} aria-describedby=${`${id}-note`}
      onInput=${(event) => change(event.currentTarget.value)} />
    <p class=${error ? "error" : "hint"} id=${`${id}-note`}>${error || hint || " "}</p>
  </div>`;
}

function PriceHint({ kind }) {
  const { cleared } = useSlots();
  const last = cleared.find((one) => one.clearing_price_micro_usd_per_mwh !== null);
  const fee = kind === "bid" ? "Lease fee included. " : "";
  return last ? `${fee}Last cleared at ${price(last.clearing_price_micro_usd_per_mwh)}.` : `${fee} `;
}

function Preview({ form, market }) {
  const { energy, limit, errors } = useMemo(() => read(form, market), [form, market]);
  const ready = Object.keys(errors).length === 0;
  const amount = ready ? usd(lockOf(form.kind, energy, limit, market)) : "–";
  const curveless = form.kind === "bid" && market.manifest.mechanism.name === "pairwise-nash";
  return html`<p class="preview">${
    form.kind === "bid"
      ? html`Locks at most <b>${amount} USD</b> until the slot is settled; what the trade does not need is free
        again then.`
      : html`Locks a bond of <b>${amount} USD</b> until the slot is settled; a seller that delivers less than it
        sold pays its buyer from it.`
  }${curveless && CURVELESS}</p>`;
}

function SignerField({ market, participant, signer, choose, error }) {
  const name = participant?.name ?? "this participant";
  const ways = [
    ...(market.devnet
      ? [
          [
            "test",
            `Test key of ${name}`,
            "Made in this browser from its public label. Anybody can make it: for development only.",
          ],
        ]
      : []),
    [
      "wallet",
      "Browser wallet",
      hasWallet()
        ? "Asks the wallet of this browser for its account and signature."
        : "This browser has no wallet.",
    ],
  ];
  return html`<fieldset class="choices" aria-describedby="signer-error"><legend>Sign with</legend>
    ${ways.map(
      ([id, title, note]) =>
        html`<label key=${id}><input type="radio" name="signer" value=${id} checked=${signer === id}
          disabled=${id === "wallet" && !hasWallet()}
          aria-invalid=${error && signer === id ? "true" : undefined} onChange=${() => choose(id)}
          /><span><b>${title}</b><small>${note}</small></span></label>`,
    )}
    <p class="error" id="signer-error">${error}</p>
  </fieldset>`;
}
