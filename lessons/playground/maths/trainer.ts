// One run: a model, its optimiser and its random numbers, decided by settings and a seed.

import { type Batch, draw, emptyBatch } from "./batches";
import { type Distribution, distributionOf } from "./distribution";
import { type Gradient, initialModel, loss, type Model } from "./model";
import { Adam } from "./optimiser";
import { type Uniforms, uniformsOf } from "./random";
import { importances, type Settings } from "./settings";

export class Trainer {
  readonly model: Model;
  readonly importance: Float64Array;
  step = 0;
  private readonly batch: Batch;
  private readonly gradient: Gradient;
  private readonly optimiser: Adam;
  private readonly next: Uniforms;
  private distribution: Distribution;

  constructor(private settings: Settings) {
    const { n, m, activation, start, seed, batch } = settings;
    this.next = uniformsOf(seed);
    this.model = initialModel(n, m, activation, start, this.next);
    this.importance = importances(settings);
    this.batch = emptyBatch(batch + 1, n);
    this.gradient = { W: new Float64Array(m * n), b: new Float64Array(n) };
    this.optimiser = new Adam(m * n + n);
    this.distribution = distributionOf(settings);
  }

  /** Go on with the same weights at another sparsity. */
  setSparsity(sparsity: number): void {
    this.settings = { ...this.settings, sparsity };
    this.distribution = distributionOf(this.settings);
  }

  advance(steps: number): void {
    const { model, gradient } = this;
    for (let i = 0; i < steps; i++, this.step++) {
      draw(this.batch, this.distribution, this.next);
      loss(model, this.importance, this.batch, gradient);
      const parameters = [model.W, model.b];
      this.optimiser.update(parameters, [gradient.W, gradient.b], this.settings.learningRate);
    }
  }
}
