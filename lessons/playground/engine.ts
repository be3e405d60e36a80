// The worker, made from its text so that the page needs no second file.

import type { Settings } from "./maths/settings";
import type { Answer, Frame, Levels, Request } from "./messages";
import source from "worker:source";

export class Engine {
  private readonly worker: Worker;
  private run = 0;
  private waiting = 0; // requests without an answer

  constructor(
    private readonly onFrame: (frame: Frame) => void,
    private readonly onLevels: (levels: Levels) => void,
  ) {
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    this.worker = new Worker(address);
    this.worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => this.hear(data));
  }

  get idle(): boolean {
    return this.waiting === 0;
  }

  start(settings: Settings): void {
    this.run++;
    this.send({ kind: "start", run: this.run, settings });
  }

  setSparsity(sparsity: number): void {
    this.send({ kind: "sparsity", sparsity });
  }

  setWeights(W: Float64Array): void {
    this.send({ kind: "weights", W });
  }

  advance(steps: number): void {
    this.send({ kind: "advance", steps });
  }

  private send(request: Request): void {
    this.waiting++;
    this.worker.postMessage(request);
  }

  private hear(answer: Answer): void {
    if (answer.kind === "frame") this.waiting--;
    if (answer.run !== this.run) return;
    if (answer.kind === "frame") this.onFrame(answer);
    else this.onLevels(answer);
  }
}
