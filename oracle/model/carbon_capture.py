"""
The carbon-capture plant of a thermal unit, (1) to (3).

    P_G = P_net + P_fix·u + P_op                                           (1)
    P_op·Δ = ω'·E_cap,   0 ≤ E_cap ≤ g·e·P_G·Δ                             (2)
    E = e·P_G·Δ − E_cap                                                    (3)

=========  =====================  =====  =====  ==============================================
Symbol     Name in the code       Shape  Unit   Meaning
=========  =====================  =====  =====  ==============================================
P_G        gross_mw               (T,)   MW     output before the plant's own use
P_net      net_mw                 (T,)   MW     output to the grid
P_fix      capture_fixed_mw       ()     MW     fixed use of the plant while the unit is on
P_op·Δ     –                      (T,)   MWh    use that follows the capture
E_cap      captured_t             (T,)   t      CO₂ captured in the slot
E          emitted_t              (T,)   t      CO₂ emitted in the slot
e          emission_t_per_mwh     ()     t/MWh  CO₂ per gross output
ω          capture_mwh_per_t      ()     MWh/t  nameplate capture energy
ω', g      mwh_per_t, max_share   ()     …, 1   as the reading of the efficiency makes them
u          on                     (T,)   0/1    commitment
=========  =====================  =====  =====  ==============================================

(1) and (3) are printed, and so is the first half of (2); its limit is inferred. "Capture efficiency
80 %" can be read in two ways, and the switch between them is ours:

* `energy`: the efficiency divides the energy, ω' = ω / efficiency, and g = max_share;
* `share`: the efficiency caps the captured share, ω' = ω and g = efficiency.

A unit without capture has E_cap = 0 and no P_fix. P_net is not bounded from below: nothing
says that a unit may not draw from the grid to run its plant.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oracle.domain.power_system import CapturePolicy, ThermalUnit

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturePlant:
    """The constants of (1) to (3) for one unit under one reading of the efficiency."""

    emission_t_per_mwh: float
    mwh_per_t: float
    max_share: float
    fixed_mw: float

    @property
    def max_captured_t_per_mwh(self) -> float:
        """The limit of (2) per gross output, g·e."""
        return self.max_share * self.emission_t_per_mwh

    def capture_mw(self, on: FloatArray, captured_t: FloatArray, hours: float) -> FloatArray:
        """Return what the plant uses, P_fix·u + P_op of (1) and (2)."""
        return self.fixed_mw * on + self.mwh_per_t * captured_t / hours

    def emitted_t(self, gross_mw: FloatArray, captured_t: FloatArray, hours: float) -> FloatArray:
        """Return E of (3)."""
        return self.emission_t_per_mwh * gross_mw * hours - captured_t


def capture_plant(unit: ThermalUnit, policy: CapturePolicy) -> CapturePlant:
    if not unit.capture:
        return CapturePlant(
            emission_t_per_mwh=unit.emission_t_per_mwh, mwh_per_t=0.0, max_share=0.0, fixed_mw=0.0
        )
    reads_energy = policy.reading == "energy"
    return CapturePlant(
        emission_t_per_mwh=unit.emission_t_per_mwh,
        mwh_per_t=unit.capture_mwh_per_t / (policy.efficiency if reads_energy else 1.0),
        max_share=policy.max_share if reads_energy else policy.efficiency,
        fixed_mw=unit.capture_fixed_mw,
    )
