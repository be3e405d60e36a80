// Sparse features, whose gates are open or closed.

import type { Uniforms } from "./random";
import type { Settings } from "./settings";

/**
 * Gates are independent: open with probability p and then uniform on [0, 1]. A gate is one
 * feature, or a set of them: all are active (correlated, with values of their own), or exactly one
 * (anticorrelated). Elhage et al. 2022, "Correlated and Anti-correlated Features".
 */
export interface Distribution {
  n: number;
  gates: number;
  /** The probability that a gate is open. */
  p: number;
  /** Uniform numbers that `features` takes. */
  uniforms: number;
  /** Write the features of gates, of which closed ones are 0, to x[at .. at + n - 1]. */
  features(gates: Float64Array, next: Uniforms, x: Float64Array, at: number): void;
}

export function distributionOf({ n, relation, setSize, sparsity }: Settings): Distribution {
  const size = relation === "independent" ? 1 : setSize;
  const sets = n / size;
  const own = { n, gates: sets, p: 1 - sparsity };
  if (relation === "independent") {
    const features: Distribution["features"] = (gates, _, x, at) => {
      for (let i = 0; i < n; i++) x[at + i] = gates[i]!;
    };
    return { ...own, uniforms: 0, features };
  }
  if (relation === "correlated") {
    const features: Distribution["features"] = (gates, next, x, at) => {
      for (let i = 0; i < n; i++) {
        const value = next();
        x[at + i] = gates[Math.floor(i / size)]! > 0 ? value : 0;
      }
    };
    return { ...own, uniforms: n, features };
  }
  const features: Distribution["features"] = (gates, next, x, at) => {
    for (let set = 0; set < sets; set++) {
      const chosen = Math.floor(next() * size);
      for (let i = 0; i < size; i++) x[at + set * size + i] = i === chosen ? gates[set]! : 0;
    }
  };
  return { ...own, uniforms: sets, features };
}

/** The probability that no feature is active. */
export function noneActive({ gates, p }: Distribution): number {
  return (1 - p) ** gates;
}

/** Draw gates given that one is open: the first open one, closed ones before it, others after. */
export function drawGates({ p }: Distribution, next: Uniforms, gates: Float64Array): void {
  const sets = gates.length;
  const level = next() * (1 - (1 - p) ** sets);
  let first = 0;
  let openBy = p; // P(a gate up to `first` is open)
  for (; first < sets - 1 && level >= openBy; first++) openBy += (1 - openBy) * p;
  for (let set = 0; set < sets; set++) {
    const u = next();
    gates[set] = set < first ? 0 : set === first ? u : u < p ? u / p : 0;
  }
}
