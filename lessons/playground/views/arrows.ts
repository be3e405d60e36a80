// The columns of W as arrows, which can be chosen, moved and, in space, turned.

import { dimensionality, norms } from "../maths/geometry";
import type { Model } from "../maths/model";
import { featureColor } from "./colors";
import { type Point, Projection } from "./projection";
import { set, svg } from "./svg";

const HALF = 1.42; // half the side of the square, in units of W
const NUDGE = 0.05; // of an arrow key
const TURN = 0.1; // radians of an arrow key
const KEYS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

export interface ArrowEvents {
  choose(feature: number): void;
  /** An arrow was moved by hand; `done` when it is let go. */
  move(W: Float64Array, done: boolean): void;
}

interface Arrow {
  group: SVGGElement;
  line: SVGLineElement;
  grip: SVGLineElement;
  tip: SVGCircleElement;
  ring: SVGCircleElement;
  label: SVGTextElement;
}

export class Arrows {
  private readonly root: SVGSVGElement;
  private readonly layer: SVGGElement;
  private arrows: Arrow[] = [];
  private projection = new Projection(2);
  private model: Model | null = null;
  private chosen: number | null = null;

  constructor(host: HTMLElement, private readonly events: ArrowEvents) {
    this.root = svg("svg", { viewBox: `${-HALF} ${-HALF} ${2 * HALF} ${2 * HALF}`, class: "arrows", role: "group" }, host);
    svg("circle", { r: 1, class: "guide" }, this.root);
    this.layer = svg("g", {}, this.root);
    this.root.addEventListener("pointerdown", (event) => this.startTurning(event));
    this.root.addEventListener("keydown", (event) => this.turnByKey(event));
  }

  draw(model: Model): void {
    if (this.model?.n !== model.n || this.model.m !== model.m) this.rebuild(model);
    this.model = model;
    const points = this.arrows.map((_, i) => this.projection.point(model, i));
    points.forEach((point, i) => this.place(this.arrows[i]!, point, model.m === 3));
    if (model.m === 3) this.sortByDepth(points);
  }

  choose(feature: number | null): void {
    this.chosen = feature;
    this.arrows.forEach(({ group }, i) => {
      set(group, { "aria-pressed": String(i === feature), class: i === feature ? "arrow chosen" : "arrow" });
    });
  }

  /** Tell screen readers of the arrows; not at every frame. */
  describe(): void {
    if (!this.model) return;
    const lengths = norms(this.model);
    const shares = dimensionality(this.model);
    this.arrows.forEach(({ group }, i) => {
      const label = `feature ${i + 1}: length ${lengths[i]!.toFixed(2)}, dimensionality ${shares[i]!.toFixed(2)}`;
      set(group, { "aria-label": label });
    });
  }

  turn(sideways: number, upwards: number): void {
    this.projection.turn(sideways, upwards);
    if (this.model) this.draw(this.model);
  }

  private rebuild({ n, m }: Model): void {
    this.projection = new Projection(m);
    this.layer.replaceChildren();
    const label = m === 3 ? "arrows of the features in space; arrow keys turn them" : "arrows of the features in the plane";
    set(this.root, { "aria-label": label, tabindex: m === 3 ? 0 : -1 });
    this.root.classList.toggle("turnable", m === 3);
    this.arrows = Array.from({ length: n }, (_, i) => this.makeArrow(i, n));
    this.choose(this.chosen !== null && this.chosen < n ? this.chosen : null);
  }

  private makeArrow(i: number, n: number): Arrow {
    const group = svg("g", { class: "arrow", role: "button", tabindex: 0, "aria-label": `feature ${i + 1}` });
    this.layer.prepend(group); // the first is on top
    group.style.setProperty("--feature", featureColor(i, n));
    const grip = svg("line", { class: "grip" }, group);
    const line = svg("line", { class: "shaft" }, group);
    const ring = svg("circle", { r: 0.085, class: "ring" }, group);
    const tip = svg("circle", { r: 0.045, class: "tip" }, group);
    const label = svg("text", { class: "name" }, group, String(i + 1));
    group.addEventListener("pointerdown", (event) => this.startMoving(event, i));
    group.addEventListener("keydown", (event) => this.key(event, i));
    return { group, line, grip, tip, ring, label };
  }

  private place({ group, line, grip, tip, ring, label }: Arrow, [x, y, depth]: Point, solid: boolean): void {
    const length = Math.hypot(x, y);
    set(line, { x2: x, y2: -y });
    set(grip, { x2: x, y2: -y });
    set(tip, { cx: x, cy: -y });
    set(ring, { cx: x, cy: -y });
    const out = 1 + 0.14 / Math.max(length, 0.05);
    set(label, { x: x * out, y: -y * out, opacity: Math.max(0, Math.min(1, (length - 0.1) / 0.2)) });
    set(group, { opacity: solid ? Math.max(0.45, Math.min(1, 0.75 + 0.3 * depth)) : 1 });
  }

  private sortByDepth(points: Point[]): void {
    const order = points.map((_, i) => i).sort((a, b) => points[a]![2] - points[b]![2]);
    const sorted = order.map((i) => this.arrows[i]!.group);
    if (document.activeElement instanceof SVGGElement && sorted.includes(document.activeElement)) return;
    if (sorted.some((group, i) => this.layer.children[i] !== group)) this.layer.append(...sorted);
  }

  private scale(): number {
    return (2 * HALF) / this.root.getBoundingClientRect().width;
  }

  private startMoving(event: PointerEvent, i: number): void {
    event.stopPropagation();
    let moved = false;
    const model = this.model!;
    const start = this.projection.point(model, i);
    follow(event, (dx, dy, done) => {
      moved ||= Math.hypot(dx, dy) > 4;
      if (moved) this.move(i, [start[0] + dx * this.scale(), start[1] - dy * this.scale(), start[2]], done);
      else if (done) this.events.choose(i);
    });
  }

  private move(i: number, point: Point, done: boolean): void {
    const { n } = this.model!;
    const W = this.model!.W.slice();
    this.projection.column(point).forEach((entry, k) => {
      W[k * n + i] = entry;
    });
    this.events.move(W, done);
  }

  private key(event: KeyboardEvent, i: number): void {
    const direction = KEYS[event.key];
    if (event.key === "Enter" || event.key === " ") this.events.choose(i);
    else if (direction) {
      const [x, y, depth] = this.projection.point(this.model!, i);
      this.move(i, [x + NUDGE * direction[0], y + NUDGE * direction[1], depth], true);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private startTurning(event: PointerEvent): void {
    if (this.model?.m !== 3) return;
    let [atX, atY] = [0, 0];
    follow(event, (dx, dy) => {
      this.turn((dx - atX) / 120, (atY - dy) / 120);
      [atX, atY] = [dx, dy];
    });
  }

  private turnByKey(event: KeyboardEvent): void {
    const direction = KEYS[event.key];
    if (this.model?.m !== 3 || !direction) return;
    this.turn(TURN * direction[0], TURN * direction[1]);
    event.preventDefault();
  }
}

/** Report a pointer's way until it is let go. */
function follow(down: PointerEvent, moved: (dx: number, dy: number, done: boolean) => void): void {
  down.preventDefault();
  const tell = (done: boolean) => (event: PointerEvent) =>
    moved(event.clientX - down.clientX, event.clientY - down.clientY, done);
  const move = tell(false);
  const stop = new AbortController();
  const { signal } = stop;
  addEventListener("pointermove", move, { signal });
  for (const end of ["pointerup", "pointercancel"] as const) {
    addEventListener(end, (event) => {
      stop.abort();
      tell(true)(event);
    }, { signal });
  }
}
