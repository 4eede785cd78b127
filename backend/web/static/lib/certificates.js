// What a certificate proves, by mechanism, in words.

const ANY =
  "The contract has itself checked that every trade is between live orders, over a leased line or " +
  "through a manager, at the line's fee, within prices and energies.";

const WORDS = {
  "pairwise-nash":
    "One dual value per bid. They prove, by weak duality, that no other choice of trades carries more " +
    "energy over these lines, or as much at lower lease fees. Each price is recomputed on the chain as " +
    "the Nash price of its pair.",
  matching:
    "Dual values, tie-breaks and ranks of orders and managers. They prove that no other choice of trades " +
    "has a larger welfare after fees within the capacities, and that nobody would rather trade otherwise " +
    "at these prices.",
  uniform: "None is needed: the contract finds the price where supply and demand cross by itself.",
  mcafee:
    "Two pivots: the last offer and the last bid that count. From them the contract recomputes every trade.",
  huang: "Two pivots and the cut of the long side. From them the contract recomputes every trade.",
  "pay-as-bid":
    "The place of each match in the order of arrival, so that the contract can replay the matching.",
  "average-rounds": "The place of each match, so that the contract can replay the rounds.",
  "supply-demand-ratio": "None is needed: the contract computes the price from supply and demand by itself.",
  "mid-market": "None is needed: the price is the middle of import and export price.",
  "demand-bidding": "The equilibrium's price, which the contract checks against every bid.",
};

const letters = (name) => name.toLowerCase().replace(/[^a-z]/g, "");

const BY_LETTERS = new Map(Object.entries(WORDS).map(([name, words]) => [letters(name), words]));

/** `mechanism` is its id, such as pairwise-nash, or its contract, such as PairwiseNash. */
export const provesWhat = (mechanism) => `${BY_LETTERS.get(letters(mechanism ?? "")) ?? ""} ${ANY}`.trim();
