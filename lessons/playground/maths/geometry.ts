// Measures of W, as in the library's `geometry`.

import type { Model } from "./model";

export const REPRESENTED = 0.5; // |W_i| of a feature that is represented
const SAME_DIRECTION = 18; // degrees
const SAME_SHARE = 0.05; // of a dimension
const POLYGONS: Record<number, string> = {
  2: "pair",
  3: "triangle",
  4: "two pairs",
  5: "pentagon",
  6: "hexagon",
};

/** W^T W, [n, n] by rows. */
export function gram({ n, m, W }: Model): Float64Array {
  const products = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      for (let k = 0; k < m; k++) products[i * n + j]! += W[k * n + i]! * W[k * n + j]!;
    }
  }
  return products;
}

/** |W_i| of each feature. */
export function norms(model: Model): number[] {
  const products = gram(model);
  return Array.from({ length: model.n }, (_, i) => Math.sqrt(products[i * (model.n + 1)]!));
}

/** D_i = |W_i|^4 / sum_j (W_i . W_j)^2, a feature's share of a dimension; 0 if W_i is 0. */
export function dimensionality(model: Model): number[] {
  const { n } = model;
  const products = gram(model);
  return Array.from({ length: n }, (_, i) => {
    let shared = 0;
    for (let j = 0; j < n; j++) shared += products[i * n + j]! ** 2;
    return shared > 0 ? products[i * n + i]! ** 2 / shared : 0;
  });
}

/** Angles between neighbouring directions of the represented features of a plane, in degrees. */
export function gaps(model: Model): number[] {
  const { n, W } = model;
  const lengths = norms(model);
  const angles = lengths
    .map((length, i) => (length > REPRESENTED ? Math.atan2(W[n + i]!, W[i]!) : NaN))
    .filter((angle) => !Number.isNaN(angle))
    .map((angle) => (angle * 180) / Math.PI)
    .sort((a, b) => a - b);
  return angles.map((angle, i) => (i + 1 < angles.length ? angles[i + 1]! : angles[0]! + 360) - angle);
}

/** Arrangements in space, by the dimensionality of each of their features. */
const SOLIDS: Record<string, number[]> = {
  "3 orthogonal": [1, 1, 1],
  "pair + 2": [1, 1, 1 / 2, 1 / 2],
  tetrahedron: [3 / 4, 3 / 4, 3 / 4, 3 / 4],
  "two pairs + 1": [1, 1 / 2, 1 / 2, 1 / 2, 1 / 2],
  "triangle + pair": [2 / 3, 2 / 3, 2 / 3, 1 / 2, 1 / 2],
  octahedron: [1 / 2, 1 / 2, 1 / 2, 1 / 2, 1 / 2, 1 / 2],
  "pentagon + pair": [1 / 2, 1 / 2, 2 / 5, 2 / 5, 2 / 5, 2 / 5, 2 / 5],
  "square antiprism": Array<number>(8).fill(3 / 8),
};

function solid(model: Model): string | null {
  const lengths = norms(model);
  const shares = dimensionality(model)
    .filter((_, i) => lengths[i]! > REPRESENTED)
    .sort((a, b) => b - a);
  const same = (wanted: number[]): boolean =>
    shares.length === wanted.length && shares.every((share, i) => Math.abs(share - wanted[i]!) < SAME_SHARE);
  return Object.keys(SOLIDS).find((name) => same(SOLIDS[name]!)) ?? null;
}

/**
 * Name the arrangement of the represented features. In the plane these are the library's names
 * (`geometry.arrangement`), except that a square is called by what it is made of, two pairs.
 */
export function arrangement(model: Model): string {
  const kept = norms(model).filter((length) => length > REPRESENTED).length;
  if (kept === 0) return "nothing yet";
  if (model.m !== 2) return solid(model) ?? `${kept} features`;
  const all = gaps(model);
  const apart = all.filter((gap) => gap > SAME_DIRECTION).sort((a, b) => a - b);
  const near = (wanted: number[], tolerance: number): boolean =>
    apart.length === wanted.length && apart.every((gap, i) => Math.abs(gap - wanted[i]!) < tolerance);
  if (near([90, 270], 22.5) && all.length === 2) return "orthogonal";
  if (near([90, 90, 180], 22.5)) return "pair + 1";
  const even = 360 / apart.length;
  if (apart.length > 1 && near(apart.map(() => even), even / 4)) {
    const name = POLYGONS[apart.length] ?? `${apart.length}-gon`;
    return apart.length === all.length ? name : `${name}, doubled`;
  }
  return Math.max(...all) > 180 ? "cone" : "other";
}
