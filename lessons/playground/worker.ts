// Trains beside the page, and computes the levels of the loss when there is time.

import { levelsOf } from "./maths/levels";
import type { Settings } from "./maths/settings";
import type { Answer, Request } from "./messages";
import { Session } from "./session";

const BUDGET = 12; // milliseconds of training in an answer

let session: Session;
let settings: Settings;
let run = 0;
let pending: ReturnType<typeof setTimeout> | undefined;

const answer = (message: Answer): void => postMessage(message);

function sendFrame(): void {
  const { model, step } = session.main;
  const others = session.others.map(({ model }) => ({ W: model.W, b: model.b }));
  answer({ kind: "frame", run, step, loss: session.loss, W: model.W, b: model.b, others });
}

function sendLevelsSoon(): void {
  clearTimeout(pending);
  pending = setTimeout(() => {
    const { sparsity } = settings;
    answer({ kind: "levels", run, sparsity, levels: levelsOf(settings) });
  }, 60);
}

addEventListener("message", ({ data }: MessageEvent<Request>) => {
  if (data.kind === "start") {
    ({ settings, run } = data);
    session = new Session(settings);
    sendLevelsSoon();
  } else if (data.kind === "sparsity") {
    settings = { ...settings, sparsity: data.sparsity };
    session.setSparsity(data.sparsity);
    sendLevelsSoon();
  } else if (data.kind === "weights") {
    session.main.model.W.set(data.W);
  } else {
    session.advance(data.steps, BUDGET);
  }
  sendFrame();
});
