// Five settings, and what is to be seen at them.

import { DEFAULTS, type Settings } from "./maths/settings";

export interface Preset {
  id: string;
  name: string;
  settings: Settings;
  see: string;
  why: string;
  next: string;
}

const preset = (
  id: string,
  name: string,
  settings: Partial<Settings>,
  [see, why, next]: [string, string, string],
): Preset => ({ id, name, settings: { ...DEFAULTS, ...settings }, see, why, next });

export const PRESETS: Preset[] = [
  preset("orthogonal", "Two orthogonal features", { sparsity: 0, learningRate: 0.03 }, [
    "The two most important features have a direction each, at right angles and of length 1. The other three shrink to zero.",
    "At sparsity 0 all features are on in every sample. A third arrow would disturb the first two each time, so the model does without it: it answers with the mean of the feature, the bias b = 1/2.",
    "Drag the sparsity up slowly. Watch when a third feature appears, and where its arrow points.",
  ]),
  preset("pairs", "Antipodal pairs", { sparsity: 0.75 }, [
    "Four features lie on two lines, as pairs in opposite directions. The fifth, one of the less important, is not represented.",
    "If only one feature of a pair is on, the other receives a negative input, and ReLU turns it into zero: this interference is free. Both are on in one sample of sixteen (p² = 1/16), and only then there is an error.",
    "Drag the sparsity to 0.95: the weights are kept and the pairs stay, though a restart there finds the pentagon, with a lower loss. Drag the pentagon back: it stays down to 0.8. That both last at the same sparsity is the sign of a first-order change; rings in the plot of dimensionality mark both ways.",
  ]),
  preset("pentagon", "Pentagon", { sparsity: 0.95 }, [
    "All five features are represented, about 72° from their neighbours. Each has 2/5 of a dimension.",
    "A feature is on in one sample of twenty, and two at once are rare. The nearest neighbours of a feature receive a small positive input; the negative bias b is a threshold that cuts it off, and the length above 1 makes up for what the threshold takes.",
    "Click a feature to see its threshold. Then set the sparsity to 0.8 and restart: about three seeds in four miss the pentagon.",
  ]),
  preset("correlated", "Correlated pairs", { n: 4, decay: 1, relation: "correlated", start: 0.1 }, [
    "Features 1 and 2 are on together, and so are 3 and 4. The two of a set are at right angles; opposite each of them lies a feature of the other set.",
    "Features that are on together would disturb each other each time, so they take orthogonal directions. The two sets are rarely on at once, so they share these directions as antipodal pairs.",
    "Below, under more, make the sets anticorrelated: now the two of a set are never on together, and may be opposite at no cost. About half of the seeds find this.",
  ]),
  preset("many", "Too many features", { n: 12 }, [
    "Twelve features, but only five or six long arrows: a pentagon or a hexagon. The other features are not represented.",
    "With each further arrow the neighbours come closer, the threshold has to rise, and less of every feature gets through. While a new arrow is short, its neighbours disturb it about as much as it helps, so most do not grow.",
    "Raise the sparsity to 0.99: it stays at that. Then set m = 3 (under more) and drag beside the arrows to turn them: about nine find a place.",
  ]),
];

export function presetOf(settings: Settings): Preset | null {
  const same = (other: Settings): boolean =>
    (Object.keys(DEFAULTS) as (keyof Settings)[]).every(
      (key) => key === "seed" || other[key] === settings[key],
    );
  return PRESETS.find(({ settings }) => same(settings)) ?? null;
}
