"""
Lots: what decides where a mechanism's rule, fees and times leave two matchings equal.

Lots are fixed numbers, so sums of some agree. Were they drawn at random, L routes that carry at
most K Wh each would leave two optima with a chance of at most L K / 2^bits: whatever the other lots
are, as a route's lot grows, what the route carries in the optimum changes at K values or fewer, and
two optima differ on a route whose lot is one of these (the isolation lemma of Mulmuley, Vazirani
and Vazirani, "Matching is as easy as matrix inversion", Combinatorica 7, 1987).
"""

LOT_BITS = 32
WORD = 1 << 256
# odd numbers: 2^256 over the golden ratio, and the fraction of the square root of 2
FACTORS = (
    0x9E3779B97F4A7C15F39CC0605CEDC8341082276BF3A27251F86C6A11D0C18E95,
    0x6A09E667F3BCC908B2FB1366EA957D3E3ADEC17512775099DA2F590B0667322B,
)


def lot(one: int, other: int, bits: int = LOT_BITS) -> int:
    """
    Return some bits, at most 128, that depend on two positions in no simple way.

    A multiplication, a shift and another, as in SplitMix (Steele, Lea and Flood, "Fast splittable
    pseudorandom number generators", OOPSLA 2014), on 256 bits.
    """
    mixed = (one << 16 | other) * FACTORS[0] % WORD
    return (mixed ^ mixed >> 128) * FACTORS[1] % WORD >> 256 - bits
