// What can be turned behind `more`, with a sentence on each.

import {
  ACTIVATIONS,
  type NumberSetting,
  problemOf,
  RANGES,
  RELATIONS,
  type Settings,
} from "./maths/settings";

type Choice = "relation" | "activation";
type Knob =
  | { setting: NumberSetting; name: string; says: string; step: number }
  | { setting: Choice; name: string; says: string; options: readonly string[] };

const KNOBS: Knob[] = [
  { setting: "sparsity", name: "sparsity S", step: 0.01, says: "The probability that a feature, or a set of features, is off; the weights are kept." },
  { setting: "n", name: "n, features", step: 1, says: "How many features a sample has." },
  { setting: "m", name: "m, dimensions", step: 1, says: "How many hidden dimensions the model has for them." },
  { setting: "decay", name: "importance decay", step: 0.05, says: "The weight of the error of feature i is this to the power of i − 1; at 1 all are alike." },
  { setting: "relation", name: "relation", options: RELATIONS, says: "Whether features are on independently, all of a set together, or one of a set at a time." },
  { setting: "setSize", name: "features in a set", step: 1, says: "How many features a correlated or anticorrelated set has." },
  { setting: "activation", name: "activation", options: ACTIVATIONS, says: "The function f of the output, x′ = f(WᵀWx + b); linear is PCA, without superposition." },
  { setting: "learningRate", name: "learning rate", step: 0.001, says: "How far Adam moves the weights in a step; large ones are fast and restless." },
  { setting: "batch", name: "batch", step: 16, says: "How many fresh samples a step sees; each has at least one feature that is on." },
  { setting: "start", name: "initial scale", step: 0.1, says: "A factor on the random weights that the training starts with." },
  { setting: "seed", name: "seed", step: 1, says: "The number that decides all random draws; the same seed gives the same run." },
];

export class Knobs {
  private settings!: Settings;
  private readonly fields = new Map<keyof Settings, HTMLInputElement | HTMLSelectElement>();

  /** `changed` gets settings without a problem. */
  constructor(host: HTMLElement, private readonly changed: (settings: Settings) => void) {
    host.append(...KNOBS.map((knob) => this.make(knob)));
  }

  show(settings: Settings): void {
    this.settings = settings;
    for (const [setting, field] of this.fields) {
      field.value = String(settings[setting]);
      this.complain(setting, null);
    }
  }

  private make(knob: Knob): HTMLElement {
    const { setting, name, says } = knob;
    const field = "options" in knob ? choice(knob.options) : numberField(knob.setting, knob.step);
    field.id = `knob-${setting}`;
    field.setAttribute("aria-describedby", `knob-${setting}-says knob-${setting}-problem`);
    field.addEventListener("change", () => this.read());
    this.fields.set(setting, field);
    const row = document.createElement("div");
    row.className = "knob";
    const part = <K extends keyof HTMLElementTagNameMap>(tag: K, id: string, text: string): HTMLElementTagNameMap[K] => {
      const element = document.createElement(tag);
      if (id) element.id = `knob-${setting}-${id}`;
      element.textContent = text;
      return element;
    };
    const label = part("label", "", name);
    label.htmlFor = field.id;
    const problem = part("p", "problem", "");
    problem.className = "problem";
    problem.setAttribute("role", "alert");
    const sentence = part("p", "says", says);
    sentence.className = "says";
    row.append(label, field, sentence, problem);
    return row;
  }

  private read(): void {
    const settings = { ...this.settings };
    for (const [setting, field] of this.fields) {
      const value = setting in RANGES ? (field as HTMLInputElement).valueAsNumber : field.value;
      Object.assign(settings, { [setting]: value });
    }
    const problem = problemOf(settings);
    for (const setting of this.fields.keys()) {
      this.complain(setting, problem?.setting === setting ? problem.sentence : null);
    }
    if (!problem) this.changed(settings);
  }

  private complain(setting: keyof Settings, sentence: string | null): void {
    this.fields.get(setting)!.setAttribute("aria-invalid", String(sentence !== null));
    const place = document.getElementById(`knob-${setting}-problem`);
    if (place && place.textContent !== (sentence ?? "")) place.textContent = sentence;
  }
}

function choice(options: readonly string[]): HTMLSelectElement {
  const field = document.createElement("select");
  for (const option of options) field.add(new Option(option));
  return field;
}

function numberField(setting: NumberSetting, step: number): HTMLInputElement {
  const field = document.createElement("input");
  field.type = "number";
  field.step = String(step);
  field.min = String(RANGES[setting].low);
  field.max = String(RANGES[setting].high);
  return field;
}
