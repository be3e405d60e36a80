// What the page and its worker say to each other.

import type { Level } from "./maths/levels";
import type { Settings } from "./maths/settings";

export type Request =
  /** Start afresh; frames carry the number of the run that they belong to. */
  | { kind: "start"; run: number; settings: Settings }
  /** Go on with the same weights at another sparsity. */
  | { kind: "sparsity"; sparsity: number }
  /** Go on with these weights, which were moved by hand. */
  | { kind: "weights"; W: Float64Array }
  /** Train at most so many steps, and answer with a frame. */
  | { kind: "advance"; steps: number };

export interface Weights {
  W: Float64Array;
  b: Float64Array;
}

export interface Frame extends Weights {
  kind: "frame";
  run: number;
  step: number;
  loss: number;
  /** The same settings with the next seeds. */
  others: Weights[];
}

export interface Levels {
  kind: "levels";
  run: number;
  sparsity: number;
  levels: Level[];
}

export type Answer = Frame | Levels;
