// Points that fill the unit cube evenly: a Sobol sequence, with the direction numbers of Joe and
// Kuo 2008 (new-joe-kuo-6), as in SciPy.

import type { Uniforms } from "./random";

const BITS = 24;

/** Of each dimension after the first: a primitive polynomial, and the first direction numbers. */
const DIMENSIONS: readonly (readonly [number, readonly number[]])[] = [
  [3, [1]],
  [7, [1, 3]],
  [11, [1, 3, 1]],
  [13, [1, 1, 1]],
  [19, [1, 1, 3, 3]],
  [25, [1, 3, 5, 13]],
  [37, [1, 1, 5, 5, 17]],
  [41, [1, 1, 5, 5, 5]],
  [47, [1, 1, 7, 11, 19]],
  [55, [1, 1, 5, 1, 1]],
  [59, [1, 1, 1, 3, 11]],
  [61, [1, 3, 5, 5, 31]],
  [67, [1, 3, 3, 9, 7, 49]],
  [91, [1, 1, 1, 15, 21, 21]],
  [97, [1, 3, 1, 13, 27, 49]],
  [103, [1, 1, 1, 15, 7, 5]],
  [109, [1, 3, 1, 15, 13, 25]],
  [115, [1, 1, 5, 5, 19, 61]],
];

/** The coordinates of the points after the first, which is zero, one after the other. */
export function sobolPoints(dimensions: number): Uniforms {
  const directions = Array.from({ length: dimensions }, (_, d) => directionNumbers(d));
  const state = new Uint32Array(dimensions);
  let index = 0;
  return () => {
    const dimension = index % dimensions;
    const point = Math.floor(index++ / dimensions) + 1;
    state[dimension]! ^= directions[dimension]![lowestBit(point)]!;
    return state[dimension]! / 2 ** BITS;
  };
}

function directionNumbers(dimension: number): Uint32Array {
  const numbers = new Uint32Array(BITS);
  const [polynomial, first] = dimension === 0 ? [1, []] : DIMENSIONS[dimension - 1]!;
  const degree = 31 - Math.clz32(polynomial);
  const odd: number[] = [...first];
  for (let k = odd.length; k < BITS; k++) {
    if (degree === 0) {
      odd.push(1);
      continue;
    }
    let number = odd[k - degree]! ^ (odd[k - degree]! * 2 ** degree);
    for (let i = 1; i < degree; i++) {
      if ((polynomial >> (degree - i)) & 1) number ^= odd[k - i]! * 2 ** i;
    }
    odd.push(number >>> 0);
  }
  odd.forEach((number, k) => {
    numbers[k] = number * 2 ** (BITS - 1 - k);
  });
  return numbers;
}

function lowestBit(number: number): number {
  return 31 - Math.clz32(number & -number);
}
