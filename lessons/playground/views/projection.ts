// From hidden dimensions to the picture's plane; three dimensions can be turned.

import type { Model } from "../maths/model";

export type Point = [x: number, y: number, depth: number];

export class Projection {
  private right: Point = [1, 0, 0];
  private up: Point = [0, 1, 0];
  private towards: Point = [0, 0, 1];

  constructor(private readonly m: number) {
    if (m === 3) this.turn(0.5, 0.35);
  }

  /** Turn about the vertical and the horizontal axis of the picture, in radians. */
  turn(sideways: number, upwards: number): void {
    [this.right, this.towards] = rotate(this.right, this.towards, sideways);
    [this.up, this.towards] = rotate(this.up, this.towards, upwards);
  }

  point({ n, W }: Pick<Model, "n" | "W">, i: number): Point {
    const w: Point = [W[i]!, W[n + i]!, this.m === 3 ? W[2 * n + i]! : 0];
    return [dot(this.right, w), dot(this.up, w), dot(this.towards, w)];
  }

  /** The column of W that is seen at a point. */
  column([x, y, depth]: Point): number[] {
    const along = [0, 1, 2].map((k) => x * this.right[k]! + y * this.up[k]! + depth * this.towards[k]!);
    return along.slice(0, this.m);
  }
}

const dot = (a: Point, b: Point): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

function rotate(a: Point, b: Point, angle: number): [Point, Point] {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const mix = (x: number, y: number): Point => [0, 1, 2].map((k) => x * a[k]! + y * b[k]!) as Point;
  return [mix(c, s), mix(-s, c)];
}
