// Joins what is set, the engine and the views.

import { read, written } from "./address";
import { Engine } from "./engine";
import { Knobs } from "./knobs";
import { arrangement, norms, REPRESENTED } from "./maths/geometry";
import type { Model } from "./maths/model";
import { DEFAULTS, RANGES, type Settings } from "./maths/settings";
import type { Frame, Levels } from "./messages";
import { presetOf } from "./presets";
import { OTHER_SEEDS } from "./session";
import { Arrows } from "./views/arrows";
import { isDark } from "./views/colors";
import { FeatureView } from "./views/feature";
import { Gram } from "./views/gram";
import { LossCurve } from "./views/loss";
import { byId } from "./views/page";
import { Seeds } from "./views/seeds";
import { Shares } from "./views/shares";
import { Story } from "./views/story";

const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

export class Playground {
  frame: Frame | null = null;
  private settings: Settings = DEFAULTS;
  private running = true;
  private target: number | null = null; // step at which to pause
  private last = 0; // when steps were asked for
  private kept = false; // the weights are not those of a run from the start
  private held = false; // an arrow is being moved
  private owed = 0; // steps not yet asked for
  private drawn: Frame | null = null;
  private drawnAt = 0;
  private pictures = 0;

  private readonly engine = new Engine((frame) => this.receive(frame), (levels) => this.show(levels));
  private readonly arrows = new Arrows(byId("arrows"), {
    choose: (feature) => this.choose(feature),
    move: (W, done) => this.moveArrow(W, done),
  });
  private readonly story = new Story(({ settings }) => this.start(settings));
  private readonly gram = new Gram(byId("gram"));
  private readonly loss = new LossCurve(byId("loss"));
  private readonly shares = new Shares(byId("shares"));
  private readonly feature = new FeatureView(() => this.choose(null));
  private readonly seeds = new Seeds(OTHER_SEEDS, (place) => this.startSeed(this.settings.seed + 1 + place));
  private readonly knobs = new Knobs(byId("knobs"), (settings) => this.change(settings));
  private readonly slider = byId<HTMLInputElement>("sparsity");
  private readonly speed = byId<HTMLSelectElement>("speed");

  open(): void {
    byId("run").addEventListener("click", () => this.setRunning(!this.running));
    byId("step").addEventListener("click", () => this.stepOnce());
    byId("restart").addEventListener("click", () => this.start(this.settings));
    byId("new-seed").addEventListener("click", () => this.startSeed(this.settings.seed + 1));
    byId("link").addEventListener("click", () => this.linkToStep());
    byId("theme").addEventListener("click", () => this.setTheme(isDark() ? "light" : "dark"));
    this.slider.addEventListener("input", () => this.setSparsity(sparsityAt(this.slider.value)));
    this.slider.addEventListener("change", () => this.writeAddress());
    addEventListener("hashchange", () => this.readAddress());
    byId("theme").textContent = isDark() ? "light" : "dark";
    this.readAddress();
    requestAnimationFrame((now) => this.tick(now));
  }

  // --- what is set ---------------------------------------------------------------------------

  private readAddress(): void {
    const place = read(location.hash);
    const message = byId("message");
    message.hidden = !("problem" in place);
    if ("problem" in place) {
      message.textContent = `This link is damaged: ${place.problem}. Instead of it you see the pentagon.`;
      this.start(DEFAULTS, null, false);
    } else this.start(place.settings, place.steps, location.hash !== "");
  }

  private writeAddress(): void {
    history.replaceState(null, "", written({ settings: this.settings, steps: null }));
  }

  private start(settings: Settings, steps: number | null = null, write = true): void {
    [this.settings, this.target] = [settings, steps];
    [this.frame, this.drawn, this.owed] = [null, null, 0];
    [this.kept, this.held] = [false, false];
    byId("status").textContent = "";
    if ((this.feature.feature ?? 0) >= settings.n) this.choose(null);
    this.engine.start(settings);
    this.loss.clear();
    this.shares.clear();
    this.knobs.show(settings);
    this.showSparsity();
    this.story.show(presetOf(settings));
    this.setRunning(true);
    if (write && steps === null) this.writeAddress();
  }

  private startSeed(seed: number): void {
    const within = seed <= RANGES.seed.high ? seed : RANGES.seed.low;
    this.start({ ...this.settings, seed: within });
  }

  /** Another sparsity keeps the weights; with any other setting a new run starts. */
  private change(settings: Settings): void {
    const rest = { ...settings, sparsity: this.settings.sparsity };
    if (written({ settings: rest, steps: null }) !== written({ settings: this.settings, steps: null })) {
      this.start(settings);
      return;
    }
    this.setSparsity(settings.sparsity);
    this.showSparsity();
    this.writeAddress();
  }

  private setSparsity(sparsity: number): void {
    if (sparsity === this.settings.sparsity) return;
    this.kept = true;
    this.shares.remember();
    this.loss.mark();
    this.settings = { ...this.settings, sparsity };
    this.engine.setSparsity(sparsity);
    this.knobs.show(this.settings);
    this.showSparsity(false);
    this.setRunning(true);
  }

  private moveArrow(W: Float64Array, done: boolean): void {
    [this.kept, this.held] = [true, !done];
    this.last = performance.now();
    this.engine.setWeights(W);
  }

  /** Let the address lead to this very step, and stay there. */
  private linkToStep(): void {
    const steps = this.frame?.step ?? 0;
    if (!this.kept) {
      this.setRunning(false);
      history.replaceState(null, "", written({ settings: this.settings, steps }));
    }
    byId("status").textContent = this.kept
      ? "The weights were kept while the sparsity changed, or moved by hand; a link would start afresh."
      : `The address now leads to step ${steps.toLocaleString("en-US")} of this run: copy it.`;
  }

  private setRunning(running: boolean): void {
    this.running = running;
    this.last = performance.now();
    byId("run").textContent = running ? "Pause" : "Start";
    if (running) return;
    this.drawn = null; // so that all is drawn
    this.arrows.describe();
  }

  private stepOnce(): void {
    this.setRunning(false);
    this.engine.advance(1);
  }

  private setTheme(theme: "light" | "dark"): void {
    document.documentElement.dataset["theme"] = theme;
    byId("theme").textContent = theme === "dark" ? "light" : "dark";
    this.drawn = null;
  }

  private choose(feature: number | null): void {
    this.arrows.choose(feature);
    this.feature.show(feature);
  }

  // --- time ------------------------------------------------------------------------------------

  private tick(now: number): void {
    requestAnimationFrame((later) => this.tick(later));
    if (this.running && !this.held && this.engine.idle) this.ask(now);
    // who asked for reduced motion sees a picture a second
    const due = !calm || !this.running || now - this.drawnAt > 1000;
    if (this.frame && this.frame !== this.drawn && due) this.draw(this.frame, now);
  }

  private ask(now: number): void {
    if (this.target !== null) {
      const left = this.target - (this.frame?.step ?? 0);
      if (left > 0) this.engine.advance(left);
      else {
        this.target = null;
        this.setRunning(false);
      }
      return;
    }
    this.owed += (Math.min(now - this.last, 100) / 1000) * Number(this.speed.value);
    this.last = now;
    const steps = Math.floor(this.owed);
    this.owed -= steps;
    if (steps > 0) this.engine.advance(steps);
  }

  private receive(frame: Frame): void {
    this.frame = frame;
    this.loss.add(frame.step, frame.loss);
  }

  // --- what is drawn ---------------------------------------------------------------------------

  private modelOf({ W, b }: { W: Float64Array; b: Float64Array }): Model {
    const { n, m, activation } = this.settings;
    return { n, m, W, b, activation };
  }

  private draw(frame: Frame, now: number): void {
    [this.drawn, this.drawnAt] = [frame, now];
    const model = this.modelOf(frame);
    this.arrows.draw(model);
    this.gram.draw(model);
    this.shares.draw(model, this.settings.sparsity);
    this.feature.draw(model);
    // nine pictures are a lot of painting
    if (!this.running || this.pictures++ % 3 === 0) {
      this.seeds.draw(frame.others.map((other) => this.modelOf(other)), this.settings.seed + 1);
    }
    byId("loss-now").textContent = frame.loss.toPrecision(3);
    byId("hint-turn").hidden = model.m !== 3;
    const kept = norms(model).filter((length) => length > REPRESENTED).length;
    byId("arrangement").textContent = arrangement(model);
    byId("counter").textContent =
      `${kept} of ${model.n} features · step ${frame.step.toLocaleString("en-US")} · seed ${this.settings.seed}`;
  }

  private show({ levels, sparsity }: Levels): void {
    if (sparsity === this.settings.sparsity) this.loss.setLevels(levels);
  }

  private showSparsity(move = true): void {
    const { sparsity } = this.settings;
    if (move) this.slider.value = String(-100 * Math.log10(1 - sparsity));
    const p = Math.round((1 - sparsity) * 1000) / 1000;
    byId("sparsity-value").textContent = `${sparsity} (on: p = ${p})`;
    this.slider.setAttribute("aria-valuetext", `sparsity ${sparsity}`);
  }
}

/** The sparsity at a place of the slider, whose scale is logarithmic in p = 1 - S. */
function sparsityAt(position: string): number {
  return Math.round((1 - 10 ** (-Number(position) / 100)) * 1000) / 1000;
}
