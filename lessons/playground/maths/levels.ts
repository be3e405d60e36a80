// The least loss of regular arrangements of independent, equally sparse features.

import { testBatch } from "./batches";
import { distributionOf } from "./distribution";
import { loss, type Model } from "./model";
import { DEFAULTS, importances, type Settings } from "./settings";

const TO_SEARCH = 512; // samples that find the length and the bias
const TO_MEASURE = 16384; // samples that measure the loss there

/** A single feature, a pair, or a polygon, in dimensions of its own, by the number of features. */
type Factor = 1 | 2 | 3 | 5 | 6;

interface Arrangement {
  name: string;
  factors: Factor[];
}

const ARRANGEMENTS: Record<number, Arrangement[]> = {
  2: [
    { name: "2 orthogonal", factors: [1, 1] },
    { name: "triangle", factors: [3] },
    { name: "two pairs", factors: [2, 2] },
    { name: "pentagon", factors: [5] },
    { name: "hexagon", factors: [6] },
  ],
  3: [
    { name: "3 orthogonal", factors: [1, 1, 1] },
    { name: "pair + 2", factors: [2, 1, 1] },
    { name: "two pairs + 1", factors: [2, 2, 1] },
    { name: "octahedron", factors: [2, 2, 2] },
    { name: "pentagon + pair", factors: [5, 2] },
  ],
};

export interface Level {
  name: string;
  loss: number;
}

/**
 * The levels for these settings. In an arrangement all features of a factor have the same length
 * and bias, those that minimise the loss; features beyond it, the least important ones, are not
 * represented, and cost their variance, p/3 - p^2/4, each. There are none for sets of features
 * or another activation than ReLU.
 */
export function levelsOf(settings: Settings): Level[] {
  const { n, m, sparsity, relation, activation } = settings;
  if (relation !== "independent" || activation !== "relu") return [];
  const p = 1 - sparsity;
  const importance = importances(settings);
  return ARRANGEMENTS[m]!.filter(({ factors }) => corners(factors) <= n).map(({ name, factors }) => {
    const each = factors.flatMap((k) => Array<number>(k).fill(costPerFeature(k, sparsity)));
    const dropped = p / 3 - (p * p) / 4;
    const total = importance.reduce((sum, I, i) => sum + I * (each[i] ?? dropped), 0);
    return { name, loss: total };
  });
}

const corners = (factors: Factor[]): number => factors.reduce((sum, k) => sum + k, 0);

const known = new Map<string, number>();

function costPerFeature(k: Factor, sparsity: number): number {
  if (k === 1) return 0;
  const key = `${k} ${sparsity}`;
  const cost = known.get(key) ?? leastCost(k, sparsity);
  known.set(key, cost);
  return cost;
}

/** Search the length and the bias that minimise the loss, by steps that halve. */
function leastCost(k: Factor, sparsity: number): number {
  const settings: Settings = { ...DEFAULTS, n: k, sparsity, decay: 1 };
  const importance = importances(settings);
  const directions = directionsOf(k);
  const cost = (samples: number) => {
    const batch = testBatch(distributionOf(settings), samples);
    return (length: number, bias: number): number => {
      const W = directions.map((entry) => entry * length);
      const b = new Float64Array(k).fill(bias);
      const model: Model = { n: k, m: directions.length / k, W, b, activation: "relu" };
      return loss(model, importance, batch) / k;
    };
  };
  return cost(TO_MEASURE)(...leastPoint(cost(TO_SEARCH), [1, 0]));
}

const MOVES = [[1, 0], [-1, 0], [0, 1], [0, -1], [1, -1], [-1, 1]] as const;

/** Search the minimum of a function of two numbers, by steps that halve. */
function leastPoint(f: (x: number, y: number) => number, start: [number, number]): [number, number] {
  let best = { at: start, value: f(...start) };
  for (let step = 0.1; step > 2e-3; step /= 2) {
    for (let moved = true; moved; ) {
      const around = MOVES.map(([dx, dy]) => {
        const at: [number, number] = [best.at[0] + step * dx, best.at[1] + step * dy];
        return { at, value: f(...at) };
      });
      const least = around.reduce((a, b) => (b.value < a.value ? b : a));
      moved = least.value < best.value;
      if (moved) best = least;
    }
  }
  return best.at;
}

/** Unit vectors to the corners, [m, k] by rows. */
function directionsOf(k: Factor): Float64Array {
  if (k === 2) return Float64Array.of(1, -1);
  const angle = (i: number): number => (2 * Math.PI * (i % k)) / k;
  return Float64Array.from({ length: 2 * k }, (_, i) => (i < k ? Math.cos(angle(i)) : Math.sin(angle(i))));
}
