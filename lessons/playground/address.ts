// Settings in the address, behind the #, so that a link reproduces a run.

import {
  ACTIVATIONS,
  DEFAULTS,
  problemOf,
  type Activation,
  type Relation,
  RANGES,
  RELATIONS,
  type NumberSetting,
  type Settings,
} from "./maths/settings";

export interface Place {
  settings: Settings;
  /** Train so many steps, and pause there; null to train on. */
  steps: number | null;
}

const MOST_STEPS = 1_000_000;

export function written({ settings, steps }: Place): string {
  const entries = Object.entries(settings).map(([key, value]) => [key, String(value)]);
  if (steps !== null) entries.push(["steps", String(steps)]);
  return `#${new URLSearchParams(entries)}`;
}

/** Read an address; settings that it does not name have their defaults. */
export function read(hash: string): Place | { problem: string } {
  const settings = { ...DEFAULTS };
  let steps: number | null = null;
  for (const [key, value] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (key in RANGES) settings[key as NumberSetting] = numberOf(value);
    else if (key === "relation" && within(RELATIONS, value)) settings.relation = value as Relation;
    else if (key === "activation" && within(ACTIVATIONS, value)) settings.activation = value as Activation;
    else if (key === "relation") return { problem: `relation must be one of ${RELATIONS.join(", ")}; got ${value}` };
    else if (key === "activation") return { problem: `activation must be one of ${ACTIVATIONS.join(", ")}; got ${value}` };
    else if (key === "steps") steps = numberOf(value);
    else return { problem: `there is no setting ${key}` };
  }
  if (steps !== null && !(Number.isInteger(steps) && steps >= 0 && steps <= MOST_STEPS)) {
    return { problem: `steps must be a whole number from 0 to ${MOST_STEPS.toLocaleString("en-US")}` };
  }
  const problem = problemOf(settings);
  return problem ? { problem: problem.sentence } : { settings, steps };
}

const numberOf = (text: string): number => (text.trim() === "" ? NaN : Number(text));
const within = (options: readonly string[], value: string): boolean => options.includes(value);
