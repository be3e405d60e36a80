// What can be set, within which range, and the sentence for what cannot be.

export const RELATIONS = ["independent", "correlated", "anticorrelated"] as const;
export const ACTIVATIONS = ["relu", "gelu", "linear"] as const;
export type Relation = (typeof RELATIONS)[number];
export type Activation = (typeof ACTIVATIONS)[number];

export interface Settings {
  /** Number of features. */
  n: number;
  /** Hidden dimensions. */
  m: number;
  /** S: the probability that a feature, or a set of features, is off. */
  sparsity: number;
  /** The importance of feature i = 0 .. n - 1 is decay^i. */
  decay: number;
  relation: Relation;
  /** Features in a set; sets are not used by independent features. */
  setSize: number;
  learningRate: number;
  activation: Activation;
  /** Samples in a training step. */
  batch: number;
  /** Factor on the initial weights. */
  start: number;
  seed: number;
}

export const DEFAULTS: Settings = {
  n: 5,
  m: 2,
  sparsity: 0.95,
  decay: 0.9,
  relation: "independent",
  setSize: 2,
  learningRate: 0.01,
  activation: "relu",
  batch: 128,
  start: 1,
  seed: 0,
};

interface Range {
  low: number;
  high: number;
  whole: boolean;
}

const whole = (low: number, high: number): Range => ({ low, high, whole: true });
const between = (low: number, high: number): Range => ({ low, high, whole: false });

export const RANGES = {
  n: whole(2, 12),
  m: whole(2, 3),
  sparsity: between(0, 0.99),
  decay: between(0.1, 1),
  setSize: whole(2, 6),
  learningRate: between(0.0001, 0.1),
  batch: whole(16, 1024),
  start: between(0.001, 3),
  seed: whole(0, 999_999),
} satisfies Partial<Record<keyof Settings, Range>>;

export type NumberSetting = keyof typeof RANGES;
export type Problem = { setting: keyof Settings; sentence: string };

/** What is wrong with a number, in the words of the library's own checks; null if nothing is. */
export function problemOfNumber(setting: NumberSetting, value: number): string | null {
  const { low, high, whole } = RANGES[setting];
  if (whole && !(Number.isInteger(value) && value >= low)) {
    return `${setting} must be a whole number of at least ${low}; got ${shown(value)}`;
  }
  if (whole && value > high) {
    const separated = [high, value].map((number) => number.toLocaleString("en-US"));
    return `${setting} must be at most ${separated[0]}; got ${separated[1]}`;
  }
  if (value >= low && value <= high) return null;
  return `${setting} must lie in [${low}, ${high}]; got ${shown(value)}`;
}

function shown(value: number): string {
  return Number.isNaN(value) ? "no number" : String(value);
}

/** The first thing that is wrong with settings, or null. */
export function problemOf(settings: Settings): Problem | null {
  for (const setting of Object.keys(RANGES) as NumberSetting[]) {
    const sentence = problemOfNumber(setting, settings[setting]);
    if (sentence) return { setting, sentence };
  }
  const { n, relation, setSize } = settings;
  if (relation !== "independent" && n % setSize !== 0) {
    const sentence = `n must be a multiple of setSize, as all sets have the same size; got n = ${n}, setSize = ${setSize}`;
    return { setting: "setSize", sentence };
  }
  return null;
}

export function importances({ n, decay }: Settings): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => decay ** i);
}
