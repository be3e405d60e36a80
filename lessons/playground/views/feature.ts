// What one feature does when it alone is on: x, h, and each output before and after the ReLU.

import { activate, hidden, preactivation, type Model } from "../maths/model";
import { featureColor } from "./colors";
import { byId } from "./page";
import { drawing, set, svg } from "./svg";

const ROW = 17;
const TOP = 14;
const EDGE = { left: 18, right: 92 };
const NEGLIGIBLE = 0.02;

/** Of an output: what arrives, W_j . h; the threshold, -b_j; and what comes out. */
interface Output {
  arrives: number;
  threshold: number;
  comesOut: number;
}

export class FeatureView {
  feature: number | null = null;
  private value = 0.5;
  private model: Model | null = null;
  private n = 0;
  private width = 0;
  private root: SVGSVGElement | null = null;
  private readonly slider = byId<HTMLInputElement>("value");

  constructor(closed: () => void) {
    byId("close").addEventListener("click", closed);
    this.slider.addEventListener("input", () => {
      this.value = Number(this.slider.value);
      if (this.model) this.draw(this.model);
    });
  }

  show(feature: number | null): void {
    this.feature = feature;
    byId("feature").hidden = feature === null;
    byId("story").hidden = feature !== null;
    if (feature !== null && this.model) this.draw(this.model);
  }

  draw(model: Model): void {
    this.model = model;
    const { feature, value } = this;
    if (feature === null || feature >= model.n) return;
    if (this.n !== model.n) this.rebuild(model.n);
    const h = hiddenOf(model, feature, value);
    const outputs = outputsOf(model, h);
    byId("feature-name").textContent = `Feature ${feature + 1} alone is on`;
    byId("value-shown").textContent = value.toFixed(2);
    byId("feature-x").textContent = String(feature + 1);
    byId("hidden").textContent = `h = Wx = (${[...h].map(signed).join(", ")})`;
    this.drawRows(outputs);
    const lines = sentences(outputs, feature, value, model.activation === "relu");
    const text = lines.join(" ");
    if (byId("feature-says").textContent !== text) byId("feature-says").textContent = text;
  }

  private rebuild(n: number): void {
    this.n = n;
    this.root?.remove();
    const label = "for each output: what arrives, its threshold, and what comes out";
    this.root = drawing(byId("outputs"), TOP + n * ROW + 4, label, (_, width) => {
      this.width = width;
      if (this.model) this.draw(this.model);
    });
    for (let j = 0; j < n; j++) {
      const row = svg("g", { transform: `translate(0 ${TOP + j * ROW})` }, this.root);
      row.style.setProperty("--feature", featureColor(j, n));
      svg("text", { x: 10, y: 12, class: "tick end" }, row, String(j + 1));
      svg("rect", { y: 4, height: 9, class: "arrives" }, row);
      svg("rect", { y: 4, height: 9, class: "comes-out" }, row);
      svg("path", { class: "threshold" }, row);
      svg("text", { y: 12, class: "tick end" }, row);
      svg("text", { y: 12, class: "tick end" }, row);
    }
    svg("path", { class: "axis" }, this.root);
    svg("text", { y: 9, class: "tick end" }, this.root, "before");
    svg("text", { y: 9, class: "tick end" }, this.root, "after");
  }

  private drawRows(outputs: Output[]): void {
    if (!this.root || this.width === 0) return;
    const x = (value: number): number =>
      EDGE.left + ((Math.max(-1.5, Math.min(1.6, value)) + 1.5) / 3.1) * (this.width - EDGE.left - EDGE.right);
    const [beforeAt, afterAt] = [this.width - 46, this.width - 2];
    outputs.forEach(({ arrives, threshold, comesOut }, j) => {
      const [, whole, part, mark, before, after] = this.root!.children[j]!.children;
      set(whole!, { x: Math.min(x(0), x(arrives)), width: Math.abs(x(arrives) - x(0)) });
      set(part!, { x: x(threshold), width: Math.max(0, x(arrives) - x(threshold)) });
      set(mark!, { d: `M${x(threshold)} 1V16` });
      set(before!, { x: beforeAt });
      set(after!, { x: afterAt });
      before!.textContent = signed(arrives - threshold);
      after!.textContent = signed(comesOut);
    });
    const [axis, before, after] = [...this.root.children].slice(outputs.length);
    set(axis!, { d: `M${x(0)} ${TOP}V${TOP + outputs.length * ROW}` });
    set(before!, { x: beforeAt });
    set(after!, { x: afterAt });
  }
}

function hiddenOf(model: Model, feature: number, value: number): Float64Array {
  const x = new Float64Array(model.n);
  x[feature] = value;
  const h = new Float64Array(model.m);
  hidden(model, x, 0, h);
  return h;
}

function outputsOf(model: Model, h: Float64Array): Output[] {
  return Array.from({ length: model.n }, (_, j) => {
    const z = preactivation(model, h, j);
    const threshold = -model.b[j]!;
    return { arrives: z + threshold, threshold, comesOut: activate(model.activation, z) };
  });
}

/** Say what becomes of the feature, and of what it sends to the others. */
function sentences(outputs: Output[], feature: number, value: number, relu: boolean): string[] {
  const own = `The feature comes out as ${outputs[feature]!.comesOut.toFixed(2)} instead of ${value.toFixed(2)}.`;
  if (!relu) return [own, "Without a ReLU nothing cuts interference off: positive or negative, it costs."];
  const others = outputs.map((output, j) => ({ ...output, j })).filter(({ j }) => j !== feature);
  const negative = others.filter(({ arrives, comesOut }) => arrives < -NEGLIGIBLE && comesOut === 0);
  const cut = others.filter(({ arrives, comesOut }) => arrives > NEGLIGIBLE && comesOut === 0);
  const passed = others.filter(({ comesOut, threshold }) => comesOut > NEGLIGIBLE && threshold >= 0);
  const constant = others.filter(({ threshold }) => threshold < -NEGLIGIBLE);
  const said = [own];
  if (negative.length > 0) said.push(`What arrives at ${listed(negative)} is negative: ReLU turns it into zero, so this interference is free.`);
  if (cut.length > 0) said.push(`What arrives at ${listed(cut)} is positive, but below the threshold −b, and is cut off.`);
  if (passed.length > 0) said.push(`At ${listed(passed)} it passes the threshold: an error, which a smaller x makes less of.`);
  if (constant.length > 0) said.push(`The bias of ${listed(constant)} is positive: what is not represented is answered with its mean.`);
  return said;
}

function listed(outputs: { j: number }[]): string {
  const names = outputs.map(({ j }) => String(j + 1));
  const last = names.pop();
  return names.length > 0 ? `${names.join(", ")} and ${last}` : String(last);
}

function signed(value: number): string {
  const text = Math.abs(value).toFixed(2);
  return value < 0 && text !== "0.00" ? `−${text}` : text;
}
