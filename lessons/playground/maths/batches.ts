// Samples to train on and to test on, with weights.

import { type Distribution, drawGates, noneActive } from "./distribution";
import type { Uniforms } from "./random";
import { sobolPoints } from "./sobol";

/** Samples by rows [samples, n], and the weight of each in the loss. */
export interface Batch {
  x: Float64Array;
  weights: Float64Array;
}

export function emptyBatch(samples: number, n: number): Batch {
  return { x: new Float64Array(samples * n), weights: new Float64Array(samples) };
}

/**
 * Draw a training batch: samples in which something is active, and last one of zeros, which has
 * the weight of all that are zero. The loss is that of plain samples, with less noise
 * (`given_active` of the library's `Reconstruction`).
 */
export function draw(batch: Batch, distribution: Distribution, next: Uniforms): void {
  const { n } = distribution;
  const samples = batch.weights.length - 1;
  const none = noneActive(distribution);
  const gates = new Float64Array(distribution.gates);
  for (let sample = 0; sample < samples; sample++) {
    drawGates(distribution, next, gates);
    distribution.features(gates, next, batch.x, sample * n);
    batch.weights[sample] = (1 - none) / samples;
  }
  batch.weights[samples] = none;
}

/**
 * The test batch, always the same: every set of open gates has its exact probability and at least
 * one of the points of a Sobol sequence, more the likelier it is; about `samples` in all.
 */
export function testBatch(distribution: Distribution, samples: number): Batch {
  const { n, gates, p, uniforms } = distribution;
  const sets = 2 ** gates;
  const points = Array.from({ length: sets }, (_, set) => pointsOf(set, gates, p, samples));
  const batch = emptyBatch(points.reduce((sum, count) => sum + count), n);
  const next = sobolPoints(gates + uniforms);
  const values = new Float64Array(gates);
  let sample = 0;
  points.forEach((count, set) => {
    const weight = probability(openIn(set), gates, p) / count;
    for (let i = 0; i < count; i++, sample++) {
      for (let gate = 0; gate < gates; gate++) {
        const u = next();
        values[gate] = (set >> gate) & 1 ? u : 0;
      }
      distribution.features(values, next, batch.x, sample * n);
      batch.weights[sample] = weight;
    }
  });
  return batch;
}

/** The points of a set, a power of two: shares of the square root of the probability of its size. */
function pointsOf(set: number, gates: number, p: number, samples: number): number {
  const open = openIn(set);
  if (open === 0) return 1;
  let [some, all] = [0, 0];
  for (let k = 1, ways = 1; k <= gates; k++) {
    ways = (ways * (gates - k + 1)) / k;
    const share = Math.sqrt(ways * probability(k, gates, p));
    all += share;
    if (k === open) some = share / ways;
  }
  return 2 ** Math.round(Math.log2(Math.max(1, (samples * some) / all)));
}

const probability = (open: number, gates: number, p: number): number =>
  p ** open * (1 - p) ** (gates - open);

function openIn(set: number): number {
  let open = 0;
  for (let rest = set; rest > 0; rest >>= 1) open += rest & 1;
  return open;
}
