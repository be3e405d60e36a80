// A run and the same run with the next nine seeds, step by step together, and their test loss.

import { type Batch, testBatch } from "./maths/batches";
import { distributionOf } from "./maths/distribution";
import { loss } from "./maths/model";
import type { Settings } from "./maths/settings";
import { Trainer } from "./maths/trainer";

export const OTHER_SEEDS = 9;
const TEST_SAMPLES = 2048;

export class Session {
  readonly main: Trainer;
  readonly others: Trainer[];
  private test: Batch;

  constructor(private settings: Settings) {
    this.main = new Trainer(settings);
    this.others = Array.from(
      { length: OTHER_SEEDS },
      (_, i) => new Trainer({ ...settings, seed: settings.seed + 1 + i }),
    );
    this.test = testBatch(distributionOf(settings), TEST_SAMPLES);
  }

  setSparsity(sparsity: number): void {
    this.settings = { ...this.settings, sparsity };
    for (const trainer of [this.main, ...this.others]) trainer.setSparsity(sparsity);
    this.test = testBatch(distributionOf(this.settings), TEST_SAMPLES);
  }

  /** Take steps until these are taken or the time is up. */
  advance(steps: number, milliseconds: number): void {
    const end = performance.now() + milliseconds;
    for (let i = 0; i < steps && performance.now() < end; i++) {
      for (const trainer of [this.main, ...this.others]) trainer.advance(1);
    }
  }

  get loss(): number {
    return loss(this.main.model, this.main.importance, this.test);
  }
}
