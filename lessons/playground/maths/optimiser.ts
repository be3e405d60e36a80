// Adam (Kingma and Ba 2015), with its usual constants.

const BETA_1 = 0.9;
const BETA_2 = 0.999;
const EPSILON = 1e-8;

export class Adam {
  private readonly first: Float64Array;
  private readonly second: Float64Array;
  private steps = 0;

  constructor(size: number) {
    this.first = new Float64Array(size);
    this.second = new Float64Array(size);
  }

  /** Change the parameters, which may lie in several arrays, by one step along the gradients. */
  update(parameters: Float64Array[], gradients: Float64Array[], learningRate: number): void {
    this.steps++;
    const scale1 = 1 / (1 - BETA_1 ** this.steps);
    const scale2 = 1 / (1 - BETA_2 ** this.steps);
    let at = 0;
    parameters.forEach((values, which) => {
      const gradient = gradients[which]!;
      for (let i = 0; i < values.length; i++, at++) {
        const g = gradient[i]!;
        this.first[at] = BETA_1 * this.first[at]! + (1 - BETA_1) * g;
        this.second[at] = BETA_2 * this.second[at]! + (1 - BETA_2) * g * g;
        const size = Math.sqrt(this.second[at]! * scale2) + EPSILON;
        values[i]! -= (learningRate * this.first[at]! * scale1) / size;
      }
    });
  }
}
