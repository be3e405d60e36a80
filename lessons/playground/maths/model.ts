// The ReLU-output model, h = W x and x' = f(W^T h + b), its loss and its gradient.

import type { Batch } from "./batches";
import { normal, type Uniforms } from "./random";
import type { Activation } from "./settings";

export interface Model {
  n: number;
  m: number;
  /** [m, n] by rows: W[k n + i] is hidden dimension k of feature i. */
  W: Float64Array;
  b: Float64Array;
  activation: Activation;
}

/** W is Xavier-normal times a factor, b zero. */
export function initialModel(
  n: number,
  m: number,
  activation: Activation,
  start: number,
  next: Uniforms,
): Model {
  const scale = start * Math.sqrt(2 / (n + m));
  const W = Float64Array.from({ length: m * n }, () => scale * normal(next));
  return { n, m, W, b: new Float64Array(n), activation };
}

const GELU = Math.sqrt(2 / Math.PI);
const CUBE = 0.044715;

export function activate(kind: Activation, z: number): number {
  if (kind === "relu") return z > 0 ? z : 0;
  if (kind === "linear") return z;
  return 0.5 * z * (1 + Math.tanh(GELU * (z + CUBE * z ** 3)));
}

function slope(kind: Activation, z: number): number {
  if (kind === "relu") return z > 0 ? 1 : 0;
  if (kind === "linear") return 1;
  const t = Math.tanh(GELU * (z + CUBE * z ** 3));
  return 0.5 * (1 + t) + 0.5 * z * (1 - t * t) * GELU * (1 + 3 * CUBE * z * z);
}

export function hidden({ n, m, W }: Model, x: Float64Array, at: number, h: Float64Array): void {
  h.fill(0);
  for (let j = 0; j < n; j++) {
    const value = x[at + j]!;
    if (value !== 0) for (let k = 0; k < m; k++) h[k]! += W[k * n + j]! * value;
  }
}

/** What enters the activation of output i. */
export function preactivation({ n, m, W, b }: Model, h: Float64Array, i: number): number {
  let z = b[i]!;
  for (let k = 0; k < m; k++) z += W[k * n + i]! * h[k]!;
  return z;
}

export interface Gradient {
  W: Float64Array;
  b: Float64Array;
}

/** The weighted sum over samples of sum_i I_i (x_i - x'_i)^2; its gradient is written, if asked. */
export function loss(
  model: Model,
  importance: Float64Array,
  batch: Batch,
  gradient?: Gradient,
): number {
  const { n, b, activation } = model;
  const relu = activation === "relu"; // the usual one, without calls
  const { x, weights } = batch;
  const [w0, w1, w2] = threeRows(model, model.W);
  const [g0, g1, g2] = threeRows(model, gradient?.W.fill(0));
  const db = gradient?.b.fill(0);
  let total = 0;
  for (let sample = 0, at = 0; sample < weights.length; sample++, at += n) {
    let h0 = 0;
    let h1 = 0;
    let h2 = 0;
    for (let j = 0; j < n; j++) {
      const value = x[at + j]!;
      if (value === 0) continue;
      h0 += w0[j]! * value;
      h1 += w1[j]! * value;
      h2 += w2[j]! * value;
    }
    let back0 = 0;
    let back1 = 0;
    let back2 = 0;
    for (let i = 0; i < n; i++) {
      const z = b[i]! + w0[i]! * h0 + w1[i]! * h1 + w2[i]! * h2;
      const output = relu ? (z > 0 ? z : 0) : activate(activation, z);
      const error = output - x[at + i]!;
      const weighted = weights[sample]! * importance[i]! * error;
      total += weighted * error;
      if (!db || (relu && z <= 0)) continue;
      const dz = 2 * weighted * (relu ? 1 : slope(activation, z));
      db[i]! += dz;
      g0[i]! += dz * h0;
      g1[i]! += dz * h1;
      g2[i]! += dz * h2;
      back0 += dz * w0[i]!;
      back1 += dz * w1[i]!;
      back2 += dz * w2[i]!;
    }
    if (!db) continue;
    for (let j = 0; j < n; j++) {
      const value = x[at + j]!;
      if (value === 0) continue;
      g0[j]! += back0 * value;
      g1[j]! += back1 * value;
      g2[j]! += back2 * value;
    }
  }
  return total;
}

/** Views of the rows of W, or of its gradient; rows that there are not are zeros of their own. */
function threeRows({ n, m }: Model, W?: Float64Array): [Float64Array, Float64Array, Float64Array] {
  const row = (k: number): Float64Array => (W && k < m ? W.subarray(k * n, (k + 1) * n) : new Float64Array(n));
  return [row(0), row(1), row(2)];
}
